"""PostgreSQL with pgvector, on a real server: the conformance suite, and what is its own."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import psycopg
import pytest
from adapters.servers.postgres import Postgres, postgres  # noqa: F401

from vecstream_cli.adapters.base import Adapter
from vecstream_cli.adapters.pgvector import indexes as pgvector_indexes
from vecstream_cli.adapters.pgvector.adapter import PgvectorAdapter
from vecstream_cli.adapters.pgvector.server import Address
from vecstream_cli.adapters.registry import connect
from vecstream_cli.core.filter_text import parsed
from vecstream_cli.endpoint import Endpoint
from vecstream_cli.errors import (
    AuthenticationFailed,
    DatabaseError,
    ForeignCollection,
    UsageError,
)
from vecstream_cli.secret import Secret
from vecstream_cli.state.location import locate
from vecstream_cli.testing import Conformance
from vecstream_cli.testing.rows import DIMENSION, RECORD, hex_id, rows, vectors, with_columns

# ruff: noqa: F811


class TestPgvector(Conformance):
    name = "pgvector"

    @pytest.fixture
    def database(self, postgres: Postgres) -> Endpoint:
        return endpoint(postgres, postgres.uri)

    def intruder(self, database: Endpoint) -> Endpoint:
        return Endpoint(name="pgvector", uri=database.uri, password=Secret("wrong-password"))


def endpoint(server: Postgres, uri: str, **options: str) -> Endpoint:
    return Endpoint(name="pgvector", uri=uri, password=Secret(server.password), options=options)


Opened = Callable[..., Adapter]


@pytest.fixture
def opened(postgres: Postgres) -> Iterator[Opened]:
    """Opens a new database of the test's own; the collection is made unless it is there."""
    uri = postgres.database()
    adapters = []

    def open_one(
        collection: str = "documents", *, read_only: bool = False, query: str = "",
        dimension: int = DIMENSION, **options: str,
    ) -> Adapter:  # fmt: skip
        database = endpoint(postgres, uri + query, **options)
        adapters.append(connect(database, collection, read_only=read_only))
        if not read_only and adapters[-1].record() is None:
            adapters[-1].create(replace(RECORD, dimension=dimension))
        return adapters[-1]

    open_one.uri = uri  # type: ignore[attr-defined]
    yield open_one
    for adapter in adapters:
        adapter.close()


@pytest.fixture
def asked(postgres: Postgres, opened: Opened) -> Callable[..., list[tuple[object, ...]]]:
    """Runs SQL in the test's database."""
    name = opened.uri.rpartition("/")[2]  # type: ignore[attr-defined]
    return lambda *statements: postgres.run(*statements, database=name)


def indexes(asked: Callable[..., list[tuple[object, ...]]], table: str) -> set[object]:
    return {name for (name,) in asked(
        f"SELECT indexname::text FROM pg_indexes WHERE tablename = '{table}'"
    )}  # fmt: skip


# Where it is


@pytest.mark.parametrize(
    ("uri", "conninfo", "schema", "place"),
    [
        ("postgresql://u@h:1/d", "postgresql://u@h:1/d", "public", "postgresql://u@h:1/d"),
        (
            "postgres://h/d?schema=a%20b&sslmode=require", "postgres://h/d?sslmode=require", "a b",
            "postgres://h/d?schema=a%20b",
        ),
        (
            "postgresql:///d?host=/run/pg&sslpassword=geheim",
            "postgresql:///d?host=%2Frun%2Fpg&sslpassword=geheim", "public",
            "postgresql:///d?host=%2Frun%2Fpg",
        ),
        ("postgresql://a:1,b:2/d", "postgresql://a:1,b:2/d", "public", "postgresql://a:1,b:2/d"),
    ],
)  # fmt: skip
def test_a_uri_is_libpqs_but_for_the_schema(
    uri: str, conninfo: str, schema: str, place: str
) -> None:
    assert Address.of(uri) == Address(conninfo=conninfo, schema=schema, place=place)


