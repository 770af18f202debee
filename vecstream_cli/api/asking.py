"""A question's vector: of words, or of an image that others should be like."""

import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from vecstream_cli.errors import DocumentError, UsageError
from vecstream_cli.lean import put_off
from vecstream_cli.models import META
from vecstream_cli.models.spec import ModelSpec
from vecstream_cli.pipeline.commits import shown_path
from vecstream_cli.settings import devices

if TYPE_CHECKING:
    from vecstream_cli.models.encoder import Encoder


def of_text(spec: ModelSpec, device: str, query: str) -> Sequence[float]:
    """The vector of a query. Raises UsageError where the model cannot read it."""
    if not spec.has_text:
        raise UsageError(
            f"The collection's model {spec.name} reads images only, and no words.",
            hint="Search it by an image: vecstream search --image FILE.",
        )
    from vecstream_cli.models.tokenizer import Tokenizer

    tokenizer = Tokenizer.load(
        spec.tokenizer_file, max_tokens=spec.max_tokens, prompt=spec.query_prompt
    )
    ids = tokenizer.exact_ids(query)
    if len(ids) > spec.max_tokens:
        raise UsageError(
            f"The query is {len(ids)} tokens long, and model {spec.name} reads {spec.max_tokens}.",
            hint="Ask in fewer words; nothing is ever cut off silently.",
        )
    vector: list[float] = _encoder(spec, device).embed([ids], query=True)[0].tolist()
    return vector


def of_image(spec: ModelSpec, device: str, path: str | os.PathLike[str]) -> Sequence[float]:
    """The vector of an image file. Raises UsageError where it, or the model, is of no use."""
    if spec.image is None:
        raise UsageError(
            f"The collection's model {spec.name} reads text only, and no images.",
            hint="Index with a model for images, as in --model clip, to search by one.",
        )
    from vecstream_cli.readers.image import pixels_of
    from vecstream_cli.readers.source import SourceFile

    file, shown = Path(path), shown_path(os.fsencode(path))
    if not file.is_file():
        raise UsageError(f"There is no image file {shown}.")
    try:
        with file.open("rb") as opened:
            size = os.fstat(opened.fileno()).st_size
            source = SourceFile(opened.fileno(), size, os.fsencode(file.name))
            pixels = pixels_of(source, spec.image, lambda: None)
            assert pixels is not None
    except DocumentError as error:
        raise UsageError(f"{shown} cannot be searched with: {error.message}") from error
    except OSError as error:
        raise UsageError(f"{shown} cannot be read: {error.strerror or error}.") from error
    vector: list[float] = _encoder(spec, device).embed_pixels(pixels[None])[0].tolist()
    return vector


@lru_cache(maxsize=1)
def _encoder(spec: ModelSpec, device: str) -> "Encoder":
    put_off(META)
    from vecstream_cli.models.encoder import Encoder

    return Encoder.load(spec, device=devices(device)[0])
