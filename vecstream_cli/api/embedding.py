"""Calls for a Python program: an embedding model; a file, or a folder, into a database."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from vecstream_cli.api.index import index
from vecstream_cli.errors import UsageError
from vecstream_cli.models.resolve import resolve
from vecstream_cli.models.spec import ModelSpec
from vecstream_cli.pipeline.events import Listener, Summary, silent
from vecstream_cli.readers.formats import IMAGES
from vecstream_cli.settings import DEFAULT_COLLECTION, DEFAULT_MODEL, Settings

PathLike = str | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class EmbeddingModel:
    """A model that was found and checked, but not loaded: the inference process does that."""

    spec: ModelSpec
    device: str = "auto"

    @classmethod
    def from_pretrained(
        cls, name: str = DEFAULT_MODEL, *, revision: str | None = None, device: str = "auto"
    ) -> Self:
        """The model in a local folder, an installed package, the hub's cache or the hub.

        Raises ModelError. Imports no torch.
        """
        return cls(resolve(name, revision=revision), device)

    @property
    def dimension(self) -> int:
        """The length of its vectors, which are float32."""
        return self.spec.dimension

    @property
    def max_tokens(self) -> int:
        """The most tokens of one input, special tokens included."""
        return self.spec.max_tokens


@dataclass(frozen=True, slots=True)
class Database:
    """Where the rows go: a database, as with `--db`, `--db-uri` and `--collection`."""

    db: str = "lance"
    uri: str | None = None
    collection: str = DEFAULT_COLLECTION


def embed_file(
    path: PathLike,
    *,
    embedder: EmbeddingModel | None = None,
    adapter: Database | str = "lance",
    listener: Listener = silent,
    **options: Any,
) -> Summary:
    """Embed one file and stream its rows into the database; again only where it changed.

    `adapter` is a `Database`, or a database's name for its default place. `options` are the
    further fields of `Settings`, such as ``chunk_size`` or ``max_memory``. Raises VecstreamError.
    """
    if Path(path).is_dir():
        raise UsageError(f"{str(path)!r} is a folder.", hint="Use embed_directory().")
    return _embed([path], embedder, adapter, listener, options)


def embed_directory(
    path: PathLike,
    *,
    embedder: EmbeddingModel | None = None,
    adapter: Database | str = "lance",
    listener: Listener = silent,
    **options: Any,
) -> Summary:
    """Bring the database up to date with every document below a folder; see `embed_file`.

    Rows of documents that are gone from the folder are deleted.
    """
    if Path(path).is_file():
        raise UsageError(f"{str(path)!r} is a file.", hint="Use embed_file().")
    return _embed([path], embedder, adapter, listener, options)


def embed_image_directory(
    path: PathLike,
    *,
    embedder: EmbeddingModel | None = None,
    adapter: Database | str = "lance",
    listener: Listener = silent,
    **options: Any,
) -> Summary:
    """Bring the database up to date with every image below a folder; see `embed_directory`.

    Each becomes a row with an empty text and the vector of its pixels. Other files are passed
    over: `embed_directory` takes texts and images into one collection. `embedder` defaults to
    the model `clip`. Raises UsageError where the model reads no images.
    """
    if Path(path).is_file():
        raise UsageError(f"{str(path)!r} is a file.", hint="Use embed_file().")
    embedder = embedder or EmbeddingModel.from_pretrained("clip")
    if embedder.spec.image is None:
        raise UsageError(
            f"Model {embedder.spec.name} reads no images.", hint="Use one that does, such as clip."
        )
    options.setdefault("include", tuple(map(_in_any_case, sorted(IMAGES))))
    return _embed([path], embedder, adapter, listener, options)


def _in_any_case(suffix: str) -> str:
    """The pattern of files with this suffix, in capitals or not."""
    letters = (f"[{c}{c.upper()}]" if c.isalpha() else c for c in suffix)
    return "*" + "".join(letters)


def _embed(
    paths: Sequence[PathLike],
    embedder: EmbeddingModel | None,
    adapter: Database | str,
    listener: Listener,
    options: dict[str, Any],
) -> Summary:
    database = Database(adapter) if isinstance(adapter, str) else adapter
    if embedder is not None:
        spec = embedder.spec
        options |= {"model": spec.name, "revision": spec.revision, "device": embedder.device}
    settings = Settings(
        paths=tuple(Path(path) for path in paths),
        db=database.db,
        db_uri=database.uri,
        collection=database.collection,
        **options,
    )
    return index(settings, listener)