@pytest.mark.parametrize("uri", [None, "", "mysql://h/d", "host=h dbname=d"])
def test_another_uri_is_refused_with_one_that_is_right(uri: str | None) -> None:
    with pytest.raises(UsageError) as caught:
        Address.of(uri)
    assert "postgresql://" in caught.value.hint


def test_a_uri_that_libpq_cannot_read_is_told_as_such() -> None:
    database = Endpoint(name="pgvector", uri="postgresql://127.0.0.1:1/d?colour=red")
    with (
        connect(database, "documents", read_only=True) as adapter,
        pytest.raises(UsageError, match="invalid"),
    ):
        adapter.record()


def test_schemas_are_databases_of_their_own(opened: Opened) -> None:
    here, there = opened(), opened(query="?schema=Other one")
    there.append(rows("a", 3))
    assert (here.count(), there.count()) == (0, 3)
    assert opened("more", query="?schema=Other one").count() == 0
    places = [
        locate("pgvector", f"postgresql://h/d{query}", "documents", None).manifest
        for query in ("", "?schema=a", "?schema=b", "?schema=a&sslmode=require")
    ]
    assert len(set(places)) == 3


@pytest.mark.parametrize(
    "name", ["x" * 50, "x" * 50 + "--build", "Ünïcode", "x" * 51, "vecstream_locks", "order.by-1"]
)
def test_a_name_and_those_of_its_indexes_fit(opened: Opened, name: str) -> None:
    if name in ("x" * 51, "Ünïcode", "vecstream_locks"):
        with pytest.raises(UsageError):
            opened(name)
        return
    adapter = opened(name, index_rows="10")
    adapter.append(rows("a", 20))
    adapter.maintain(final=True)
    assert adapter.count() == 20
    if not name.endswith("--build"):
        build = opened(f"{name}--build", index_rows="10")
        build.append(rows("a", 30))
        build.maintain(final=True)
        adapter.replace_with(f"{name}--build")
        assert adapter.count() == 30


# What it asks for, and what it says


