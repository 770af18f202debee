"""Images with Pillow: one picture a file, the first where it holds several; size before content.

What an image declares is looked at before a pixel is decoded: a bomb costs a look at its header.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vecstream_cli.core.blocks import Block, OpenDocument, Picture, ReaderWarning
from vecstream_cli.errors import DocumentError
from vecstream_cli.pixels import ImageInput
from vecstream_cli.readers.failures import document_errors, silenced
from vecstream_cli.readers.image_facts import facts_of
from vecstream_cli.readers.metadata import bounded
from vecstream_cli.readers.pixels import prepared
from vecstream_cli.readers.reading import Reading
from vecstream_cli.readers.source import Progress, SourceFile

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from PIL.Image import Image

MAX_PIXELS = 1 << 26
"""What is decoded at most: 256 MiB as Pillow holds an image of colours."""

# With the names of their plugins. EPS runs a program, WMF asks Windows, others nobody looks at.
_KINDS = {
    "JPEG": "Jpeg",
    "PNG": "Png",
    "GIF": "Gif",
    "WEBP": "WebP",
    "TIFF": "Tiff",
    "BMP": "Bmp",
    "AVIF": "Avif",
    "JPEG2000": "Jpeg2K",
}
# A JPEG is decoded at half, a quarter or an eighth of its size for next to nothing. What is then
# resized differs a little from the whole: so only where the whole would take much memory.
_WHOLE_PIXELS = 1 << 24
_TIMES_WANTED = 4
_LEGIBLE_SIDE = 3000  # of a page, so that its words can still be read
_MAX_DRAFTED_PIXELS = 1 << 29


def read_image(file: SourceFile, reading: Reading) -> OpenDocument:
    """Open an image: a picture for the model, and its words where --ocr asks for them.

    Raises DocumentError ``too-large`` where it declares too many pixels.
    """
    warnings: list[ReaderWarning] = []
    watched = _Watched(file, reading.progress)
    with silenced("PIL"), document_errors("the image"):
        image = opened(watched)
        facts: dict[str, object] = {}
        try:
            with document_errors("what the image says about itself"):
                facts = facts_of(image)
        except DocumentError as error:
            warnings.append(ReaderWarning("metadata", error.message))
        _shrink(image, reading.options.image, _words_wanted(reading))
    return OpenDocument(bounded(facts), _blocks(image, reading, warnings), warnings)


def _words_wanted(reading: Reading) -> str:
    """The languages of the words to look for; none for a model that reads no text."""
    return reading.options.ocr if reading.options.text else ""


def _blocks(
    image: "Image", reading: Reading, warnings: list[ReaderWarning]
) -> Iterator[Block | Picture]:
    wanted, languages = reading.options.image, _words_wanted(reading)
    if wanted is not None:
        with silenced("PIL"), document_errors("the image"):
            pixels = _decoded(image, wanted)
        yield Picture(pixels)
    if not languages:
        return
    from vecstream_cli.readers.image_text import words

    try:
        with silenced("PIL"), document_errors("the image"), _quiet():
            found = list(words(image, languages, reading.progress))
    except DocumentError as error:
        if wanted is None or error.reason != "ocr-failed":
            raise
        warnings.append(ReaderWarning(error.reason, error.message))
        return
    if wanted is None and not found:
        warnings.append(ReaderWarning("no-text", "no text in the image"))
    yield from found


def pixels_of(
    file: SourceFile,
    wanted: ImageInput,
    progress: Progress,
    unless: Callable[[int, int], bool] = lambda width, height: False,
) -> NDArray[np.uint8] | None:
    """The pixels that the model gets of an image file; None where its size is one to pass over.

    Raises DocumentError.
    """
    with silenced("PIL"), document_errors("the image"):
        image = opened(_Watched(file, progress))
        if unless(*image.size):
            return None
        _shrink(image, wanted, "")
        return _decoded(image, wanted)


def opened(file: "_Watched | SourceFile") -> "Image":
    """The image with its header read and no pixel decoded. Raises what Pillow raises."""
    from PIL import Image, UnidentifiedImageError

    for plugin in _KINDS.values():
        import_module(f"PIL.{plugin}ImagePlugin")
    with _own_limit():
        try:
            return Image.open(file, formats=list(_KINDS))  # type: ignore[arg-type]
        except UnidentifiedImageError as error:
            raise DocumentError(
                "malformed", "The file is no image, or too damaged to tell of which kind."
            ) from error


def refuse_bomb(width: int, height: int, most: int = MAX_PIXELS) -> None:
    """Raise DocumentError ``too-large`` where there are more pixels than are decoded."""
    if width * height > most:
        raise DocumentError(
            "too-large",
            f"The image has {width:,} × {height:,} pixels; at most {most >> 20} million are read.",
        )


def _shrink(image: "Image", wanted: ImageInput | None, languages: str) -> None:
    """Have a large JPEG decoded smaller; refuse what is still too large."""
    declared = image.width * image.height
    if declared > _WHOLE_PIXELS and image.format in ("JPEG", "MPO"):
        refuse_bomb(*image.size, _MAX_DRAFTED_PIXELS)
        least = _LEGIBLE_SIDE if languages else 1
        if wanted is not None:
            edge = max(wanted.height, wanted.width, wanted.shortest_edge or 0)
            least = max(least, _TIMES_WANTED * edge)
        image.draft(None, (least, least))
    refuse_bomb(*image.size)


def _decoded(image: "Image", wanted: ImageInput) -> NDArray[np.uint8]:
    if image.format != "TIFF":
        return prepared(image, wanted)
    with _quiet():
        return prepared(image, wanted)


@contextmanager
def _quiet() -> Iterator[None]:
    """Inside, what a C library writes to standard error is lost: libtiff tells of every odd tag."""
    kept = os.dup(2)
    try:
        with suppress(OSError):  # where the parser may open nothing, its words stay
            nowhere = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
            os.dup2(nowhere, 2)
            os.close(nowhere)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


@contextmanager
def _own_limit() -> Iterator[None]:
    """Pillow's own limit warns in the one case and raises in the other: ours is looked at."""
    from PIL import Image

    theirs, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = theirs


class _Watched:
    """The file as Pillow reads it: each read is progress."""

    def __init__(self, file: SourceFile, progress: Progress) -> None:
        self._file = file
        self._progress = progress
        self.seek = file.seek
        self.tell = file.tell

    def read(self, size: int = -1) -> bytes:
        self._progress()
        return self._file.read(size) or b""

    def readinto(self, buffer: "WriteableBuffer") -> int:
        self._progress()
        return self._file.readinto(buffer)
