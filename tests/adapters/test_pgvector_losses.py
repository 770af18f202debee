"""PostgreSQL commits, and its word of it is lost; it ends connections; it says that it is busy."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from adapters.servers.postgres import Postgres, postgres  # noqa: F401

from vecstream_cli.adapters import retrying
from vecstream_cli.adapters.pgvector.adapter import PgvectorAdapter
from vecstream_cli.adapters.pgvector.server import Session, told
from vecstream_cli.adapters.retrying import Again
from vecstream_cli.endpoint import Endpoint
from vecstream_cli.errors import AuthenticationFailed, DatabaseError, VecstreamError
from vecstream_cli.secret import Secret
from vecstream_cli.testing.rows import RECORD, by_id, hex_id, rows
from vecstream_cli.testing.writing import stored

# ruff: noqa: F811


class Opener:
    """Opens collections of a database of its own."""

    def __init__(self, server: Postgres) -> None:
        self.uri = server.database()
        self._password = Secret(server.password)
        self.all: list[PgvectorAdapter] = []

    def __call__(self, collection: str = "documents") -> PgvectorAdapter:
        database = Endpoint(name="pgvector", uri=self.uri, password=self._password)
        self.all.append(PgvectorAdapter.open(database, collection, read_only=False))
        return self.all[-1]


@pytest.fixture
def opened(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> Iterator[Opener]:
    monkeypatch.setattr(retrying, "FIRST_PAUSE", 0.01)
    opener = Opener(postgres)
    yield opener
    for adapter in opener.all:
        adapter.close()


def unacknowledged(adapter: PgvectorAdapter) -> PgvectorAdapter:
    """Every write is committed, and its first acknowledgement lost."""
    whole = adapter._server.session

    @contextlib.contextmanager
    def session(mode: str = "", *, again: bool = False, timed: bool = True) -> Iterator[Session]:
        with whole(mode, again=again, timed=timed) as found:
            yield found
        if not mode and not again:
            raise psycopg.OperationalError("server closed the connection unexpectedly")

    adapter._server.session = session  # type: ignore[method-assign]
    return adapter


def test_what_was_committed_unheard_is_done_once(opened: Opener) -> None:
    adapter, witness = unacknowledged(opened()), opened()
    adapter.create(RECORD)
    assert witness.record() == RECORD
    adapter.append(rows("a", 10))
    adapter.merge(rows("b", 10))
    adapter.merge(rows("b", 4, attempt=2))
    assert stored(witness) == by_id(rows("a", 10), rows("b", 10), rows("b", 4, attempt=2))
    assert adapter.delete_documents([hex_id("a")]) is None
    assert adapter.delete_superseded([(hex_id("b"), 2)]) is None
    assert stored(witness) == by_id(rows("b", 4, attempt=2))
    adapter.update_record(last_run="now")
    assert adapter.swap_lock(None, "mine")
    assert adapter.swap_lock("mine", "mine 2")
    assert not adapter.swap_lock("mine", "theirs")
    assert not witness.swap_lock(None, "theirs")
    build = opened("documents--build")
    build.create(replace(RECORD, uuid="build"))
    adapter.replace_with("documents--build")
    found = witness.record()
    assert found is not None
    assert (found.uuid, build.record()) == ("build", None)
    adapter.drop()
    assert witness.record() is None


def test_a_collection_of_another_is_not_taken_for_what_was_committed_unheard(
    opened: Opener,
) -> None:
    opened().create(replace(RECORD, uuid="another"))
    with pytest.raises(DatabaseError, match="exists"):
        unacknowledged(opened()).create(RECORD)


def test_connections_that_the_server_ended_are_made_anew(
    opened: Opener, postgres: Postgres
) -> None:
    adapter = opened()
    adapter.create(RECORD)
    adapter.append(rows("a", 5000))
    postgres.run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()",
        database=opened.uri.rpartition("/")[2],
    )
    adapter.merge(rows("a", 5000, attempt=2))
    assert adapter.count() == 5000


def test_a_statement_that_takes_too_long_is_ended_by_the_server(opened: Opener) -> None:
    adapter = opened()
    adapter._server._timeout, adapter._server._deadline = 0.1, 0.0
    with pytest.raises(DatabaseError, match="statement timeout") as caught:
        adapter._server.call("wait in", lambda session: session.one("SELECT pg_sleep(9)"))
    assert "timeout=" in caught.value.hint


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ('FATAL:  password authentication failed for user "u"', AuthenticationFailed),
        ("fe_sendauth: no password supplied", AuthenticationFailed),
        ('FATAL:  no pg_hba.conf entry for host "10.0.0.1", user "u"', AuthenticationFailed),
        ('FATAL:  database "d" does not exist', DatabaseError),
        ("FATAL:  the database system is starting up", Again),
        ("FATAL:  sorry, too many clients already", Again),
        ("FATAL:  remaining connection slots are reserved for roles", Again),
        ("Connection refused\n\tIs the server running on that host?", Again),
        ("server closed the connection unexpectedly", Again),
    ],
)
def test_what_a_server_says_while_it_is_connected_to_is_understood(
    words: str, expected: type[Any]
) -> None:
    error = psycopg.OperationalError(f'connection to server at "h", port 1 failed: {words}')
    found = told(error, "read it")
    assert type(found) is expected
    shown = found.error if isinstance(found, Again) else found
    assert isinstance(shown, VecstreamError)
    assert "\n" not in shown.message


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("57P01", Again), ("40P01", Again), ("40001", Again), ("53300", Again), ("08006", Again),
        ("53100", DatabaseError), ("25006", DatabaseError), ("42501", AuthenticationFailed),
    ],
)  # fmt: skip
def test_what_a_server_says_later_is_understood(state: str, expected: type[Any]) -> None:
    assert type(told(psycopg.errors.lookup(state)("so it is"), "read it")) is expected
