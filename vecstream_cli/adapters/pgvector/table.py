"""The table of a collection: how it is made, what it tells of itself, how it is renamed."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from vecstream_cli.adapters.pgvector.copy import KINDS
from vecstream_cli.adapters.pgvector.server import Session
from vecstream_cli.core.record import CollectionRecord
from vecstream_cli.errors import CollectionNotFound, DatabaseError

if TYPE_CHECKING:
    from psycopg.sql import Composed

# The record is the table's comment: it goes where the table goes, through renaming, dropping,
# dumping and restoring.
_RECORD = "vecstream "

_MAY_BE_NULL = frozenset(
    ("page", "heading", "position", "metadata", "position_json", "metadata_json")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the database knows of a table.

    `kind` is the type of its vectors; `words` the text search configuration of its column of
    words, None where it has none.
    """

    comment: str | None
    kind: str
    dimension: int
    words: str | None
    indexed: bool
    words_indexed: bool

    @property
    def half(self) -> bool:
        """Whether vectors are stored in half precision."""
        return self.kind == "halfvec"

    @property
    def record(self) -> CollectionRecord | None:
        """None for a table that is not ours. Raises ValueError where it cannot be read."""
        if self.comment is None or not self.comment.startswith(_RECORD):
            return None
        return CollectionRecord.from_json(self.comment.removeprefix(_RECORD))


@dataclass(frozen=True, slots=True)
class Place:
    """A table by its name, there or not."""

    schema: str
    name: str

    @property
    def quoted(self) -> "Composed":
        """As SQL names it."""
        from psycopg import sql

        return sql.SQL("{}").format(sql.Identifier(self.schema, self.name))

    def facts(self, session: Session) -> Facts | None:
        """None where there is no such table, nor a view or the like."""
        found = session.one(
            "SELECT obj_description(c.oid, 'pg_class'), t.typname, a.atttypmod, ("
            "  SELECT substring(pg_get_expr(d.adbin, d.adrelid) from '''([^'']+)''::regconfig')"
            "  FROM pg_attrdef d JOIN pg_attribute w"
            "  ON w.attrelid = d.adrelid AND w.attnum = d.adnum"
            "  WHERE d.adrelid = c.oid AND w.attname = 'words'), ARRAY("
            "  SELECT b.attname::text FROM pg_index x JOIN pg_attribute b"
            "  ON b.attrelid = x.indrelid AND b.attnum = ANY (x.indkey)"
            "  WHERE x.indrelid = c.oid AND x.indisvalid)"
            " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'vector'"
            "  AND NOT a.attisdropped LEFT JOIN pg_type t ON t.oid = a.atttypid"
            " WHERE n.nspname = %s AND c.relname = %s",
            self.schema,
            self.name,
        )
        if found is None:
            return None
        comment, kind, dimension, words, indexed = found
        return Facts(
            comment=comment,
            kind=kind or "",
            dimension=dimension or 0,
            words=words,
            indexed="vector" in indexed,
            words_indexed="words" in indexed,
        )

    def make(
        self, session: Session, record: CollectionRecord, *, half: bool, words: str | None
    ) -> None:
        """The empty table, its record and what finds a row by id or by document."""
        from psycopg import sql

        make_schema(session, self.schema)
        columns = [
            sql.SQL("{} {}{}").format(
                sql.Identifier(name),
                sql.SQL(_declared(kind, record.dimension, half=half)),
                sql.SQL("" if name in _MAY_BE_NULL else " NOT NULL"),
            )
            for name, kind in KINDS.items()
        ]
        if words is not None:
            # A tsvector has at most a megabyte.
            columns.append(
                sql.SQL(
                    "words tsvector GENERATED ALWAYS AS"
                    " (to_tsvector({}::regconfig, left(text, 100000))) STORED"
                ).format(sql.Literal(words))
            )
        session.run(
            sql.SQL("CREATE TABLE {} ({}, CONSTRAINT {} PRIMARY KEY (id))").format(
                self.quoted, sql.SQL(", ").join(columns), sql.Identifier(self.index("id"))
            )
        )
        session.run(
            sql.SQL("CREATE INDEX {} ON {} (document_id)").format(
                sql.Identifier(self.index("doc")), self.quoted
            )
        )
        # A look at every vector is quick only where they lie in the row.
        session.run(sql.SQL("ALTER TABLE {} ALTER vector SET STORAGE MAIN").format(self.quoted))
        self.describe(session, record)

    def describe(self, session: Session, record: CollectionRecord) -> None:
        """Write the record."""
        from psycopg import sql

        session.run(
            sql.SQL("COMMENT ON TABLE {} IS {}").format(
                self.quoted, sql.Literal(_RECORD + record.to_json())
            )
        )

    def update(self, session: Session, record: CollectionRecord, last_run: str) -> None:
        """Write the record anew."""
        self.describe(session, replace(record, last_run=last_run))

    def drop(self, session: Session) -> None:
        """With all that belongs to it."""
        from psycopg import sql

        session.run(sql.SQL("DROP TABLE {}").format(self.quoted))

    def rename(self, session: Session, other: "Place") -> None:
        """It, and its indexes, which are called after it."""
        from psycopg import sql

        named = "SELECT indexname FROM pg_indexes WHERE schemaname = %s AND tablename = %s"
        for (index,) in session.all(named, self.schema, self.name):
            if index.startswith(f"{self.name}_"):
                session.run(
                    sql.SQL("ALTER INDEX {} RENAME TO {}").format(
                        sql.Identifier(self.schema, index),
                        sql.Identifier(other.index(index.removeprefix(f"{self.name}_"))),
                    )
                )
        session.run(
            sql.SQL("ALTER TABLE {} RENAME TO {}").format(self.quoted, sql.Identifier(other.name))
        )

    def index(self, role: str) -> str:
        """What an index of it is called."""
        return f"{self.name}_{role}"


