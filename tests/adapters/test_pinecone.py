"""The Pinecone adapter, by the official client, against PineconeDouble: a double, no Pinecone."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pytest

pytest.importorskip("pinecone", reason="the client of Pinecone is not installed")

from doubles.pinecone_double import KEY, PineconeDouble, breaches, served

from vecstream_cli.adapters.base import Adapter
from vecstream_cli.adapters.registry import connect
from vecstream_cli.core.filter_text import parsed
from vecstream_cli.core.filters import matches
from vecstream_cli.endpoint import Endpoint
from vecstream_cli.errors import AuthenticationFailed, DatabaseError, ForeignCollection, UsageError
from vecstream_cli.secret import Secret
from vecstream_cli.testing import Conformance, Proxy
from vecstream_cli.testing.rows import DIMENSION, RECORD, by_id, hex_id, rows, with_columns
from vecstream_cli.testing.writing import stored


@pytest.fixture(scope="module")
def double() -> Iterator[PineconeDouble]:
    yield from served()


@pytest.fixture(autouse=True)
def keeps_to_the_document() -> Iterator[None]:
    """No request that was made, and no answer that was given, breaks Pinecone's document."""
    breaches.clear()
    yield
    assert not breaches


class TestPineconeDouble(Conformance):
    """What every adapter must do."""

    name = "pinecone"

    @pytest.fixture
    def database(self, double: PineconeDouble) -> Endpoint:
        return Endpoint(name="pinecone", uri=double.uri, password=Secret(KEY))

    def intruder(self, database: Endpoint) -> Endpoint | None:
        return replace(database, password=Secret("pcsk_wrong_9876543210"))

    @contextlib.contextmanager
    def behind(self, database: Endpoint) -> Iterator[tuple[Endpoint, Proxy]]:
        port = int((database.uri or "").rpartition(":")[2])
        with Proxy("127.0.0.1", port) as proxy:
            uri = f"pinecone://test-index?control=http://127.0.0.1:{proxy.port}"
            yield replace(database, uri=uri), proxy

    def test_the_facts_of_metadata_find_what_a_look_at_every_row_finds(
        self, adapter: Adapter
    ) -> None:
        kinds: list[str | None] = [
            *(None, "{}", '{"v": "text"}', '{"v": 1}', '{"v": 1.0}', '{"v": 1e300}'),
            *('{"v": -9007199254740993}', '{"v": true}', '{"v": null}', '{"v": []}'),
            *('{"v": [1, "a", null, [2]]}', '{"v": {"deep": {"er": [{"x": 1}]}}}', '{"v": ""}'),
            *('{"v": "ünï\\u0000 🙂 \\ud83d"}', '{"": 1, "v": "x"}', '{"v": "%s"}' % ("x" * 9000)),
        ]
        batch = with_columns(rows("a", len(kinds)), metadata=kinds, position=kinds[::-1])
        adapter.append(batch)
        assert stored(adapter) == by_id(batch)
        texts = ["v = 1", "v = 'text'", "v is null", "v = true", "v.deep.er.x = 1", "v = 'a'"]
        texts += ["v = -9007199254740993", "v = -9007199254740992", "v > 1e18", "v != 'x'"]
        texts += [f"v = '{'x' * 9000}'", f"v = '{'x' * 8999}'", "v like 'x%'", "v.deep is not null"]
        for text in texts:
            hits = adapter.search([1.0] * DIMENSION, 100, parsed(text))
            expected = [row["id"] for row in batch.to_pylist() if matches(parsed(text), row)]
            assert sorted(hit.id for hit in hits) == sorted(expected), text


@pytest.fixture
def lone() -> Iterator[PineconeDouble]:
    """A double without an index, and with a lag that shows."""
    yield from served(lag=0.3)


@pytest.fixture
def fresh() -> Iterator[PineconeDouble]:
    """A double without an index."""
    yield from served()


def opened(
    double: PineconeDouble, collection: str = "documents", uri: str | None = None, **options: str
) -> Adapter:
    place = Endpoint(name="pinecone", uri=uri or double.uri, password=Secret(KEY), options=options)
    return connect(place, collection, read_only=False)


def test_the_first_collection_makes_the_index_and_waits_for_it(lone: PineconeDouble) -> None:
    with opened(lone, uri=f"{lone.uri}&cloud=gcp&region=europe-west4") as adapter:
        assert adapter.record() is None
        adapter.create(RECORD)
        assert adapter.record() == RECORD
    assert lone.index is not None
    deployment = {"deployment_type": "managed", "cloud": "gcp", "region": "europe-west4"}
    assert lone.index["deployment"] == deployment


def test_a_collection_of_another_dimension_is_refused_in_a_sentence(fresh: PineconeDouble) -> None:
    with opened(fresh) as adapter, opened(fresh, "second") as second:
        adapter.create(RECORD)
        with pytest.raises(DatabaseError, match=r"vectors of 8 numbers.*have 16") as caught:
            second.create(replace(RECORD, dimension=16))
        assert "another index" in (caught.value.hint or "")
        assert second.record() is None


