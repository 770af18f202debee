"""Pinecone, serverless: an index holds collections of one dimension, each a namespace of its own.

A collection's record is a vector's metadata in the namespace RECORDS of the same index, under the
collection's name. Nothing in Pinecone compares and sets, so it keeps no locks, and two namespaces
cannot change places in one step.
"""

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from vecstream_cli.adapters.base import Adapter, Hit, Limits, Option, refuse_to_write
from vecstream_cli.adapters.nearest import nearest
from vecstream_cli.adapters.options import SERVER, VERIFY
from vecstream_cli.adapters.pinecone.filter import PineconeDialect, Told
from vecstream_cli.adapters.pinecone.rows import FILTERABLE, MOST_METADATA, records
from vecstream_cli.adapters.pinecone.search import MOST_FOUND, Namespace
from vecstream_cli.adapters.pinecone.service import METRIC, TOO_LARGE, Service
from vecstream_cli.adapters.predicates import chunks
from vecstream_cli.adapters.requests import Flight, checked, parts
from vecstream_cli.core.filters import Filter
from vecstream_cli.core.record import CollectionRecord
from vecstream_cli.endpoint import Endpoint
from vecstream_cli.errors import CollectionNotFound, DatabaseError, ForeignCollection

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]
    from pinecone import Index

RECORDS = "__vecstream__"
_RECORD = "record"

# In JSON: a number of a vector, what a row has besides its columns, and a byte of their text.
_NUMBER_BYTES, _ROW_BYTES, _TEXT_GROWTH = 12.5, 400, 1.15
_DOCUMENTS_A_REQUEST = 200
_VALUES_A_LIST = 10_000  # of one $in or $nin
_MOST_KEPT = 40_000  # ids of a filter: 36 bytes each, of 2 MB a request


