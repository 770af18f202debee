"""What a table with pgvector is asked for by a search."""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from vecstream_cli.adapters.nearest import Row
from vecstream_cli.adapters.pgvector.filter import Where
from vecstream_cli.adapters.pgvector.server import Session
from vecstream_cli.adapters.pgvector.table import Facts, Place

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]
    from psycopg.sql import Composable

_MOST_EF = 1000  # that hnsw.ef_search takes
_ITERATIVE = (0, 8)  # the version of pgvector that goes on where a filter left too few


class Asked(Protocol):
    """What the adapter lends to a search."""

    def ask(self, call: Any) -> Any:
        """What `call` returns from a transaction."""

    def select(self, names: Sequence[str], where: Where | None) -> Iterator["pa.RecordBatch"]:
        """These columns of the rows that match."""


class Table:
    """A table, as `nearest` wants it."""

    def __init__(self, adapter: Asked, place: Place, facts: Facts, ef_search: int) -> None:
        self._adapter = adapter
        self._place = place
        self._facts = facts
        self._ef_search = ef_search

    def top(
        self, vector: Sequence[float], k: int, condition: Where | None, names: Sequence[str]
    ) -> list[tuple[float, Row]]:
        from psycopg import sql

        wanted = "[" + ",".join(map(repr, map(float, vector))) + "]"
        kind = sql.Identifier(self._facts.kind)
        query = sql.SQL(
            "SELECT vector <=> %s::{kind} AS distance, {columns} FROM {table}{where}"
            " ORDER BY vector <=> %s::{kind} LIMIT %s"
        ).format(
            kind=kind,
            columns=columns(names),
            table=self._place.quoted,
            where=where_clause(condition),
        )
        values = (wanted, *(condition.values if condition else ()), wanted, k)

        def call(session: Session) -> list[tuple[Any, ...]]:
            if self._facts.indexed:
                self._look_far(session, k)
            found = session.all(query, *values)
            if self._facts.indexed and len(found) < k:
                # The index gave up: it looks at 20,000 rows at most, and has no vector of zeros.
                session.run("SET LOCAL enable_indexscan = off")
                found = session.all(query, *values)
            return found

        return [
            (_score(distance), dict(zip(names, row, strict=True)))
            for distance, *row in self._adapter.ask(call)
        ]

    def _look_far(self, session: Session, k: int) -> None:
        look = min(max(self._ef_search, k), _MOST_EF)
        session.run(f"SET LOCAL hnsw.ef_search = {look:d}")
        if session.extension is not None and session.extension[1] >= _ITERATIVE:
            session.run("SET LOCAL hnsw.iterative_scan = strict_order")

    def all(self, condition: Where | None, names: Sequence[str]) -> Iterator["pa.RecordBatch"]:
        return self._adapter.select(names, condition)

    def rows(self, ids: Sequence[str], names: Sequence[str]) -> Iterable[Row]:
        from psycopg import sql

        query = sql.SQL("SELECT {} FROM {} WHERE id = ANY (%s)").format(
            columns(names), self._place.quoted
        )
        found = self._adapter.ask(lambda session: session.all(query, list(ids)))
        return [dict(zip(names, row, strict=True)) for row in found]


def ranked(
    session: Session,
    place: Place,
    config: str,
    text: str,
    k: int,
    condition: Where | None,
    names: Sequence[str],
) -> list[tuple[float, Row]]:
    """The rows that have any of the words, as ts_rank_cd orders them.

    The words are taken apart as those of the column were, and each may be missing: what a person
    asks in a sentence is seldom in one chunk.
    """
    from psycopg import sql

    query = sql.SQL(
        "WITH asked AS (SELECT string_agg("
        "  '''' || replace(replace(one, '\\', '\\\\'), '''', '''''') || '''', ' | ')::tsquery"
        "  AS any_of FROM unnest(tsvector_to_array(to_tsvector(%s::regconfig, %s::text))) AS one)"
        " SELECT ts_rank_cd(words, any_of) AS rank, {} FROM {}, asked WHERE words @@ any_of{}"
        " ORDER BY rank DESC, id LIMIT %s"
    ).format(columns(names), place.quoted, where_clause(condition, " AND "))
    values = condition.values if condition else ()
    found = session.all(query, config, text, *values, k)
    return [(float(rank), dict(zip(names, row, strict=True))) for rank, *row in found]


def columns(names: Sequence[str]) -> "Composable":
    """For a SELECT."""
    from psycopg import sql

    return sql.SQL(", ").join(map(sql.Identifier, names))


def where_clause(condition: Where | None, word: str = " WHERE ") -> "Composable":
    """The clause of a condition, with places for its values."""
    from psycopg import sql

    return sql.SQL(f"{word}({condition.text})" if condition else "")


def _score(distance: float) -> float:
    return 0.0 if math.isnan(distance) else 1.0 - distance