def test_the_password_may_come_from_the_environment(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Endpoint(name="pgvector", uri=postgres.uri)
    monkeypatch.delenv("PGPASSWORD", raising=False)
    monkeypatch.setenv("PGPASSFILE", os.devnull)
    with (
        connect(database, "nothere", read_only=True) as adapter,
        pytest.raises(AuthenticationFailed, match="no password supplied"),
    ):
        adapter.record()
    monkeypatch.setenv("PGPASSWORD", postgres.password)
    with connect(database, "nothere", read_only=True) as adapter:
        assert adapter.record() is None


def test_a_database_that_is_not_there_is_told_at_once(postgres: Postgres) -> None:
    database = endpoint(postgres, postgres.uri_of("nowhere"))
    with (
        connect(database, "documents", read_only=True) as adapter,
        pytest.raises(DatabaseError, match='"nowhere" does not exist'),
    ):
        adapter.record()


def test_who_may_not_make_the_extension_is_told_who_may(
    postgres: Postgres, opened: Opened, asked: Callable[..., list[tuple[object, ...]]]
) -> None:
    asked(
        "DROP ROLE IF EXISTS guest", f"CREATE ROLE guest LOGIN PASSWORD '{postgres.password}'",
        "GRANT CREATE ON SCHEMA public TO guest",
    )  # fmt: skip
    uri = opened.uri.replace("vecstream@", "guest@")  # type: ignore[attr-defined]
    with connect(endpoint(postgres, uri), "documents", read_only=False) as adapter:
        with pytest.raises(DatabaseError) as caught:
            adapter.create(RECORD)
        assert "CREATE EXTENSION vector" in caught.value.hint
        asked("CREATE EXTENSION vector SCHEMA public")
        adapter.create(RECORD)
        adapter.append(rows("a", 3))
        assert adapter.count() == 3
    # and a table of another's is not to be read
    opened("theirs")
    with (
        connect(endpoint(postgres, uri), "theirs", read_only=True) as adapter,
        pytest.raises(AuthenticationFailed, match="permission denied"),
    ):
        adapter.count()
    asked("GRANT SELECT ON theirs TO guest")
    with connect(endpoint(postgres, uri), "theirs", read_only=True) as adapter:
        assert adapter.search([1.0] * DIMENSION, 3) == []
        assert adapter.search_text("x", 3) == []
        assert list(adapter.ids()) == []


def test_a_database_of_another_encoding_is_refused(postgres: Postgres) -> None:
    uri = postgres.database("ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    with (
        connect(endpoint(postgres, uri), "documents", read_only=False) as adapter,
        pytest.raises(DatabaseError, match="UTF-8"),
    ):
        adapter.create(RECORD)


@pytest.mark.parametrize("option", ["ca_file=ca.pem", "verify=true", "verify=false"])
def test_a_server_without_tls_is_refused_where_tls_is_asked_for(
    postgres: Postgres, option: str
) -> None:
    """PostgreSQL as it is packaged for tests has no TLS."""
    options = dict([option.split("=")])
    database = endpoint(postgres, postgres.uri, deadline="0", **options)
    with (
        connect(database, "documents", read_only=True) as adapter,
        pytest.raises(DatabaseError, match="does not support SSL"),
    ):
        adapter.record()


# The table and its record


def test_a_table_of_others_is_refused_and_left_alone(
    opened: Opened, asked: Callable[..., list[tuple[object, ...]]]
) -> None:
    asked(
        "CREATE TABLE theirs (id text, document_id text, attempt int)",
        "INSERT INTO theirs VALUES ('x', 'y', 1)", "COMMENT ON TABLE theirs IS 'vecstream? no'",
    )  # fmt: skip
    for adapter in (opened("theirs", read_only=True), opened("mine")):
        adapter._table = replace(adapter._table, name="theirs")  # type: ignore[attr-defined]
        with pytest.raises(ForeignCollection, match="not made by vecstream"):
            adapter.record()
    for change in (
        adapter.drop,
        lambda: adapter.append(rows("a", 1)),
        lambda: adapter.merge(rows("a", 1)),
        lambda: adapter.delete_documents(["y"]),
        lambda: adapter.delete_superseded([("y", 2)]),
        lambda: adapter.keep_only("y", []),
        lambda: adapter.update_record(last_run="x"),
        lambda: adapter.replace_with("mine"),
        lambda: adapter.maintain(final=True),
    ):
        with pytest.raises(ForeignCollection):
            change()
    with pytest.raises(DatabaseError, match="exists"):
        adapter.create(RECORD)
    assert asked("SELECT * FROM theirs") == [("x", "y", 1)]
    asked("""COMMENT ON TABLE theirs IS 'vecstream {"uuid": 1}'""")
    with pytest.raises(ForeignCollection, match="cannot read"):
        adapter.record()


def test_the_record_goes_with_the_table(
    opened: Opened, asked: Callable[..., list[tuple[object, ...]]]
) -> None:
    adapter = opened()
    asked("ALTER TABLE documents RENAME TO others")
    assert adapter.record() is None
    assert opened("others").record() == RECORD
    asked("DROP TABLE others")
    assert opened("others", read_only=True).record() is None


def test_what_takes_a_collections_place_has_its_indexes_names(
    opened: Opened,
    asked: Callable[..., list[tuple[object, ...]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pgvector_indexes, "LEAST_ROWS_OF_WORDS", 10)
    expected = {f"documents_{role}" for role in ("id", "doc", "hnsw", "words")}
    adapter = opened(index_rows="10")
    for _ in range(2):
        build = opened("documents--build", index_rows="10")
        build.append(rows("a", 100))
        build.maintain(final=True)
        adapter.replace_with("documents--build")
        assert indexes(asked, "documents") == expected
        assert indexes(asked, "documents--build") == set()
        assert not adapter.maintain(final=True)


def test_a_row_that_is_there_is_replaced_by_one_that_is_added(opened: Opened) -> None:
    adapter = opened()
    adapter.append(rows("a", 10))
    adapter.append(rows("a", 20, first=5, attempt=2))
    assert adapter.count() == 25
    attempts = [n for batch in adapter.scan(["attempt"]) for n in batch.column(0).to_pylist()]
    assert attempts.count(2) == 20


def test_nothing_is_left_on_the_server_when_an_adapter_is_closed(
    opened: Opened, asked: Callable[..., list[tuple[object, ...]]]
) -> None:
    adapter = opened()
    adapter.merge(rows("a", 3))
    scan = adapter.scan(["id"])
    next(scan)
    adapter.merge(rows("b", 3))
    scan.close()
    assert asked("SELECT count(*) FROM pg_class WHERE relpersistence = 't'") == [(0,)]
    adapter.close()
    left = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    assert asked("SELECT pg_sleep(0.2)", f"{left} AND pid <> pg_backend_pid()") == [(0,)]


def test_rows_are_scanned_as_of_one_moment(opened: Opened) -> None:
    adapter = opened()
    adapter.append(rows("a", 9000))
    scan = adapter.scan(["id", "attempt"])
    found = next(scan).num_rows
    adapter.merge(rows("a", 9000, attempt=2))
    adapter.delete_documents([hex_id("a")])
    for batch in scan:
        found += batch.num_rows
        assert set(batch.column("attempt").to_pylist()) == {1}
    assert found == 9000


# Vectors


def test_half_precision_is_stored_where_it_is_asked_for(
    opened: Opened, asked: Callable[..., list[tuple[object, ...]]], postgres: Postgres
) -> None:
    adapter = opened(halfvec="true")
    assert not PgvectorAdapter.hands_back_vectors(endpoint(postgres, postgres.uri, halfvec="true"))
    adapter.append(rows("a", 300))
    assert asked("SELECT DISTINCT pg_typeof(vector)::text FROM documents") == [("halfvec",)]
    # Who opens it without the option finds it as it is
    other = opened()
    other.merge(rows("b", 5))
    found = other.fetch_vectors([hex_id("a", n) for n in range(300)])
    numbers = dict(zip(found["id"].to_pylist(), found["vector"].to_pylist(), strict=True))
    stored = np.array([numbers[hex_id("a", n)] for n in range(300)])
    cosines = (stored * vectors(300)).sum(axis=1) / np.linalg.norm(stored, axis=1)
    assert cosines.min() > 0.999999
    assert other.search(vectors(300)[7].tolist(), 1)[0].id == hex_id("a", 7)
    assert next(iter(other.scan(["vector"]))).num_rows == 305
    adapter.append(with_columns(rows("c", 1), vector=[[60_000.0] * DIMENSION]))
    with pytest.raises(DatabaseError, match="half precision"):
        adapter.append(with_columns(rows("c", 1), vector=[[70_000.0] * DIMENSION]))


def test_vectors_are_indexed_from_so_many_rows_on_and_found(
    opened: Opened, asked: Callable[..., list[tuple[object, ...]]]
) -> None:
    adapter = opened(index_rows="3000", dimension=32)
    adapter.append(rows("a", 2999, dimension=32))
    assert not adapter.maintain(final=True)
    adapter.append(rows("b", 1, first=5000, dimension=32))
    assert not adapter.maintain()
    assert adapter.maintain(final=True)
    assert not adapter.maintain(final=True)
    assert "documents_hnsw" in indexes(asked, "documents")
    queries = vectors(20, seed=3, dimension=32)
    told = vectors(2999, dimension=32)
    hits = 0
    for query in queries:
        nearest = {hex_id("a", int(n)) for n in np.argsort(-(told @ query))[:10]}
        found = [hit.id for hit in adapter.search(query.tolist(), 10)]
        hits += len(nearest & set(found))
    assert hits > 190
    # rows that come later are found, too
    adapter.merge(with_columns(rows("c", 1, dimension=32), vector=[queries[0].tolist()]))
    assert adapter.search(queries[0].tolist(), 1)[0].id == hex_id("c", 0)


def test_an_index_misses_no_row_that_a_search_has_room_for(opened: Opened) -> None:
    """Neither those that a filter leaves, nor those without a direction."""
    adapter = opened(index_rows="1000")
    batch = rows("a", 3000)
    numbers = vectors(3000)
    numbers[5] = 0
    adapter.append(with_columns(batch, vector=numbers.tolist()))
    assert adapter.maintain(final=True)
    query = vectors(1, seed=9)[0].tolist()
    hits = adapter.search(query, 4000)
    assert len(hits) == 3000
    assert {hit.score for hit in hits if hit.id == hex_id("a", 5)} == {0.0}
    assert [hit.ordinal for hit in adapter.search(query, 5, parsed("ordinal = 5"))] == [5]
    assert len(adapter.search(query, 50, parsed("ordinal < 40 and title = 'T'"))) == 40


def test_vectors_too_long_for_an_index_are_looked_at_all(
    opened: Opened, asked: Callable[..., list[tuple[object, ...]]]
) -> None:
    adapter = opened(index_rows="10", dimension=2001)
    adapter.append(rows("a", 20, dimension=2001))
    assert not adapter.maintain(final=True)
    half = opened("half", halfvec="true", index_rows="10", dimension=2001)
    half.append(rows("a", 20, dimension=2001))
    assert half.maintain(final=True)
    for each in (adapter, half):
        assert each.search(vectors(20, dimension=2001)[3].tolist(), 1)[0].id == hex_id("a", 3)


def test_an_index_that_cannot_be_made_costs_no_row(
    opened: Opened, asked: Callable[..., list[tuple[object, ...]]], caplog: pytest.LogCaptureFixture
) -> None:
    adapter = opened(index_rows="10", index_memory="0")
    adapter.append(rows("a", 20))
    assert not adapter.maintain(final=True)
    assert "Cannot index" in caplog.text
    assert adapter.count() == 20
    assert opened(index_rows="10").maintain(final=True)


# Words


def test_words_are_taken_apart_by_the_configuration_that_the_collection_has(
    opened: Opened,
) -> None:
    adapter = opened(full_text="english")
    adapter.append(with_columns(rows("a", 2), text=["rotating the keys", "a house"]))
    for each in (adapter, opened()):
        assert [hit.id for hit in each.search_text("rotate", 5)] == [hex_id("a", 0)]
    with pytest.raises(DatabaseError, match="klingon"):
        opened("other", full_text="klingon")


def test_words_are_not_kept_where_nobody_wants_them(opened: Opened) -> None:
    adapter = opened(full_text="false")
    assert not adapter.full_text
    adapter.append(rows("a", 3))
    adapter.merge(rows("a", 5))
    assert (adapter.count(), len(adapter.search([1.0] * DIMENSION, 9))) == (5, 5)
    for each in (adapter, opened(read_only=True)):
        with pytest.raises(NotImplementedError):
            each.search_text("text", 1)
    assert not adapter.maintain(final=True)


def test_words_are_found_with_a_filter_that_the_database_cannot_decide(opened: Opened) -> None:
    adapter = opened()
    told = [json.dumps({"x": "ab" if n == 299 else "abc"}) for n in range(300)]
    adapter.append(with_columns(rows("a", 300), metadata=told))
    (hit,) = adapter.search_text("text", 3, parsed("x like 'a_' "))
    assert hit.id == hex_id("a", 299)


def test_a_text_of_any_length_is_stored(opened: Opened) -> None:
    adapter = opened()
    texts = [" ".join(f"{n:x}" for n in range(300_000)), "x" * 3_000_000, "é " * 900_000]
    adapter.append(with_columns(rows("a", 3), text=texts))
    found = {hit.id: hit.text for hit in adapter.search([1.0] * DIMENSION, 3)}
    assert [found[hex_id("a", n)] for n in range(3)] == texts
    assert adapter.search_text("1a2b", 3)


def test_the_collection_is_read_with_plain_psycopg_as_the_page_says(
    opened: Opened, postgres: Postgres
) -> None:
    adapter = opened()
    adapter.append(rows("a", 30))
    query = vectors(30)[4].tolist()
    with psycopg.connect(opened.uri, password=postgres.password) as connection:  # type: ignore[attr-defined]
        found = connection.execute(
            "SELECT path, text, 1 - (vector <=> %s::vector) AS cosine FROM documents"
            " WHERE metadata_json ->> 'title' = 'T' ORDER BY vector <=> %s::vector LIMIT 3",
            (str(query), str(query)),
        ).fetchall()
    assert found[0][1] == adapter.search(query, 1)[0].text
