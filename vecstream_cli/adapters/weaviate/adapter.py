"""Weaviate: a class of objects behind an alias; REST for collections, gRPC for rows."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

from vecstream_cli.adapters.base import Adapter, Hit, Limits, Option, refuse_to_write
from vecstream_cli.adapters.nearest import nearest
from vecstream_cli.adapters.options import CLIENT_CERTIFICATE, SERVER, choice
from vecstream_cli.adapters.predicates import chunks
from vecstream_cli.adapters.requests import Flight, checked, parts
from vecstream_cli.adapters.weaviate.classes import Classes, Found
from vecstream_cli.adapters.weaviate.filter import (
    WeaviateDialect,
    all_of,
    any_id,
    joined,
    single,
    text_equal,
    text_in,
)
from vecstream_cli.adapters.weaviate.lock import Lock
from vecstream_cli.adapters.weaviate.names import NAMES, NAMING, row_id_of, uuid_of
from vecstream_cli.adapters.weaviate.rows import batch_of, batch_request
from vecstream_cli.adapters.weaviate.search import IDS_PER_REQUEST, MOST, Collection
from vecstream_cli.adapters.weaviate.wire import Wire
from vecstream_cli.core.filters import Filter
from vecstream_cli.core.record import CollectionRecord
from vecstream_cli.endpoint import Endpoint
from vecstream_cli.errors import CollectionNotFound, DatabaseError, VecstreamError

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]

_T = TypeVar("_T")

_INDEXES = ("hnsw", "flat", "dynamic")
_PAIRS_PER_REQUEST = 100
_QUEUE_LOOK = 1.0  # seconds between two looks at the queue of the index
_QUEUE_PATIENCE = 60.0


class WeaviateAdapter(Adapter):
    """One collection of a Weaviate server or cluster."""

    name: ClassVar[str] = "weaviate"
    extra: ClassVar[str | None] = "weaviate"
    packages: ClassVar[Sequence[str]] = ("weaviate",)
    limits: ClassVar[Limits] = Limits(
        target_rows=2048,
        max_rows=1024,
        # A server takes messages of 10 MiB at least, of 100 MB by default; metadata is sent twice.
        max_bytes=4 << 20,
        in_flight=2,
        max_dimension=65_535,
        names=NAMES,
        naming=NAMING,
    )
    options: ClassVar[Mapping[str, Option]] = {
        **SERVER,
        **CLIENT_CERTIFICATE,
        "index": Option(
            help="the kind of vector index of a new collection: hnsw, flat or dynamic",
            read=choice(*_INDEXES),
            default="hnsw",
        ),
    }
    full_text = True
    keeps_locks: ClassVar[bool] = True

    def __init__(
        self, wire: Wire, collection: str, *, read_only: bool = False, index: str = "hnsw"
    ) -> None:
        self._wire = wire
        self._collection = collection
        self._read_only = read_only
        self._index = index
        self._classes = Classes(wire, collection)
        self._flight = Flight(self.limits.in_flight)
        self._known: Found | None = None  # of who writes; a reader follows the alias

    @classmethod
    def open(cls, database: Endpoint, collection: str, *, read_only: bool) -> Self:
        names = ("deadline", "timeout", "ca_file", "cert_file", "key_file")
        told = {name: cls.option(database, name) for name in names}
        wire = Wire.of(database, **told)
        index = cls.option(database, "index")
        return cls(wire, collection, read_only=read_only, index=index)

    @classmethod
    def local_folder(cls, uri: str | None) -> Path | None:
        return None

    def record(self) -> CollectionRecord | None:
        self._known = self._classes.find()
        return self._known.record if self._known else None

    def create(self, record: CollectionRecord) -> None:
        self._insist_on_writing()
        self._known = self._classes.create(record, self._index)

    def update_record(self, *, last_run: str) -> None:
        self._insist_on_writing()
        self._known = None
        self._classes.note(self._found(), last_run)
        self._known = None

    def append(self, batch: "pa.RecordBatch | pa.Table") -> None:
        # An object that is there is replaced whole, so a request may be made twice.
        self._insist_on_writing()
        found = self._found()
        checked(batch, found.record.dimension)
        self._flight.each(partial(self._put, found.name), parts(batch, self.limits))

    merge = append

    def delete_superseded(self, pairs: Sequence[tuple[str, int]]) -> int:
        return self._delete(
            _any(
                all_of(
                    text_equal("document_id", document),
                    single("attempt", "NOT_EQUAL", value_text=str(attempt)),
                )
                for document, attempt in some
            )
            for some in chunks(pairs, _PAIRS_PER_REQUEST)
        )

    def delete_documents(self, document_ids: Sequence[str]) -> int:
        return self._delete(
            text_in("document_id", some) for some in chunks(document_ids, IDS_PER_REQUEST)
        )

    def keep_only(self, document_id: str, ids: Sequence[str]) -> int:
        self._insist_on_writing()
        kept = set(ids)
        there = self._at(self._found()).of_document(text_equal("document_id", document_id))
        goes = [uuid for row_id in there if row_id not in kept and (uuid := uuid_of(row_id))]
        return self._delete(any_id(some) for some in chunks(goes, IDS_PER_REQUEST))

    def fetch_vectors(
        self, ids: Sequence[str], documents: Sequence[str] | None = None
    ) -> "pa.Table":
        import pyarrow as pa

        from vecstream_cli.adapters.schema import row_schema

        found = self._found()
        names = ("id", "vector", "document_id")
        schema = pa.schema([row_schema(found.record.dimension).field(name) for name in names])
        batches = [
            batch_of(results, names, found.record.dimension)
            for results in self._at(found).by_ids(ids, names)
        ]
        table = pa.Table.from_batches(batches, schema=schema)
        if documents is not None:
            import pyarrow.compute as pc  # type: ignore[import-untyped]

            wanted = pa.array(documents, pa.string())
            table = table.filter(pc.is_in(table["document_id"], value_set=wanted))
        return table.select(["id", "vector"])

    def scan(self, columns: Sequence[str]) -> Iterator["pa.RecordBatch"]:
        yield from self._at(self._found()).all(None, columns)

    def count(self) -> int:
        return self._reading(lambda rows: rows.count())

    def search(self, vector: Sequence[float], k: int, where: Filter | None = None) -> list[Hit]:
        def found(rows: Collection) -> list[Hit]:
            # Not exhaustive: a graph may leave rows unreached.
            return nearest(rows, WeaviateDialect(), vector, k, where, exhaustive=False, most=MOST)

        return self._reading(found)

    def search_text(self, text: str, k: int, where: Filter | None = None) -> list[Hit]:
        return self._reading(lambda rows: rows.words(text, min(k, MOST), where))

    def maintain(self, *, final: bool = False, spare_bytes: int = 0) -> bool:
        """Compacting and indexing are the server's; at the end its queue is waited for a while."""
        if not final:
            return False
        found = self._found()
        until = time.monotonic() + _QUEUE_PATIENCE
        waited = False
        while self._classes.queued(found) and time.monotonic() < until:
            waited = True
            time.sleep(_QUEUE_LOOK)
        return waited

    def read_lock(self) -> str | None:
        return self._lock().read()

    def swap_lock(self, old: str | None, new: str | None) -> bool:
        self._insist_on_writing()
        return self._lock().swap(old, new)

    def replace_with(self, build: str) -> None:
        self._insist_on_writing()
        other = type(self)(self._wire, build)
        new = other._found()
        self._known = None
        self._classes.take(other._classes, new, self._classes.find())

    def drop(self) -> None:
        self._insist_on_writing()
        self._known = None
        self._classes.drop(self._found())
        self._known = None

    def close(self) -> None:
        self._flight.close()
        self._wire.close()

    @property
    def _what(self) -> str:
        return f"the collection {self._collection!r}"

    def _insist_on_writing(self) -> None:
        if self._read_only:
            raise refuse_to_write(self._wire.name)

    def _found(self) -> Found:
        """The class. Who reads looks again each time: another may have taken its place."""
        if self._known is None or self._read_only:
            self._known = self._classes.find()
        if self._known is None:
            raise CollectionNotFound(
                f"There is no collection {self._collection!r} in {self._wire.name}."
            )
        return self._known

    def _reading(self, read: Callable[[Collection], _T]) -> _T:
        """Read, again if another class has taken the place of the one that was asked."""
        found = self._found()
        try:
            return read(self._at(found))
        except DatabaseError:
            if not self._read_only or self._classes.target() in (found.name, None):
                raise
            return read(self._at(self._found()))

    def _at(self, found: Found) -> Collection:
        return Collection(self._wire, found.name, self._collection, found.record.dimension)

    def _lock(self) -> Lock:
        return Lock(self._wire, self._classes.alias, self._collection)

    def _put(self, name: str, rows: "pa.RecordBatch") -> None:
        """Write the rows; those that were not taken for a reason that may pass go again."""
        action = f"add rows to {self._what}"
        told = self._wire.told(action)
        request = batch_request(name, rows)
        total = len(request.objects)

        def call() -> None:
            reply = self._wire.rpc_once("BatchObjects", request)
            if not reply.errors:
                return
            failed = [(row_id_of(request.objects[e.index].uuid), e.error) for e in reply.errors]
            error = told.some_rows(failed, total)
            if isinstance(error, VecstreamError):
                raise error
            left = [request.objects[e.index] for e in reply.errors]
            kept = type(request)(objects=left)
            request.CopyFrom(kept)
            raise error

        self._wire.again(action, call)

    def _delete(self, conditions: Iterable[Any]) -> int:
        """Delete what meets the conditions, one after the other; the server stops at MOST."""
        from weaviate.proto.v1 import batch_delete_pb2

        self._insist_on_writing()
        found, action = self._found(), f"delete from {self._what}"
        gone = 0
        for condition in conditions:
            request = batch_delete_pb2.BatchDeleteRequest(collection=found.name, filters=condition)
            while True:
                reply = self._wire.rpc(action, "BatchDelete", request)
                gone += reply.successful
                if reply.failed:
                    raise self._not_deleted(action, request)
                if reply.matches <= reply.successful:
                    break
        return gone

    def _not_deleted(self, action: str, request: Any) -> VecstreamError:
        """What is wrong with the rows that stay: asked once more, for the reason."""
        request.verbose = True
        reply = self._wire.rpc(action, "BatchDelete", request)
        failed = [(each.uuid.hex(), each.error) for each in reply.objects if not each.successful]
        if not failed:
            failed = [("", "the reason is not told")]
        error = self._wire.told(action).some_rows(failed, int(reply.matches))
        return error if isinstance(error, VecstreamError) else error.error


def _any(conditions: Iterable[Any]) -> Any:
    told = list(conditions)
    return told[0] if len(told) == 1 else joined("OR", told)
