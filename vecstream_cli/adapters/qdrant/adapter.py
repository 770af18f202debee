"""Qdrant over REST: a row is a point; a collection is an alias, so a build can take its place."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from vecstream_cli.adapters.base import Adapter, Hit, Limits, Option, refuse_to_write
from vecstream_cli.adapters.nearest import nearest
from vecstream_cli.adapters.options import switch
from vecstream_cli.adapters.predicates import chunks
from vecstream_cli.adapters.qdrant.collection import Collection, Facts
from vecstream_cli.adapters.qdrant.filter import Native, QdrantDialect
from vecstream_cli.adapters.qdrant.lock import LOCKS, Lock
from vecstream_cli.adapters.qdrant.points import batch_of, point_id, upsert_body
from vecstream_cli.adapters.qdrant.search import Points, filter_of
from vecstream_cli.adapters.qdrant.server import DEFAULT_URI, OPTIONS, Server, applied
from vecstream_cli.adapters.requests import Flight, checked, parts
from vecstream_cli.core.filters import Filter
from vecstream_cli.core.record import CollectionRecord
from vecstream_cli.endpoint import Endpoint

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]

# Of a filter that deletes: each value is looked up in an index.
_DOCUMENTS_PER_REQUEST = 512
_PAIRS_PER_REQUEST = 128
_IDS_PER_REQUEST = 4096
# A number in a request has up to 13 bytes with its comma, where Arrow has 4.
_GROWTH = 3.25


class QdrantAdapter(Adapter):
    """One collection of a Qdrant server, 1.16 or newer."""

    name: ClassVar[str] = "qdrant"
    extra: ClassVar[str | None] = "qdrant"
    packages: ClassVar[Sequence[str]] = ("qdrant_client",)
    # Qdrant's manual on bulk uploads: 64–256 points a request, 2–4 requests at once. A request
    # may have 32 MB (service.max_request_size_mb) and a vector 65,536 numbers. Each request under
    # way is held a few times over: 4 of 8 MiB took 75 MB more than 3 of 4 (at 1,536 numbers), and
    # with a server that takes 20 ms a request 1, 2, 3 and 4 at once made 2.8, 4.0, 4.4 and 5.3
    # thousand rows/s (384 numbers, beside other work).
    limits: ClassVar[Limits] = Limits(
        target_rows=1024,
        max_rows=256,
        max_bytes=4 << 20,
        in_flight=3,
        max_dimension=65_536,
        names=re.compile(rf"(?!{LOCKS}$)[A-Za-z0-9][A-Za-z0-9._-]{{0,199}}"),
        naming=f"Use letters, digits, dots, hyphens and underscores, 200 at most; not {LOCKS!r}.",
    )
    options: ClassVar[Mapping[str, Option]] = OPTIONS | {
        "vector_name": Option(help="name of the vector, at creation; none by default", default=""),
        "on_disk": Option(help="true: the server keeps vectors on disk; at creation", read=switch),
        "defer_index": Option(
            help="false: index while a new collection is loaded", read=switch, default="true"
        ),
    }
    keeps_locks: ClassVar[bool] = True  # see qdrant_lock.py

    def __init__(
        self, server: Server, database: Endpoint, collection: str, read_only: bool
    ) -> None:
        self._server = server
        self._database = database
        self._name = collection
        self._read_only = read_only
        self._collection = Collection(server, collection)
        self._lock = Lock(server, collection)
        self._flight = Flight(self.limits.in_flight)
        self._known: Facts | None = None

    @classmethod
    def open(cls, database: Endpoint, collection: str, *, read_only: bool) -> Self:
        server = Server(
            (database.uri or DEFAULT_URI).rstrip("/"),
            database.key("QDRANT_API_KEY"),
            partial(cls.option, database),
            connections=cls.limits.in_flight,
        )
        return cls(server, database, collection, read_only)

    @classmethod
    def local_folder(cls, uri: str | None) -> Path | None:
        return None

    def record(self) -> CollectionRecord | None:
        facts = self._collection.find()
        return None if facts is None else facts.record

    def create(self, record: CollectionRecord) -> None:
        self._insist_on_writing()
        self._known = None
        self._collection.make(
            record,
            vector_name=self.option(self._database, "vector_name"),
            on_disk=self.option(self._database, "on_disk"),
            defer=self.option(self._database, "defer_index"),
        )

    def update_record(self, *, last_run: str) -> None:
        self._insist_on_writing()
        self._facts()
        self._collection.note(last_run)

    def append(self, batch: "pa.RecordBatch | pa.Table") -> None:
        self.merge(batch)

    def merge(self, batch: "pa.RecordBatch | pa.Table") -> None:
        self._insist_on_writing()
        facts = self._facts()
        checked(batch, facts.record.dimension)

        def send(rows: "pa.RecordBatch") -> None:
            body = upsert_body(rows, facts.vector_name)

            def put(client: Any) -> None:
                answer = client.http.points_api.upsert_points(
                    self._name, wait=True, point_insert_operations=body
                )
                applied(answer.result)

            self._server("write to", self._name, put)

        self._flight.each(send, parts(batch, self.limits, growth=_GROWTH))

    def delete_superseded(self, pairs: Sequence[tuple[str, int]]) -> int:
        return sum(
            self._delete({"should": [_superseded(document, attempt) for document, attempt in some]})
            for some in chunks(pairs, _PAIRS_PER_REQUEST)
        )

    def delete_documents(self, document_ids: Sequence[str]) -> int:
        return sum(
            self._delete({"key": "document_id", "match": {"any": some}})
            for some in chunks(document_ids, _DOCUMENTS_PER_REQUEST)
        )

    def keep_only(self, document_id: str, ids: Sequence[str]) -> int:
        from qdrant_client import models

        self._insist_on_writing()
        kept = {point_id(row_id) for row_id in ids}
        belongs = {"key": "document_id", "match": {"value": document_id}}
        pages = self._points(self._facts()).pages(belongs, ["id"])
        goes = [point.id for page in pages for point in page if point.id not in kept]
        for some in chunks(goes, _IDS_PER_REQUEST):
            self._delete_points(models.PointIdsList(points=some))
        return len(goes)

    def fetch_vectors(
        self, ids: Sequence[str], documents: Sequence[str] | None = None
    ) -> "pa.Table":
        import pyarrow as pa

        from vecstream_cli.adapters.schema import row_schema

        facts = self._facts()
        among = None if documents is None else set(documents)
        columns = ["id", "vector"]
        batches = []
        for points in self._points(facts).points(ids, ["vector", "document_id"]):
            found = [
                point for point in points if among is None or point.payload["document_id"] in among
            ]
            batches.append(batch_of(found, columns, facts.record.dimension, facts.vector_name))
        schema = row_schema(facts.record.dimension)
        return pa.Table.from_batches(batches, pa.schema([schema.field(name) for name in columns]))

    def scan(self, columns: Sequence[str]) -> Iterator["pa.RecordBatch"]:
        # By its own name: a build that takes its place meanwhile has other rows.
        yield from self._points(self._facts(), self._collection.physical()).all(None, columns)

    def count(self) -> int:
        found = self._server("count", self._name, lambda c: c.count(self._name, exact=True))
        return int(found.count)

    def search(self, vector: Sequence[float], k: int, where: Filter | None = None) -> list[Hit]:
        facts = self._collection.facts()
        dialect = QdrantDialect(facts.filterable)
        return nearest(self._points(facts), dialect, vector, k, where, exhaustive=not facts.indexed)

    def maintain(self, *, final: bool = False, spare_bytes: int = 0) -> bool:
        if not final:
            return False
        self._insist_on_writing()
        facts = self._collection.facts()
        if facts.deferred:
            self._collection.index(facts)
        return facts.deferred > 0

    def read_lock(self) -> str | None:
        return self._lock.read()

    def swap_lock(self, old: str | None, new: str | None) -> bool:
        self._insist_on_writing()
        return self._lock.swap(old, new)

    def replace_with(self, build: str) -> None:
        self._insist_on_writing()
        self._known = None
        self._collection.give_place_to(build)

    def drop(self) -> None:
        self._insist_on_writing()
        self._known = None
        self._collection.facts()
        self._collection.drop()

    def close(self) -> None:
        self._flight.close()
        self._server.close()

    def _insist_on_writing(self) -> None:
        if self._read_only:
            raise refuse_to_write(self._server.place)

    def _facts(self) -> Facts:
        """What the collection says of itself; a writer asks once, since it alone changes that."""
        if self._known is None or self._read_only:
            self._known = self._collection.facts()
        return self._known

    def _points(self, facts: Facts, name: str | None = None) -> Points:
        place = name or self._name
        return Points(self._server, place, facts.record.dimension, facts.vector_name)

    def _delete(self, condition: Native) -> int:
        from qdrant_client import models

        self._insist_on_writing()
        # The server does not say how many go; whatever it counts, all of them are deleted.
        wanted = filter_of(condition)
        found = self._server(
            "delete from", self._name, lambda c: c.count(self._name, wanted, exact=True)
        )
        self._delete_points(models.FilterSelector(filter=wanted))
        return int(found.count)

    def _delete_points(self, selector: Any) -> None:
        def delete(client: Any) -> None:
            applied(client.delete(self._name, selector, wait=True))

        self._insist_on_writing()
        self._facts()
        self._server("delete from", self._name, delete)


def _superseded(document: str, attempt: int) -> Native:
    return {
        "must": [{"key": "document_id", "match": {"value": document}}],
        "must_not": [{"key": "attempt", "match": {"value": attempt}}],
    }