@pytest.mark.parametrize("lsn", [True, False])
def test_writes_return_when_reads_see_them(lsn: bool) -> None:
    """With the places of the log (LSN) in the headers, and by looking where there are none."""
    for double in served(lag=0.3, lsn=lsn):
        with opened(double) as adapter:
            adapter.create(RECORD)
            adapter.append(rows("a", 5))
            assert len(adapter.search([1.0] * DIMENSION, 9)) == 5
            adapter.merge(rows("a", 3, attempt=2, text="new"))
            assert sorted(hit.text[:3] for hit in adapter.search([1.0] * DIMENSION, 9)) == [
                *["new"] * 3, *["tex"] * 2,
            ]  # fmt: skip
            adapter.delete_superseded([(hex_id("a"), 2)])
            assert stored(adapter) == by_id(rows("a", 3, attempt=2, text="new"))


def test_what_reads_do_not_show_in_time_ends_in_an_error(fresh: PineconeDouble) -> None:
    with opened(fresh, deadline="0.3") as adapter:
        adapter.create(RECORD)
        fresh.lag = 60
        with pytest.raises(DatabaseError, match="reads do not show it"):
            adapter.append(rows("a", 5))


def test_a_chunk_of_too_many_bytes_is_named_and_nothing_is_cut(fresh: PineconeDouble) -> None:
    with opened(fresh) as adapter:
        adapter.create(RECORD)
        texts = ["short", "é" * 20_500, "short", "x" * 50_000]
        with pytest.raises(DatabaseError) as caught:
            adapter.append(with_columns(rows("a", 4), text=texts))
        told = caught.value.message
        assert hex_id("a", 1) in told
        assert "chunk 1 of 'a.md'" in told
        assert "1 others" in told
        assert "--chunk-size" in (caught.value.hint or "")
        assert adapter.count() == 0
        # and one that just fits is written whole
        batch = with_columns(rows("a", 1), text=["é" * 20_000])
        adapter.append(batch)
        assert stored(adapter) == by_id(batch)


def test_a_vector_of_zeros_is_named(fresh: PineconeDouble) -> None:
    with opened(fresh) as adapter:
        adapter.create(RECORD)
        batch = rows("a", 3)
        flat = pa.array(np.repeat(np.float32([1, 0, 1]), DIMENSION))
        vector = pa.FixedSizeListArray.from_arrays(flat, DIMENSION)
        batch = batch.set_column(10, batch.schema.field("vector"), vector)
        with pytest.raises(DatabaseError, match=hex_id("a", 1)):
            adapter.append(batch)


@pytest.mark.parametrize(
    ("status", "headers"), [(429, {"retry_after": "1"}), (503, {}), (500, {}), (502, {})]
)
def test_a_busy_server_is_called_again_and_by_nobody_but_us(
    fresh: PineconeDouble, status: int, headers: dict[str, str]
) -> None:
    with opened(fresh) as adapter:
        adapter.create(RECORD)
        fresh.fail("/upsert", status, **headers)
        before, began = len(fresh.requests), time.monotonic()
        adapter.append(rows("a", 5))
        upserts = [path for _, path in fresh.requests[before:] if path.endswith("/upsert")]
        assert len(upserts) == 2
        assert time.monotonic() - began > (1 if headers else 0)
        assert adapter.count() == 5


def test_the_clients_own_retries_are_off(fresh: PineconeDouble) -> None:
    with opened(fresh) as adapter:
        adapter.create(RECORD)
    with opened(fresh, deadline="0") as adapter, opened(fresh, deadline="0") as other:
        assert adapter.count() == 0
        for path, call in (
            ("/query", lambda: adapter.search([1.0] * DIMENSION, 3)),
            ("/test-index", other.record),
        ):
            fresh.fail(path, 503, times=9)
            before = len(fresh.requests)
            with pytest.raises(DatabaseError, match="injected"):
                call()
            assert len(fresh.requests) - before == 1


def test_a_months_quota_is_not_waited_for(fresh: PineconeDouble) -> None:
    with opened(fresh) as adapter:
        adapter.create(RECORD)
        why = "You've reached your write unit limit for the current month (2000000)."
        fresh.fail("/upsert", 429, times=99, message=why)
        fresh.requests.clear()
        with pytest.raises(DatabaseError, match="current month"):
            adapter.append(rows("a", 5))
        assert [path for _, path in fresh.requests] == ["/vectors/upsert"]


def test_a_request_that_is_too_large_is_sent_in_halves(fresh: PineconeDouble) -> None:
    with opened(fresh) as adapter:
        adapter.create(RECORD)
        # Each character takes six bytes in JSON.
        texts = ["\x01" * 6_500] * 200
        batch = with_columns(rows("a", 200), text=texts)
        adapter.append(batch)
        assert stored(adapter) == by_id(batch)


def test_a_table_of_many_small_batches_takes_few_requests(fresh: PineconeDouble) -> None:
    with opened(fresh) as adapter:
        adapter.create(RECORD)
        before = len(fresh.requests)
        adapter.append(pa.Table.from_batches([rows(n, 3) for n in range(100)]))
        upserts = [path for _, path in fresh.requests[before:] if path.endswith("/upsert")]
        assert len(upserts) == 1
        assert adapter.count() == 300


