"""Chroma: a server at a URI, or a folder that this process has open itself."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from re import compile as pattern
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

from vecstream_cli.adapters.base import Adapter, Hit, Limits, Option, refuse_to_write
from vecstream_cli.adapters.chroma.client import (
    checked_uri,
    embedded,
    newest_entry,
    remote,
    token_header,
)
from vecstream_cli.adapters.chroma.collection import ChromaCollection
from vecstream_cli.adapters.chroma.filter import ChromaDialect, Where, any_of
from vecstream_cli.adapters.chroma.lock import Lock
from vecstream_cli.adapters.chroma.rows import as_batch, page_size, same_vectors
from vecstream_cli.adapters.chroma.search import Found
from vecstream_cli.adapters.nearest import nearest
from vecstream_cli.adapters.options import SERVER, VERIFY
from vecstream_cli.adapters.predicates import chunks
from vecstream_cli.adapters.requests import checked, parts
from vecstream_cli.adapters.schema import row_schema
from vecstream_cli.core.filters import Filter
from vecstream_cli.core.record import CollectionRecord
from vecstream_cli.endpoint import Endpoint
from vecstream_cli.errors import DatabaseError, ForeignCollection

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]

DEFAULT_FOLDER = "vecstream.chroma"

# Keys of the collection's metadata.
_RECORD = "vecstream"
_LAST_RUN = "vecstream_last_run"

_BYTES_OF_JSON = 1.4  # for a byte of Arrow: vectors go as base64, texts as they are
_VALUES_AT_ONCE = 256
_PAIRS_AT_ONCE = 64  # an OR of several hundred is too deep for the server's SQLite

_T = TypeVar("_T")


class ChromaAdapter(Adapter):
    """One collection of a Chroma server, or of Chroma in a folder."""

    name: ClassVar[str] = "chroma"
    extra: ClassVar[str | None] = "chroma"
    packages: ClassVar[Sequence[str]] = ("chromadb",)
    limits: ClassVar[Limits] = Limits(
        target_rows=2000,
        max_rows=2000,  # larger requests are no faster; what the database says counts, too
        max_bytes=16 << 20,  # the server takes 40 MB
        names=pattern(r"(?!vecstream-locks$)[a-zA-Z0-9][a-zA-Z0-9._-]{1,510}[a-zA-Z0-9]"),
        naming=(
            "Chroma takes 3 to 512 letters, digits, dots, dashes and underscores, the first and"
            " the last of them a letter or a digit."
        ),
    )
    options: ClassVar[Mapping[str, Option]] = {
        **SERVER,
        **VERIFY,
        "token_header": Option(
            help="what carries the token: Authorization (as a Bearer's) or X-Chroma-Token",
            read=token_header,
            default="Authorization",
        ),
    }
    # An `add` leaves an id alone that is there (see `chroma_lock`).
    keeps_locks: ClassVar[bool] = True

    def __init__(
        self, collection: ChromaCollection, place: str, name: str, *, read_only: bool
    ) -> None:
        self._collection = collection
        self._place = place
        self._name = name
        self._read_only = read_only
        self._dimension = 0

    @classmethod
    def open(cls, database: Endpoint, collection: str, *, read_only: bool) -> Self:
        folder = cls.local_folder(database.uri)
        connect: Callable[[], Any] | None
        version: Callable[[], object] | None = None
        if folder is None:
            checked_uri(database.uri or "")
            connect = partial(
                remote,
                database,
                timeout=cls.option(database, "timeout"),
                header=cls.option(database, "token_header"),
                ca_file=cls.option(database, "ca_file"),
                verify=cls.option(database, "verify"),
            )
        else:
            connect = partial(embedded, folder)
            if read_only:
                version = partial(newest_entry, folder)
                if not (folder / "chroma.sqlite3").exists():
                    connect = None
        place = str(folder or database.uri)
        deadline = cls.option(database, "deadline")
        found = ChromaCollection(connect, place, collection, deadline, version)
        return cls(found, place, collection, read_only=read_only)

    @classmethod
    def local_folder(cls, uri: str | None) -> Path | None:
        path = (uri or DEFAULT_FOLDER).removeprefix("file://")
        return None if "://" in path else Path(path).expanduser().absolute()

    def record(self) -> CollectionRecord | None:
        found = self._collection.found(fresh=True)
        return None if found is None else self._recorded(found)

    def create(self, record: CollectionRecord) -> None:
        self._insist_on_writing()
        if self._collection.found(fresh=True) is not None:
            raise DatabaseError(f"The collection {self._name!r} exists in {self._place}.")
        client = self._collection.client()
        metadata = {_RECORD: replace(record, last_run=None).to_json()}
        if record.last_run is not None:
            metadata[_LAST_RUN] = record.last_run
        try:
            self._collection.call(
                "create",
                lambda: client.create_collection(
                    self._name,
                    metadata=metadata,
                    configuration={"hnsw": {"space": "cosine"}},
                    embedding_function=None,
                ),
            )
        except DatabaseError:
            # Ours, where the answer to an earlier call was lost.
            if self.record() != record:
                raise
        self._dimension = record.dimension

    def update_record(self, *, last_run: str) -> None:
        self._insist_on_writing()
        if self.record() is None:
            raise self._collection.not_found()
        self._collection.ask(
            "update",
            lambda collection: collection.modify(
                metadata={**collection.metadata, _LAST_RUN: last_run}
            ),
        )

    def append(self, batch: "pa.RecordBatch | pa.Table") -> None:
        for part in self._parts(batch):
            self._collection.upsert(part)

    def merge(self, batch: "pa.RecordBatch | pa.Table") -> None:
        """A vector that a row has already is not written again.

        To put a vector in the place of another costs Chroma's index many times what a new one
        does, and a row's id tells its text and its model: it is the same vector.
        """
        import numpy as np

        for part in self._parts(batch):
            found = self._collection.get(["embeddings"], ids=part.column("id").to_pylist())
            same = same_vectors(part, found)
            if same.any():
                self._collection.update(part.take(np.flatnonzero(same)))
            if not same.all():
                self._collection.upsert(part.take(np.flatnonzero(~same)) if same.any() else part)

    def delete_superseded(self, pairs: Sequence[tuple[str, int]]) -> int:
        return sum(
            self._delete(
                any_of(
                    [
                        {"$and": [{"document_id": document}, {"attempt": {"$ne": attempt}}]}
                        for document, attempt in chunk
                    ]
                )
            )
            for chunk in chunks(pairs, _PAIRS_AT_ONCE)
        )

    def delete_documents(self, document_ids: Sequence[str]) -> int:
        return sum(
            self._delete({"document_id": {"$in": chunk}})
            for chunk in chunks(document_ids, _VALUES_AT_ONCE)
        )

    def keep_only(self, document_id: str, ids: Sequence[str]) -> int:
        self._insist_on_writing()
        kept = frozenset(ids)  # what goes is listed: a document may have many rows
        goes = [
            row_id
            for found in self._pages(("id",), {"document_id": document_id})
            for row_id in found["ids"]
            if row_id not in kept
        ]
        for chunk in chunks(goes, self._collection.most_rows()):
            self._collection.delete_ids(chunk)
        return len(goes)

    def fetch_vectors(
        self, ids: Sequence[str], documents: Sequence[str] | None = None
    ) -> "pa.Table":
        import pyarrow as pa

        columns = ("id", "vector")
        dimension = self._vector_length()
        found = [
            as_batch(
                self._collection.get(["embeddings"], ids=some, where=where), columns, dimension
            )
            for some in chunks(ids, page_size(columns, dimension))
            for where in _of_documents(documents)
        ]
        whole = row_schema(dimension)
        return pa.Table.from_batches(found, pa.schema([whole.field(name) for name in columns]))

    def scan(self, columns: Sequence[str]) -> Iterator["pa.RecordBatch"]:
        dimension = self._vector_length()
        for found in self._pages(columns):
            yield as_batch(found, columns, dimension)

    def count(self) -> int:
        return int(self._collection.ask("count", lambda collection: collection.count()))

    def search(self, vector: Sequence[float], k: int, where: Filter | None = None) -> list[Hit]:
        self._vector_length()
        found = Found(partial(self._collection.ask, "search"), self._pages, self._dimension)
        return nearest(found, ChromaDialect(), vector, k, where, exhaustive=False)

    def maintain(self, *, final: bool = False, spare_bytes: int = 0) -> bool:
        """Nothing is due: Chroma indexes as it writes."""
        self._collection.ask("read", lambda collection: None)
        return False

    def read_lock(self) -> str | None:
        return None if self._collection.exists_not else Lock(self._collection, self._name).read()

    def swap_lock(self, old: str | None, new: str | None) -> bool:
        self._insist_on_writing()
        return Lock(self._collection, self._name).swap(old, new)

    def drop(self) -> None:
        self._insist_on_writing()
        if self.record() is None:
            raise self._collection.not_found()
        client = self._collection.client()
        self._collection.call_if_there("drop", lambda: client.delete_collection(self._name))
        self._collection.found(fresh=True)
        self._dimension = 0

    def close(self) -> None:
        self._collection.close()

    def _recorded(self, collection: Any) -> CollectionRecord:
        metadata = collection.metadata or {}
        text = metadata.get(_RECORD)
        if not isinstance(text, str):
            raise ForeignCollection(
                f"The collection {self._name!r} in {self._place} was not made by vecstream."
            )
        try:
            record = CollectionRecord.from_json(text)
        except ValueError as error:
            raise ForeignCollection(
                f"The collection {self._name!r} in {self._place} has a record that this version"
                " of vecstream cannot read."
            ) from error
        self._dimension = record.dimension
        return replace(record, last_run=metadata.get(_LAST_RUN))

    def _vector_length(self) -> int:
        """As the record says; a collection that is not ours is not touched."""
        if not self._dimension:
            if (found := self._collection.found()) is None:
                raise self._collection.not_found()
            self._recorded(found)
        return self._dimension

    def _parts(self, batch: "pa.RecordBatch | pa.Table") -> Iterator["pa.RecordBatch"]:
        self._insist_on_writing()
        checked(batch, self._vector_length())
        limits = replace(self.limits, max_rows=self._collection.most_rows())
        return parts(batch, limits, growth=_BYTES_OF_JSON)

    def _pages(self, columns: Sequence[str], where: Where | None = None) -> Iterator[Any]:
        return self._collection.pages(columns, self._vector_length(), where)

    def _delete(self, where: Where) -> int:
        self._insist_on_writing()
        self._vector_length()
        return self._collection.delete(where)

    def _insist_on_writing(self) -> None:
        if self._read_only:
            raise refuse_to_write(self._place)


def _of_documents(documents: Sequence[str] | None) -> list[Where | None]:
    if documents is None:
        return [None]
    return [{"document_id": {"$in": chunk}} for chunk in chunks(documents, _VALUES_AT_ONCE)]
