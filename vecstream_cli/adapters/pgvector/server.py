"""Connections to a PostgreSQL database, and what its failures mean."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, LiteralString, Self, TypeVar
from urllib.parse import parse_qsl, quote, urlencode

from vecstream_cli.adapters.retrying import Again, Retrying
from vecstream_cli.endpoint import Endpoint
from vecstream_cli.errors import (
    AuthenticationFailed,
    CollectionNotFound,
    DatabaseError,
    UsageError,
    VecstreamError,
)

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg.sql import SQL, Composed

    Query = LiteralString | SQL | Composed

T = TypeVar("T")

DEFAULT_SCHEMA = "public"

# A server that is gone without a word is noticed after half a minute, whatever it is asked.
_KEEPALIVE = {"keepalives_idle": 15, "keepalives_interval": 5, "keepalives_count": 3}

# SQLSTATEs, or their classes of two characters: https://www.postgresql.org/docs/current/errcodes-appendix.html
_PASSING = ("08", "40001", "40P01", "53200", "53300", "55P03", "57014", "57P01", "57P02", "57P03")
_REFUSED = ("28", "42501")
_MISSING = ("42P01", "3F000")
_HINTS = {
    "3D000": "Make the database, or name another in --db-uri.",
    "22021": "Text in PostgreSQL cannot hold U+0000.",
    "25006": "The server takes no writes: name the primary in --db-uri.",
    "53100": "Free some space on the server, then run the same command again.",
    "57014": "Raise --db-option timeout=SECONDS.",
}
# The client is told no SQLSTATE while it connects, only words.
_REFUSING = (
    "password authentication failed", "no password supplied", "authentication failed",
    "no pg_hba.conf entry", "pg_hba.conf rejects", "permission denied for database",
    "certificate authentication", "requires a valid client certificate",
)  # fmt: skip
_BUSY = (
    "starting up", "shutting down", "recovery mode", "not yet accepting", "too many clients",
    "connection slots", "too many connections",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a database is: what libpq is given, the schema, and what may be shown of it."""

    conninfo: str
    schema: str
    place: str

    @classmethod
    def of(cls, uri: str | None) -> Self:
        """From ``postgresql://user@host:port/database?schema=x&sslmode=…``."""
        scheme, colon, _ = (uri or "").partition("://")
        if uri is None or not colon or scheme.lower() not in ("postgresql", "postgres"):
            raise UsageError(
                "The database pgvector needs a URI." if not uri else
                "The URI of the database pgvector begins with postgresql://.",
                hint="Give --db-uri postgresql://user@host:5432/database.",
            )  # fmt: skip
        head, _, query = uri.partition("?")
        pairs = parse_qsl(query, keep_blank_values=True)
        schema = dict(pairs).get("schema", DEFAULT_SCHEMA)
        given = [pair for pair in pairs if pair[0] != "schema"]
        shown = [pair for pair in pairs if pair[0] in ("host", "hostaddr", "port", "dbname")]
        if schema != DEFAULT_SCHEMA:
            shown.append(("schema", schema))
        return cls(conninfo=_with(head, given), schema=schema, place=_with(head, shown))


def _with(head: str, pairs: list[tuple[str, str]]) -> str:
    # libpq reads a plus sign as one.
    return f"{head}?{urlencode(pairs, quote_via=quote)}" if pairs else head


@dataclass(frozen=True, slots=True)
class Session:
    """A transaction under way; `again`: one that may have been committed went before it."""

    connection: "Connection[Any]"
    extension: tuple[str, tuple[int, ...]] | None
    """The schema of the extension `vector`, and its version."""
    again: bool = False

    def all(self, query: "Query", *values: object) -> list[tuple[Any, ...]]:
        """The rows that a query finds; vectors as bytes."""
        return self.connection.execute(query, values or None, binary=True).fetchall()

    def one(self, query: "Query", *values: object) -> tuple[Any, ...] | None:
        """The first of them."""
        return self.connection.execute(query, values or None, binary=True).fetchone()

    def run(self, query: "Query", *values: object) -> int:
        """How many rows a statement changed."""
        return self.connection.execute(query, values or None).rowcount


