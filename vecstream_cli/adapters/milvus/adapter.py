"""Milvus: a server, or Milvus Lite in a folder; a collection of ours is an alias of one there."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from vecstream_cli.adapters.base import Adapter, Hit, Limits, Option, refuse_to_write
from vecstream_cli.adapters.milvus.filter import MilvusDialect, one_of
from vecstream_cli.adapters.milvus.lite import Lite
from vecstream_cli.adapters.milvus.names import NAMES, NAMING, alias_of, holder_of, may_hold
from vecstream_cli.adapters.milvus.rows import MOST_BYTES, encoded, schema
from vecstream_cli.adapters.milvus.table import MOST_HITS, VALUES_PER_EXPRESSION, Facts, Table
from vecstream_cli.adapters.milvus.wire import Calls, Line, Server, pairs
from vecstream_cli.adapters.nearest import nearest
from vecstream_cli.adapters.options import CLIENT_CERTIFICATE, SERVER, choice
from vecstream_cli.adapters.predicates import chunks
from vecstream_cli.adapters.requests import Flight, checked, parts
from vecstream_cli.adapters.schema import row_schema
from vecstream_cli.core.filters import Filter
from vecstream_cli.core.record import CollectionRecord
from vecstream_cli.endpoint import Endpoint
from vecstream_cli.errors import CollectionNotFound, DatabaseError, ForeignCollection, UsageError
from vecstream_cli.hiding import hidden
from vecstream_cli.killpoints import kill_point

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]

DEFAULT_FOLDER = "vecstream.db"

# The record is a property of the collection, which can be changed.
_RECORD, _LAST_RUN = "vecstream.record", "vecstream.last_run"
_INDEXES = {
    "flat": {"index_type": "FLAT", "params": "{}"},
    "hnsw": {"index_type": "HNSW", "params": '{"M": 16, "efConstruction": 200}'},
}


class MilvusAdapter(Adapter):
    """One collection of a database on a Milvus server, or of Milvus Lite."""

    name: ClassVar[str] = "milvus"
    extra: ClassVar[str | None] = "milvus"
    packages: ClassVar[Sequence[str]] = ("pymilvus",)
    limits: ClassVar[Limits] = Limits(
        target_rows=2048,
        max_rows=4096,
        max_bytes=16 << 20,  # a server takes messages of 64 MiB
        in_flight=2,
        max_row_bytes=MOST_BYTES,
        max_dimension=32_768,
        names=NAMES,
        naming=NAMING,
    )
    options: ClassVar[Mapping[str, Option]] = {
        **SERVER,
        **CLIENT_CERTIFICATE,
        "index": Option(
            help="how a new collection is indexed: hnsw or flat", read=choice(*_INDEXES)
        ),
    }

    def __init__(
        self, database: Endpoint, collection: str, calls: Calls | None, *, read_only: bool
    ) -> None:
        self._place = hidden(str(self.local_folder(database.uri) or database.uri))
        self._collection = collection
        self._alias = alias_of(collection)
        self._read_only = read_only
        self._embedded = self.local_folder(database.uri) is not None
        self._index = self.option(database, "index") or ("flat" if self._embedded else "hnsw")
        deadline = self.option(database, "deadline")
        self._line = None if calls is None else Line(calls, self._place, collection, deadline)
        self._flight = Flight(1 if self._embedded else self.limits.in_flight)
        self._wait = deadline
        self._dimension: int | None = None
        self._written = False

    @classmethod
    def open(cls, database: Endpoint, collection: str, *, read_only: bool) -> Self:
        folder = cls.local_folder(database.uri)
        calls: Calls | None
        if folder is None:
            files = [cls.option(database, name) for name in ("ca_file", "key_file", "cert_file")]
            calls = Server(database, timeout=cls.option(database, "timeout"), files=files)
        elif folder.suffix != ".db":
            raise UsageError(
                f"{folder} cannot be a database of Milvus Lite, whose name ends in .db.",
                hint="Give a path such as vecstream.db, or a server's http://HOST:19530/DATABASE.",
            )
        else:
            calls = None if read_only and not folder.exists() else Lite(folder)
        return cls(database, collection, calls, read_only=read_only)

    @classmethod
    def local_folder(cls, uri: str | None) -> Path | None:
        path = uri or DEFAULT_FOLDER
        return None if "://" in path else Path(path).expanduser().absolute()

    def record(self) -> CollectionRecord | None:
        facts = self._facts()
        return None if facts is None else self._record_of(facts)

    def create(self, record: CollectionRecord) -> None:
        self._insist_on_writing()
        if self._facts() is not None:
            raise DatabaseError(
                f"The collection {self._collection!r} exists in {self._place} already."
            )
        from pymilvus.grpc_gen import common_pb2, milvus_pb2  # type: ignore[import-untyped]

        self._sweep()
        holder = holder_of(self._collection, record.uuid)
        properties = {_RECORD: replace(record, last_run=None).to_json()}
        if record.last_run is not None:
            properties[_LAST_RUN] = record.last_run
        self._tell(
            "CreateCollection",
            milvus_pb2.CreateCollectionRequest(
                collection_name=holder,
                schema=schema(holder, record.dimension).SerializeToString(),
                shards_num=1,
                consistency_level=common_pb2.Strong,
                properties=pairs(**properties),
            ),
        )
        self._tell(
            "CreateIndex",
            milvus_pb2.CreateIndexRequest(
                collection_name=holder,
                field_name="vector",
                index_name="vector",
                extra_params=pairs(metric_type="COSINE", **_INDEXES[self._index]),
            ),
        )
        # Before it has its name, so that nobody finds it and has to wait.
        self._table().load(holder)
        kill_point("milvus.unnamed")
        self._tell(
            "CreateAlias",
            milvus_pb2.CreateAliasRequest(collection_name=holder, alias=self._alias),
        )
        self._dimension = record.dimension

    def update_record(self, *, last_run: str) -> None:
        from pymilvus.grpc_gen import milvus_pb2

        self._insist_on_writing()
        facts = self._found()
        self._tell(
            "AlterCollection",
            milvus_pb2.AlterCollectionRequest(
                collection_name=facts.holder, properties=pairs(**{_LAST_RUN: last_run})
            ),
        )

    def append(self, batch: "pa.RecordBatch | pa.Table") -> None:
        # Not inserted, since an insert that is made again after its answer was lost would give
        # the same id twice.
        self.merge(batch)

    def merge(self, batch: "pa.RecordBatch | pa.Table") -> None:
        self._insist_on_writing()
        if self._dimension is None:
            self._dimension = self._found().dimension
        checked(batch, self._dimension)
        self._written = True
        upsert = partial(self._upsert, self._table(), self._dimension)
        self._flight.each(upsert, parts(batch, self.limits))

    def _upsert(self, table: Table, dimension: int, part: "pa.RecordBatch") -> None:
        from pymilvus.grpc_gen import milvus_pb2

        request = milvus_pb2.UpsertRequest(
            collection_name=self._alias,
            fields_data=encoded(part, dimension),
            num_rows=part.num_rows,
        )
        table.ask("write rows to", "Upsert", request)

    def delete_superseded(self, pairs: Sequence[tuple[str, int]]) -> int:
        kept = dict(pairs)
        return self._delete(
            row["id"]
            for row in self._rows_of(list(kept), ("id", "document_id", "attempt"))
            if row["attempt"] != kept[row["document_id"]]
        )

    def delete_documents(self, document_ids: Sequence[str]) -> int:
        return self._delete(row["id"] for row in self._rows_of(document_ids, ("id",)))

    def keep_only(self, document_id: str, ids: Sequence[str]) -> int:
        kept = set(ids)
        rows = self._rows_of([document_id], ("id",))
        return self._delete(row["id"] for row in rows if row["id"] not in kept)

    def fetch_vectors(
        self, ids: Sequence[str], documents: Sequence[str] | None = None
    ) -> "pa.Table":
        import pyarrow as pa

        dimension = self._found().dimension
        whole = row_schema(dimension)
        wanted = pa.schema([whole.field(name) for name in ("id", "vector")])
        among = None if documents is None else set(documents)
        found = []
        for chunk in chunks(ids, VALUES_PER_EXPRESSION):
            for batch in self._table().all(one_of("id", chunk), ("id", "vector", "document_id")):
                if among is not None:
                    owners = batch.column("document_id").to_pylist()
                    batch = batch.filter(pa.array([owner in among for owner in owners]))
                found.append(batch.select(["id", "vector"]))
        return pa.Table.from_batches(found, schema=wanted)

    def scan(self, columns: Sequence[str]) -> Iterator["pa.RecordBatch"]:
        return self._table().all(None, columns)

    def count(self) -> int:
        return self._table().count()

    def search(self, vector: Sequence[float], k: int, where: Filter | None = None) -> list[Hit]:
        return nearest(
            self._table(),
            MilvusDialect(),
            vector,
            k,
            where,
            exhaustive=self._index == "flat",
            most=MOST_HITS,
        )

    def maintain(self, *, final: bool = False, spare_bytes: int = 0) -> bool:
        """At the end of a run that wrote: have the server seal what it holds, which indexes it.

        Milvus Lite does that when it is closed.
        """
        from pymilvus.grpc_gen import milvus_pb2

        if self._embedded or not (final and self._written):
            return False
        holder = self._found().holder
        self._tell("Flush", milvus_pb2.FlushRequest(collection_names=[holder]))
        self._written = False
        return True

    def replace_with(self, build: str) -> None:
        from pymilvus.grpc_gen import milvus_pb2

        self._insist_on_writing()
        other, live = self._facts(alias_of(build)), self._facts()
        if other is None:
            raise CollectionNotFound(f"There is no collection {build!r} in {self._place}.")
        self._record_of(other)
        if live is None:
            make: Any = milvus_pb2.CreateAliasRequest
        else:
            self._record_of(live)
            make = milvus_pb2.AlterAliasRequest
        change = make(collection_name=other.holder, alias=self._alias)
        self._tell(make.__name__.removesuffix("Request"), change)
        self._dimension = None
        kill_point("rebuild.overwritten")
        self._tell("DropAlias", milvus_pb2.DropAliasRequest(alias=alias_of(build)))
        if live is not None and live.holder != other.holder:
            self._drop(live.holder)

    def drop(self) -> None:
        from pymilvus.grpc_gen import milvus_pb2

        self._insist_on_writing()
        facts = self._found()
        self._record_of(facts)
        self._dimension = None
        if facts.holder != self._alias:
            self._tell("DropAlias", milvus_pb2.DropAliasRequest(alias=self._alias))
        if not self._aliases(facts.holder):
            self._drop(facts.holder)

    def close(self) -> None:
        self._flight.close()
        if self._line is not None:
            self._line.close()

    def _facts(self, alias: str | None = None) -> Facts | None:
        return None if self._line is None else self._table().facts(alias)

    def _found(self) -> Facts:
        facts = self._facts()
        if facts is None:
            raise self._missing()
        return facts

    def _record_of(self, facts: Facts) -> CollectionRecord:
        written = facts.properties.get(_RECORD)
        if written is None:
            raise ForeignCollection(
                f"The collection {self._collection!r} in {self._place} was not made by vecstream."
            )
        try:
            record = CollectionRecord.from_json(written)
        except ValueError as error:
            raise ForeignCollection(
                f"The collection {self._collection!r} in {self._place} has a record that this"
                " version of vecstream cannot read."
            ) from error
        return replace(record, last_run=facts.properties.get(_LAST_RUN))

    def _table(self) -> Table:
        if self._line is None:
            raise self._missing()
        return Table(self._line, self._alias, self._missing(), self._wait)

    def _missing(self) -> CollectionNotFound:
        return CollectionNotFound(f"There is no collection {self._collection!r} in {self._place}.")

    def _insist_on_writing(self) -> None:
        if self._read_only:
            raise refuse_to_write(self._place)

    def _tell(self, name: str, request: Any) -> Any:
        """Make a call that changes what there is. Raises CollectionNotFound."""
        return self._table().ask("change", name, request)

    def _drop(self, holder: str) -> None:
        from pymilvus.grpc_gen import milvus_pb2

        self._tell("DropCollection", milvus_pb2.DropCollectionRequest(collection_name=holder))

    def _aliases(self, holder: str) -> frozenset[str]:
        """Every alias of a collection; servers before 2.4 tell it only when they describe it."""
        from pymilvus.grpc_gen import milvus_pb2

        facts = self._facts(holder)
        if facts is None or not self._embedded:
            return frozenset() if facts is None else facts.aliases
        request = milvus_pb2.ListAliasesRequest(collection_name=holder)
        return frozenset(self._tell("ListAliases", request).aliases)

    def _sweep(self) -> None:
        """Drop what a killed process left: a collection that it had not named yet, or no more."""
        from pymilvus.grpc_gen import milvus_pb2

        names = self._tell("ShowCollections", milvus_pb2.ShowCollectionsRequest()).collection_names
        for name in names:
            if may_hold(name, self._collection) and not self._aliases(name):
                facts = self._facts(name)
                if facts is not None and _RECORD in facts.properties:
                    self._drop(name)

    def _rows_of(
        self, document_ids: Sequence[str], columns: Sequence[str]
    ) -> Iterator[dict[str, Any]]:
        for chunk in chunks(document_ids, VALUES_PER_EXPRESSION):
            for batch in self._table().all(one_of("document_id", chunk), columns):
                yield from batch.to_pylist()

    def _delete(self, ids: Iterator[str]) -> int:
        self._insist_on_writing()
        self._written = True
        return self._table().delete(ids)