class PineconeAdapter(Adapter):
    """A namespace of a serverless index of Pinecone, over REST."""

    name: ClassVar[str] = "pinecone"
    extra: ClassVar[str | None] = "pinecone"
    packages: ClassVar[Sequence[str]] = ("pinecone",)
    limits: ClassVar[Limits] = Limits(
        target_rows=4096,
        max_rows=1000,
        max_bytes=2_000_000,
        in_flight=4,
        max_row_bytes=MOST_METADATA,
        max_dimension=20_000,
        one_dimension=True,
        names=re.compile(r"(?!__)[A-Za-z0-9_.-]{1,200}"),
        naming="Use up to 200 letters, digits, '_', '-' and '.', but no '__' at the beginning.",
    )
    options: ClassVar[Mapping[str, Option]] = {
        **SERVER,
        **VERIFY,
    }

    def __init__(self, service: Service, place: str, collection: str, *, read_only: bool) -> None:
        self._service = service
        self._place = place
        self._collection = collection
        self._read_only = read_only
        self._flight = Flight(self.limits.in_flight)
        self._known: Namespace | None = None

    @classmethod
    def open(cls, database: Endpoint, collection: str, *, read_only: bool) -> Self:
        place = str(database.uri)
        service = Service(database, place, lambda name: cls.option(database, name), collection)
        return cls(service, place, collection, read_only=read_only)

    @classmethod
    def local_folder(cls, uri: str | None) -> Path | None:
        return None

    def record(self) -> CollectionRecord | None:
        self._known = None
        if (index := self._service.index("read")) is None:
            return None
        text = self._record_text(index)
        if text is None:
            if self._rows(index):
                raise ForeignCollection(
                    f"The namespace {self._collection!r} in {self._place} was not made by"
                    " vecstream."
                )
            return None
        try:
            found = CollectionRecord.from_json(text)
        except ValueError as error:
            raise ForeignCollection(
                f"The namespace {self._collection!r} in {self._place} has a record that this"
                " version of vecstream cannot read."
            ) from error
        self._known = self._space(index, found.dimension)
        return found

    def create(self, record: CollectionRecord) -> None:
        self._insist_on_writing()
        index = self._service.make_index(record.dimension)
        if self.record() is not None:
            raise DatabaseError(
                f"The collection {self._collection!r} in {self._place} exists already."
            )
        stats = self._service.call("create", index.describe_index_stats)
        if stats.dimension != record.dimension or stats.metric not in (METRIC, None):
            raise DatabaseError(
                f"The index in {self._place} is for vectors of {stats.dimension} numbers compared"
                f" by {stats.metric}, and this collection's have {record.dimension} and are"
                f" compared by {METRIC}.",
                hint="Name another index in --db-uri: an index holds vectors of one dimension.",
            )
        from pinecone.errors import ConflictError, NotFoundError

        # So that texts are not indexed; all that filters look into is. An earlier try may have made
        # it, or the server (Pinecone Local) makes it with its rows.
        fields = {name: {"filterable": True} for name in FILTERABLE}
        with contextlib.suppress(ConflictError, NotFoundError):
            self._service.call(
                "create",
                lambda: index.create_namespace(name=self._collection, schema={"fields": fields}),
                *(404, 409),
            )
        self._write_record(index, record)
        self._known = self._space(index, record.dimension)

    def update_record(self, *, last_run: str) -> None:
        self._insist_on_writing()
        record = self.record()
        namespace = self._namespace()
        assert record is not None
        self._write_record(namespace.index, replace(record, last_run=last_run))

    def append(self, batch: "pa.RecordBatch | pa.Table") -> None:
        """As `merge`: a record is written whole, and replaces any of its id."""
        self.merge(batch)

    def merge(self, batch: "pa.RecordBatch | pa.Table") -> None:
        self._insist_on_writing()
        namespace = self._namespace()
        checked(batch, namespace.dimension)
        written: list[tuple[int | None, dict[str, Any]]] = []

        def send(part: "pa.RecordBatch") -> None:
            self._send(namespace, records(part), written)

        self._flight.each(send, parts(batch, self.limits, growth=_growth(batch)))
        for some in chunks(written, _DOCUMENTS_A_REQUEST):
            self._until_read(namespace, some)

    def delete_superseded(self, pairs: Sequence[tuple[str, int]]) -> int | None:
        for some in chunks(pairs, _DOCUMENTS_A_REQUEST):
            documents: dict[int, list[str]] = {}
            for document, attempt in some:
                documents.setdefault(attempt, []).append(document)
            self._delete({"$or": [_superseded(*each) for each in documents.items()]})
        return None

    def delete_documents(self, document_ids: Sequence[str]) -> int | None:
        for some in chunks(document_ids, _VALUES_A_LIST // 10):
            self._delete({"document_id": {"$in": list(some)}})
        return None

    def keep_only(self, document_id: str, ids: Sequence[str]) -> int | None:
        of_it: dict[str, Any] = {"document_id": {"$eq": document_id}}
        if len(ids) <= _MOST_KEPT:
            others = [{"id": {"$nin": list(some)}} for some in chunks(ids, _VALUES_A_LIST)]
            self._delete({"$and": [of_it, *others]})
            return None
        kept, gone = frozenset(ids), list[str]()
        for batch in self._namespace().all(Told(of_it), ("id",)):
            gone += [row for row in batch.column(0).to_pylist() if row not in kept]
        for some in chunks(gone, _VALUES_A_LIST // 10):
            self._delete({"id": {"$in": some}})
        return None

    def fetch_vectors(
        self, ids: Sequence[str], documents: Sequence[str] | None = None
    ) -> "pa.Table":
        import pyarrow as pa

        from vecstream_cli.adapters.pinecone.rows import batch_of

        namespace = self._namespace()
        found = namespace.fetch(ids)
        if documents is not None:
            wanted = frozenset(documents)
            found = [each for each in found if (each.metadata or {}).get("document_id") in wanted]
        return pa.Table.from_batches([batch_of(found, ("id", "vector"), namespace.dimension)])

    def scan(self, columns: Sequence[str]) -> Iterator["pa.RecordBatch"]:
        """Rows that are written or deleted meanwhile may be missed."""
        yield from self._namespace().scan(columns)

    def count(self) -> int:
        return self._rows(self._namespace().index)

    def search(self, vector: Sequence[float], k: int, where: Filter | None = None) -> list[Hit]:
        # A search with a filter gives as many rows as there are, up to `top_k`.
        return nearest(
            self._namespace(), PineconeDialect(), vector, k, where,
            exhaustive=True, most=MOST_FOUND,
        )  # fmt: skip

    def maintain(self, *, final: bool = False, spare_bytes: int = 0) -> bool:
        """Pinecone sees to it by itself."""
        return False

    def drop(self) -> None:
        """The index stays, for other collections; an empty one costs nothing."""
        self._insist_on_writing()
        index = self._namespace().index
        self._known = None
        from pinecone.errors import NotFoundError

        def gone() -> bool:
            try:
                index.describe_namespace(name=self._collection)
            except NotFoundError:
                return True
            return False

        # Rows first: killed in between, it leaves an empty collection, and not a foreign one.
        with contextlib.suppress(NotFoundError):  # it never had a row
            self._service.call("drop", lambda: index.delete_namespace(name=self._collection), 404)
        self._service.until("drop", lambda: gone() and not self._rows(index))
        self._service.call(
            "drop", lambda: index.delete(ids=[self._collection], namespace=RECORDS), 404
        )
        self._service.until("drop", lambda: self._record_text(index) is None)

    def close(self) -> None:
        self._flight.close()
        self._service.close()

    def _insist_on_writing(self) -> None:
        if self._read_only:
            raise refuse_to_write(self._place)

    def _namespace(self) -> Namespace:
        if self._known is None:
            self.record()
        if self._known is None:
            raise CollectionNotFound(
                f"There is no collection {self._collection!r} in {self._place}."
            )
        return self._known

    def _space(self, index: "Index", dimension: int) -> Namespace:
        return Namespace(self._service, index, self._collection, dimension, self._flight)

    def _rows(self, index: "Index") -> int:
        stats = self._service.call("read", index.describe_index_stats)
        found = stats.namespaces.get(self._collection)
        return found.vector_count if found else 0

    def _record_text(self, index: "Index") -> str | None:
        response = self._service.call(
            "read", lambda: index.fetch(ids=[self._collection], namespace=RECORDS)
        )
        found = response.vectors.get(self._collection)
        return None if found is None else (found.metadata or {}).get(_RECORD, "")

    def _write_record(self, index: "Index", record: CollectionRecord) -> None:
        text = record.to_json()
        vector = [1.0] + [0.0] * (record.dimension - 1)
        mark = {"id": self._collection, "values": vector, "metadata": {_RECORD: text}}
        self._service.call("update", lambda: index.upsert(vectors=[mark], namespace=RECORDS))
        self._service.until("update", lambda: self._record_text(index) == text)

    def _send(
        self, namespace: Namespace, rows: list[dict[str, Any]],
        written: list[tuple[int | None, dict[str, Any]]],
    ) -> None:  # fmt: skip
        """Write them in one request, or in halves if that is too large."""
        from pinecone.errors import ApiError

        try:
            response = self._service.call(
                "write to",
                lambda: namespace.index.upsert(vectors=rows, namespace=namespace.name),
                *((TOO_LARGE,) if len(rows) > 1 else ()),
            )
        except ApiError:
            half = len(rows) // 2
            self._send(namespace, rows[:half], written)
            self._send(namespace, rows[half:], written)
            return
        place = response.response_info.lsn_committed if response.response_info else None
        last = rows[-1]["metadata"]
        written.append((place, {name: {"$eq": last[name]} for name in ("id", "attempt")}))

    def _until_read(
        self, namespace: Namespace, written: Sequence[tuple[int | None, dict[str, Any]]]
    ) -> None:
        """Wait until searches find what was written: by its place in the log, else by looking."""
        places = [place for place, _ in written]
        where = {"$or": [last for _, last in written]}

        def seen() -> bool:
            response = namespace.query(len(written), where)
            info = response.response_info
            if info and info.lsn_reconciled is not None and None not in places:
                return bool(info.lsn_reconciled >= max(place for place in places if place))
            return len(response.matches) == len(written)

        self._service.until("write to", seen)

    def _delete(self, where: Mapping[str, Any]) -> None:
        """Delete what matches, and wait until searches do not find it."""
        from pinecone.errors import NotFoundError

        self._insist_on_writing()
        namespace = self._namespace()
        try:
            self._service.call(
                "delete from",
                lambda: namespace.index.delete(filter=where, namespace=namespace.name),
                404,
            )
        except NotFoundError:
            return  # a collection without a row
        self._service.until("delete from", lambda: not namespace.query(1, where).matches)


def _growth(batch: "pa.RecordBatch | pa.Table") -> float:
    """How many bytes of JSON a byte of the batch becomes, about: a request too large is halved."""
    rows, numbers = batch.num_rows, batch.schema.field("vector").type.list_size
    if not rows:
        return 1.0
    texts = batch.nbytes - 4 * numbers * rows
    told = rows * (_NUMBER_BYTES * numbers + _ROW_BYTES) + _TEXT_GROWTH * texts
    return float(told / batch.nbytes)


def _superseded(attempt: int, documents: Sequence[str]) -> dict[str, Any]:
    """These documents' rows of any other attempt."""
    return {"$and": [{"document_id": {"$in": documents}}, {"attempt": {"$ne": str(attempt)}}]}