class Server:
    """A few connections to one database, made when they are wanted and used again.

    Nothing outlives a transaction: no setting, prepared statement or temporary table. So
    a connection pooler that hands out a server connection for a transaction may stand in between.
    """

    def __init__(self, database: Endpoint, address: Address, tls: dict[str, str], **limits: float):
        self._conninfo = address.conninfo
        self._schema = address.schema
        self._timeout = limits["timeout"]
        self._deadline = limits["deadline"]
        password = database.key("PGPASSWORD")
        self._given: dict[str, Any] = tls | ({} if password is None else {"password": password})
        self._idle: list[Connection[Any]] = []
        self._lock = threading.Lock()
        self._extension: tuple[str, tuple[int, ...]] | None = None

    def call(
        self,
        action: str,
        call: Callable[[Session], T],
        *,
        mode: str = "",
        patient: bool = True,
    ) -> T:
        """What `call` returns from a transaction that was committed.

        `action` is as in "Cannot ACTION: why."; `mode` is what follows BEGIN. Not `patient`: it
        may take as long as it likes, and is made once.
        """
        retrying = Retrying(lambda error: told(error, action), self._deadline if patient else 0)

        def once() -> T:
            with self.session(mode, again=retrying.repeated > 0, timed=patient) as session:
                return call(session)

        return retrying(once)

    @contextlib.contextmanager
    def session(
        self, mode: str = "", *, again: bool = False, timed: bool = True
    ) -> Iterator[Session]:
        """A transaction, committed at its end. Raises what psycopg does."""
        connection = self._taken()
        try:
            connection.execute(self._beginning(connection, mode, timed=timed))
            yield Session(connection, self._extension, again)
            connection.commit()
        except BaseException:
            self._give_up(connection)
            raise
        with self._lock:
            self._idle.append(connection)

    def look_again(self) -> None:
        """The extension may be there now."""
        self._extension = None

    def close(self) -> None:
        """Close every connection that is not in use."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _taken(self) -> "Connection[Any]":
        with self._lock:
            if self._idle:
                return self._idle.pop()
        import psycopg

        given: dict[str, Any] = {**_KEEPALIVE, **self._given}
        return psycopg.connect(
            self._conninfo,
            application_name="vecstream",
            client_encoding="UTF8",
            connect_timeout=max(2, round(self._timeout)),
            tcp_user_timeout=round(self._timeout * 1000),
            autocommit=True,
            prepare_threshold=None,
            **given,
        )

    def _beginning(self, connection: "Connection[Any]", mode: str, *, timed: bool) -> "Query":
        from psycopg import sql

        if self._extension is None:
            found = connection.execute(
                "SELECT n.nspname, e.extversion FROM pg_extension e"
                " JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'vector'"
            ).fetchone()
            if found is not None:
                digits = tuple(int(part) for part in found[1].split(".") if part.isdigit())
                self._extension = found[0], digits
        # The extension may lie anywhere; our own tables are named with their schema.
        path = [self._schema] if self._extension is None else [self._schema, self._extension[0]]
        return sql.SQL(
            "BEGIN {}; SET LOCAL statement_timeout = {}; SET LOCAL search_path = {}"
        ).format(
            sql.SQL(mode),
            sql.Literal(round(self._timeout * 1000) if timed else 0),
            sql.SQL(", ").join(map(sql.Identifier, path)),
        )

    def _give_up(self, connection: "Connection[Any]") -> None:
        import psycopg

        with contextlib.suppress(psycopg.Error):
            connection.rollback()
        with self._lock:
            if not connection.closed:
                self._idle.append(connection)
                return
            # What cut it has cut the others.
            others, self._idle = self._idle, []
        for other in others:
            other.close()
        connection.close()


@contextlib.contextmanager
def psycopg_errors(action: str) -> Iterator[None]:
    """What psycopg raises, as an error of ours; for what cannot be made again."""
    try:
        yield
    except VecstreamError:
        raise
    except Exception as error:
        found = told(error, action)
        raise (found.error if isinstance(found, Again) else found) from error


def told(error: Exception, action: str) -> VecstreamError | Again:
    """What to raise for what psycopg raised; whatever else was raised is raised again."""
    import psycopg

    if not isinstance(error, psycopg.Error):
        raise error
    state = error.sqlstate or ""
    primary = error.diag.message_primary or (str(error) or type(error).__name__).splitlines()[0]
    message = f"Cannot {action}: {primary.strip().rstrip('.')}."
    if state.startswith(_REFUSED) or any(words in primary for words in _REFUSING):
        return AuthenticationFailed(message)
    if state.startswith(_MISSING):
        return CollectionNotFound(f"Cannot {action}: there is no such collection.")
    if isinstance(error, psycopg.ProgrammingError) and not state:
        return UsageError(message, hint="Check --db-uri.")  # libpq cannot read it
    failed = DatabaseError(message, hint=_HINTS.get(state, "Look at the server's log."))
    if state.startswith(_PASSING):
        return Again(failed)
    away = isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) and not state
    if away and "FATAL:" in primary and not any(words in primary for words in _BUSY):
        return DatabaseError(message, hint="Check --db-uri.")
    if away:
        return Again(
            DatabaseError(message, hint="Check that the server is up and --db-uri is right.")
        )
    return failed
