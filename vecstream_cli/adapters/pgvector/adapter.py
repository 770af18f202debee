"""PostgreSQL with pgvector: a collection is a table, its record the table's comment."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from re import compile as pattern
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

from vecstream_cli.adapters.base import (
    Adapter,
    Hit,
    Limits,
    Option,
    refuse_to_write,
)
from vecstream_cli.adapters.nearest import Row, most_apt, nearest
from vecstream_cli.adapters.pgvector.copy import copied, merged, refuse_nul, table_of
from vecstream_cli.adapters.pgvector.filter import PostgresDialect, Where
from vecstream_cli.adapters.pgvector.indexes import Index, due
from vecstream_cli.adapters.pgvector.locks import LOCKS, read_lock, swap_lock
from vecstream_cli.adapters.pgvector.options import OPTIONS, tls
from vecstream_cli.adapters.pgvector.search import Table, columns, ranked, where_clause
from vecstream_cli.adapters.pgvector.server import Address, Server, Session, psycopg_errors
from vecstream_cli.adapters.pgvector.table import Facts, Place, make_extension, not_found
from vecstream_cli.adapters.predicates import chunks
from vecstream_cli.adapters.requests import Flight, checked, parts
from vecstream_cli.core.filters import Filter
from vecstream_cli.core.record import CollectionRecord
from vecstream_cli.endpoint import Endpoint
from vecstream_cli.errors import DatabaseError, ForeignCollection

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]
    from psycopg.sql import Composed

T = TypeVar("T")

_VALUES_PER_STATEMENT = 10_000
_SCAN_ROWS = 4096
_SCAN_WIDE_ROWS = 512  # of texts or vectors

_log = logging.getLogger(__name__)


class PgvectorAdapter(Adapter):
    """A table, in a schema of a PostgreSQL database."""

    name: ClassVar[str] = "pgvector"
    extra: ClassVar[str | None] = "pgvector"
    packages: ClassVar[Sequence[str]] = ("psycopg",)
    # Names are cut at 63 bytes: the longest is that of a build's index.
    limits: ClassVar[Limits] = Limits(
        target_rows=4096,
        # One server process stores a row with a kilobyte of text in 0.14 ms, 0.11 of which finds
        # its words; here a row takes 0.017 ms.
        max_rows=1024,
        in_flight=4,
        max_dimension=16_000,
        names=pattern(rf"(?!{LOCKS}$)[A-Za-z0-9_][A-Za-z0-9._-]{{0,49}}?(--build)?"),
        naming="A name has at most 50 of the characters A-Z, a-z, 0-9, '_', '-' and '.'.",
        nul_in_text=False,
    )
    options: ClassVar[Mapping[str, Option]] = OPTIONS
    full_text: bool = True
    keeps_locks: ClassVar[bool] = True

    def __init__(
        self, database: Endpoint, address: Address, collection: str, *, read_only: bool
    ) -> None:
        self._database = database
        self._address = address
        self._server = Server(
            database,
            address,
            tls(self._option),
            timeout=self._option("timeout"),
            deadline=self._option("deadline"),
        )
        self._table = Place(address.schema, collection)
        self.full_text = self._option("full_text") is not None
        self._read_only = read_only
        self._flight = Flight(self.limits.in_flight)

    @classmethod
    def open(cls, database: Endpoint, collection: str, *, read_only: bool) -> Self:
        return cls(database, Address.of(database.uri), collection, read_only=read_only)

    @classmethod
    def local_folder(cls, uri: str | None) -> Path | None:
        return None

    @classmethod
    def hands_back_vectors(cls, database: Endpoint) -> bool:
        return not cls.option(database, "halfvec")

    def record(self) -> CollectionRecord | None:
        facts = self._read("read", self._table.facts)
        return None if facts is None else self._ours(facts, self._table)

    def create(self, record: CollectionRecord) -> None:
        half = self._option("halfvec")
        words = self._option("full_text")

        def extend(session: Session) -> None:
            make_extension(session, self._address.place)

        def make(session: Session) -> None:
            facts = self._table.facts(session)
            if facts is None:
                self._table.make(session, record, half=half, words=words)
            elif not session.again or facts.record != record:
                raise DatabaseError(
                    f"Cannot create the collection {self._table.name!r}: it exists already."
                )

        self._write("create", extend)
        self._server.look_again()
        self._write("create", make)

    def update_record(self, *, last_run: str) -> None:
        def update(session: Session) -> None:
            record = self._ours(self._facts(session), self._table)
            self._table.update(session, record, last_run)

        self._write("update", update)

    def append(self, batch: "pa.RecordBatch | pa.Table") -> None:
        self._put("add rows to", batch, straight=True)

    def merge(self, batch: "pa.RecordBatch | pa.Table") -> None:
        self._put("merge rows into", batch, straight=False)

    def delete_superseded(self, pairs: Sequence[tuple[str, int]]) -> int | None:
        return self._delete(
            "USING unnest(%s::text[], %s::bigint[]) AS kept(document, attempt)"
            " WHERE rows.document_id = kept.document AND rows.attempt <> kept.attempt",
            [
                ([document for document, _ in chunk], [attempt for _, attempt in chunk])
                for chunk in chunks(pairs, _VALUES_PER_STATEMENT)
            ],
        )

    def delete_documents(self, document_ids: Sequence[str]) -> int | None:
        return self._delete(
            "WHERE document_id = ANY (%s::text[])",
            [(chunk,) for chunk in chunks(document_ids, _VALUES_PER_STATEMENT)],
        )

    def keep_only(self, document_id: str, ids: Sequence[str]) -> int | None:
        return self._delete(
            "WHERE document_id = %s AND NOT EXISTS ("
            "SELECT FROM unnest(%s::text[]) AS kept(id) WHERE kept.id = rows.id)",
            [(document_id, list(ids))],
        )

    def fetch_vectors(
        self, ids: Sequence[str], documents: Sequence[str] | None = None
    ) -> "pa.Table":
        import pyarrow as pa

        names = ("id", "vector")
        told = Where("id = ANY (%s::text[])")
        if documents is not None:
            told = Where(told.text + " AND document_id = ANY (%s::text[])", (list(documents),))
        query = self._select(names, told)

        def fetch(session: Session) -> list["pa.RecordBatch"]:
            facts = self._facts(session)
            found = [session.all(query, few, *told.values) for few in chunks(ids, _SCAN_ROWS)]
            return [
                table_of(rows, names, facts.dimension, half=facts.half) for rows in found or [[]]
            ]

        return pa.Table.from_batches(self._read("read", fetch))

    def scan(self, columns: Sequence[str]) -> Iterator["pa.RecordBatch"]:
        return self.select(columns, None)

    def count(self) -> int:
        from psycopg import sql

        query = sql.SQL("SELECT count(*) FROM {}").format(self._table.quoted)

        def count(session: Session) -> int:
            self._facts(session)
            found = session.one(query)
            assert found is not None
            return int(found[0])

        return self._read("count", count)

    def search(self, vector: Sequence[float], k: int, where: Filter | None = None) -> list[Hit]:
        facts = self._read("search", self._facts)
        table = Table(self, self._table, facts, self._option("ef_search"))
        # Where the index finds fewer than are wanted, the table looks at all rows.
        return nearest(table, PostgresDialect(), vector, k, where, exhaustive=True)

    def search_text(self, text: str, k: int, where: Filter | None = None) -> list[Hit]:
        def top(most: int, told: Where | None, names: Sequence[str]) -> list[tuple[float, Row]]:
            return self._read("search", lambda s: self._ranked(s, text, most, told, names))

        return most_apt(top, PostgresDialect(), k, where)

    def maintain(self, *, final: bool = False, spare_bytes: int = 0) -> bool:
        """Only at the end of a run: autovacuum does what is due in between.

        The memory that an index takes is the server's, and `index_memory` bounds it.
        """
        if not final or self._read_only:
            return False
        least = self._option("index_rows")
        wanted = self._read("inspect", lambda s: due(s, self._table, self._own(s), least))
        return sum(self._indexed(index) for index in wanted) > 0

    def read_lock(self) -> str | None:
        return self._read("read the lock of", lambda s: read_lock(s, self._table))

    def swap_lock(self, old: str | None, new: str | None) -> bool:
        return self._write("lock", lambda s: swap_lock(s, self._table, old, new))

    def replace_with(self, build: str) -> None:
        other = Place(self._table.schema, build)

        def swap(session: Session) -> None:
            fresh, live = other.facts(session), self._table.facts(session)
            if fresh is None:
                if session.again and live is not None:
                    return  # it was done, and its acknowledgement lost
                raise not_found(build, self._address.place)
            self._ours(fresh, other)
            if live is not None:
                self._ours(live, self._table)
                self._table.drop(session)
            other.rename(session, self._table)

        self._write("replace", swap)

    def drop(self) -> None:
        def drop(session: Session) -> None:
            if session.again and self._table.facts(session) is None:
                return
            self._own(session)
            self._table.drop(session)

        self._write("drop", drop)

    def close(self) -> None:
        self._flight.close()
        self._server.close()

    def ask(self, call: Callable[[Session], T]) -> T:
        """For a search."""
        return self._read("search", call)

    def select(self, names: Sequence[str], told: Where | None) -> Iterator["pa.RecordBatch"]:
        """These columns of the rows that match, as of one moment."""
        wide = any(name in ("text", "vector", "metadata") for name in names)
        facts = self._read("read", self._facts)
        with (
            psycopg_errors(self._doing("read")),
            self._server.session("ISOLATION LEVEL REPEATABLE READ READ ONLY") as session,
        ):
            # Whoever takes the rows may take as long as it likes between two of them.
            session.run("SET LOCAL idle_in_transaction_session_timeout = 0")
            with session.connection.cursor("rows") as cursor:
                values = told.values if told else None
                cursor.execute(self._select(names, told), values, binary=True)
                while found := cursor.fetchmany(_SCAN_WIDE_ROWS if wide else _SCAN_ROWS):
                    yield table_of(found, names, facts.dimension, half=facts.half)

    def _select(self, names: Sequence[str], told: Where | None) -> "Composed":
        from psycopg import sql

        return sql.SQL("SELECT {} FROM {}{}").format(
            columns(names), self._table.quoted, where_clause(told)
        )

    def _ranked(
        self, session: Session, text: str, k: int, told: Where | None, names: Sequence[str]
    ) -> list[tuple[float, Row]]:
        config = self._facts(session).words
        if config is None:
            raise NotImplementedError
        return ranked(session, self._table, config, text, k, told, names)

    def _put(self, action: str, batch: "pa.RecordBatch | pa.Table", *, straight: bool) -> None:
        if not batch.num_rows:
            return
        facts = self._read(action, self._own)
        checked(batch, facts.dimension)
        refuse_nul(batch)

        def put(part: "pa.RecordBatch") -> None:
            if straight and self._copied_straight(action, part, facts):
                return
            self._write(
                action, lambda s: merged(s.connection, self._table.quoted, part, half=facts.half)
            )

        self._flight.each(put, parts(batch, self.limits))

    def _copied_straight(self, action: str, part: "pa.RecordBatch", facts: Facts) -> bool:
        """Whether the rows were new: one that is there ends a plain COPY, which leaves none."""
        from psycopg.errors import UniqueViolation

        table = self._table.quoted
        try:
            self._write(action, lambda s: copied(s.connection, table, part, half=facts.half))
        except DatabaseError as error:
            if isinstance(error.__cause__, UniqueViolation):
                return False
            raise
        return True

    def _delete(self, condition: str, values: Sequence[tuple[object, ...]]) -> int | None:
        from psycopg import sql

        query = sql.SQL(f"DELETE FROM {{}} AS rows {condition}").format(self._table.quoted)

        def delete(session: Session) -> int | None:
            self._own(session)
            count = sum(session.run(query, *each) for each in values)
            return None if session.again else count  # some may have gone before

        return self._write("delete from", delete) if values else 0

    def _indexed(self, index: Index) -> bool:
        memory = self._option("index_memory")
        try:
            self._write("index", lambda s: index.make(s, self._table, memory), patient=False)
        except DatabaseError as error:
            # It costs no row, and the next run makes it.
            _log.warning("%s Searching it stays slower than it could be.", error.message)
            return False
        return True

    def _option(self, name: str) -> Any:
        return self.option(self._database, name)

    def _own(self, session: Session) -> Facts:
        """What is known of the table, which is ours."""
        facts = self._facts(session)
        self._ours(facts, self._table)
        return facts

    def _facts(self, session: Session) -> Facts:
        facts = self._table.facts(session)
        if facts is None:
            raise not_found(self._table.name, self._address.place)
        return facts

    def _ours(self, facts: Facts, place: Place) -> CollectionRecord:
        table = f"The table {place.name!r} in {self._address.place}"
        try:
            record = facts.record
        except ValueError as error:
            raise ForeignCollection(
                f"{table} has a record that this version of vecstream cannot read."
            ) from error
        if record is None:
            raise ForeignCollection(f"{table} was not made by vecstream.")
        return record

    def _read(self, action: str, call: Callable[[Session], T]) -> T:
        return self._server.call(self._doing(action), call, mode="READ ONLY")

    def _write(self, action: str, call: Callable[[Session], T], *, patient: bool = True) -> T:
        if self._read_only:
            raise refuse_to_write(self._address.place)
        return self._server.call(self._doing(action), call, patient=patient)

    def _doing(self, action: str) -> str:
        return f"{action} the collection {self._table.name!r} in {self._address.place}"