def test_filters_find_the_same_whether_absent_is_other_or_not(
    fresh: PineconeDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("doubles.pinecone_store.ABSENT_IS_OTHER", True)
    with opened(fresh) as adapter:
        adapter.create(RECORD)
        Conformance().test_every_kind_of_filter_finds_what_a_look_at_every_row_finds(adapter)


def test_a_document_of_more_rows_than_a_filter_names_keeps_those_it_should(
    fresh: PineconeDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vecstream_cli.adapters.pinecone import adapter as pinecone

    monkeypatch.setattr(pinecone, "_MOST_KEPT", 200)
    with opened(fresh) as adapter:
        adapter.create(RECORD)
        adapter.append(rows("a", 600))
        adapter.append(rows("b", 2))
        adapter.keep_only(hex_id("a"), [hex_id("a", n) for n in range(250)])
        assert stored(adapter) == by_id(rows("a", 600).slice(0, 250), rows("b", 2))


def test_more_hits_than_one_response_holds_come_with_their_texts(fresh: PineconeDouble) -> None:
    with opened(fresh) as adapter:
        adapter.create(RECORD)
        batch = with_columns(rows("a", 300), text=["x" * 30_000] * 300)
        adapter.append(batch)
        hits = adapter.search([1.0] * DIMENSION, 250)
        assert len(hits) == 250
        assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
        assert {len(hit.text) for hit in hits} == {30_000}


def test_a_namespace_of_others_is_foreign_and_is_left_alone(fresh: PineconeDouble) -> None:
    from pinecone import Index

    with opened(fresh, "first") as adapter:
        adapter.create(RECORD)
    with Index(host=f"http://127.0.0.1:{fresh.port}", api_key=KEY) as index:
        index.upsert(vectors=[("1", [0.5] * DIMENSION, {"a": 1})], namespace="theirs")
        time.sleep(0.1)
        with opened(fresh, "theirs") as adapter:
            for action in (adapter.record, adapter.drop, lambda: adapter.create(RECORD)):
                with pytest.raises(ForeignCollection):
                    action()
        assert index.describe_index_stats().namespaces["theirs"].vector_count == 1


def test_the_hosts_own_uri_works_and_makes_no_index(fresh: PineconeDouble) -> None:
    uri = f"http://127.0.0.1:{fresh.port}"
    with opened(fresh) as adapter:
        adapter.create(RECORD)
        adapter.append(rows("a", 3))
    with opened(fresh, uri=uri) as adapter:
        assert adapter.record() == RECORD
        assert stored(adapter) == by_id(rows("a", 3))


def test_texts_are_kept_out_of_the_index_of_metadata(fresh: PineconeDouble) -> None:
    with opened(fresh) as adapter:
        adapter.create(RECORD)
    fields = fresh.namespaces["documents"].fields
    assert fields is not None
    assert {"document_id", "attempt", "facts"} <= set(fields)
    assert not {"text", "metadata", "position"} & set(fields)


def test_without_a_key_its_variable_is_named_and_used(
    fresh: PineconeDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Endpoint(name="pinecone", uri=fresh.uri)
    monkeypatch.delenv("PINECONE_API_KEY", raising=False)
    with pytest.raises(AuthenticationFailed) as caught:
        connect(place, "documents", read_only=True)
    assert "PINECONE_API_KEY" in (caught.value.hint or "")
    monkeypatch.setenv("PINECONE_API_KEY", KEY)
    with connect(place, "documents", read_only=True) as adapter:
        assert adapter.record() is None


@pytest.mark.parametrize(
    "uri", [None, "pinecone://", "postgresql://x", "pinecone://a?cluod=aws", "index"]
)
def test_a_uri_that_says_no_index_is_refused_with_the_forms(uri: str | None) -> None:
    place = Endpoint(name="pinecone", uri=uri, password=Secret(KEY))
    with pytest.raises(UsageError) as caught:
        connect(place, "documents", read_only=True)
    assert "pinecone://INDEX" in (caught.value.hint or "")


@pytest.mark.parametrize("name", ["__vecstream__", "__default__", "é", "", "a b"])
def test_a_reserved_name_names_no_collection(fresh: PineconeDouble, name: str) -> None:
    with pytest.raises(UsageError):
        opened(fresh, name)


def test_a_drop_that_was_cut_short_is_done_again(fresh: PineconeDouble) -> None:
    with opened(fresh) as adapter:
        adapter.create(RECORD)
        adapter.append(rows("a", 3))
        fresh.fail("/vectors/delete", 403, message="Forbidden: quota of the day")
        with pytest.raises(DatabaseError, match="quota of the day"):
            adapter.drop()
    with opened(fresh) as adapter:
        assert (adapter.record(), adapter.count()) == (RECORD, 0)
        adapter.drop()
        assert adapter.record() is None
        adapter.create(RECORD)
        adapter.append(rows("a", 2))
        assert adapter.count() == 2