def make_extension(session: Session, place: str) -> None:
    """The extension `vector`, where it is not there yet; text has to be UTF-8."""
    import psycopg

    if session.connection.info.parameter_status("server_encoding") != "UTF8":
        raise DatabaseError(
            f"The database {place} does not store text as UTF-8.",
            hint="Make another: CREATE DATABASE name ENCODING 'UTF8' TEMPLATE template0;",
        )
    if session.extension is not None:
        return
    # Of several who make it at once, all but one would fail.
    session.run("SELECT pg_advisory_xact_lock(hashtext('vecstream extension'))")
    public = session.one("SELECT FROM pg_namespace WHERE nspname = 'public'") is not None
    try:
        session.run(f"CREATE EXTENSION IF NOT EXISTS vector{' SCHEMA public' if public else ''}")
    except psycopg.errors.InsufficientPrivilege as error:
        raise DatabaseError(
            f"The extension pgvector is not installed in {place}, and this user may not do it.",
            hint="Ask who administers the database to run: CREATE EXTENSION vector;",
        ) from error
    except (psycopg.errors.UndefinedFile, psycopg.errors.FeatureNotSupported) as error:
        raise DatabaseError(
            f"The server of {place} does not have pgvector.",
            hint="Install it there: https://github.com/pgvector/pgvector#installation",
        ) from error


def not_found(name: str, place: str) -> CollectionNotFound:
    """The error for a collection that is not there."""
    return CollectionNotFound(f"There is no collection {name!r} in {place}.")


def make_schema(session: Session, schema: str) -> None:
    """The schema, where it is not there yet."""
    from psycopg import sql

    if session.one("SELECT FROM pg_namespace WHERE nspname = %s", schema) is None:
        session.run(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema)))


def _declared(kind: str, dimension: int, *, half: bool) -> str:
    if kind == "vector":
        return f"{'halfvec' if half else 'vector'}({dimension:d})"
    return 'text COLLATE "C"' if kind == "text" else kind
