"""Three calls for a Python program: an embedding model, a file into a database, a folder too."""

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
