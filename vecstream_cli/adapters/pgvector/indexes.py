"""The indexes that are made once there are rows: of vectors (HNSW), and of words (GIN)."""

from collections.abc import Iterator
from dataclasses import dataclass

from vecstream_cli.adapters.pgvector.server import Session
from vecstream_cli.adapters.pgvector.table import Facts, Place

LEAST_ROWS_OF_WORDS = 10_000
_MOST_NUMBERS = {"vector": 2000, "halfvec": 4000}  # that HNSW takes


@dataclass(frozen=True, slots=True)
class Index:
    """An index to be made: its role in the table, and what follows USING."""

    role: str
    definition: str

    def make(self, session: Session, table: Place, megabytes: int) -> None:
        """In this transaction, so that a crash leaves nothing; rows can be read meanwhile."""
        from psycopg import sql

        session.run(
            sql.SQL("SET LOCAL maintenance_work_mem = {}").format(sql.Literal(f"{megabytes:d}MB"))
        )
        session.run(
            sql.SQL("CREATE INDEX {} ON {} USING {}").format(
                sql.Identifier(table.index(self.role)), table.quoted, sql.SQL(self.definition)
            )
        )


def due(session: Session, table: Place, facts: Facts, least: int) -> list[Index]:
    """Those that are missing; vectors have none under `least` rows, nor where that is 0."""
    return list(_due(facts, _rows(session, table, max(least, LEAST_ROWS_OF_WORDS)), least))


def _due(facts: Facts, rows: int, least: int) -> Iterator[Index]:
    if facts.words is not None and rows >= LEAST_ROWS_OF_WORDS and not facts.words_indexed:
        yield Index("words", "gin (words)")
    short = facts.dimension <= _MOST_NUMBERS.get(facts.kind, 0)
    if 0 < least <= rows and short and not facts.indexed:
        yield Index("hnsw", f"hnsw (vector {facts.kind}_cosine_ops)")


def _rows(session: Session, table: Place, most: int) -> int:
    """How many there are, counted no further than `most`."""
    from psycopg import sql

    query = sql.SQL("SELECT count(*) FROM (SELECT FROM {} LIMIT %s) AS looked_at")
    found = session.one(query.format(table.quoted), most)
    return int(found[0]) if found else 0
