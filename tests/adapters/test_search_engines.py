"""What Elasticsearch's and OpenSearch's adapters do when a server is busy, odd or large.

Against SearchDouble, a double, by way of the official clients: no real server is tested here.
"""

import hashlib
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from doubles.search_double import API_KEY, PASSWORD, USER, SearchDouble

from vecstream_cli.adapters import retrying
from vecstream_cli.adapters.base import Adapter
from vecstream_cli.adapters.registry import connect
from vecstream_cli.adapters.search_engine import adapter as search_engine
from vecstream_cli.adapters.search_engine import search as search_engine_search
from vecstream_cli.core.filter_text import parsed
from vecstream_cli.core.filters import matches
from vecstream_cli.endpoint import Endpoint
from vecstream_cli.errors import (
    AuthenticationFailed,
    DatabaseError,
    ForeignCollection,
    UsageError,
)
from vecstream_cli.secret import Secret
from vecstream_cli.testing.rows import DIMENSION, RECORD, by_id, hex_id, rows, vectors, with_columns
from vecstream_cli.testing.writing import stored


@pytest.fixture(params=["elasticsearch", "opensearch"])
def double(request: pytest.FixtureRequest) -> Iterator[SearchDouble]:
    found = SearchDouble(request.param)
    yield found
    found.close()
    assert found.violations == []


def opened(
    double: SearchDouble, collection: str = "documents", user: str | None = USER, **options: str
) -> Adapter:
    login, scheme = f"{user}@" if user else "", options.pop("scheme", "http")
    endpoint = Endpoint(
        name=options.pop("name", double.kind),
        uri=f"{scheme}://{login}127.0.0.1:{double.port}",
        password=Secret(PASSWORD if user else API_KEY),
        options={"deadline": "20", **options},
    )
    return connect(endpoint, collection, read_only=False)


@pytest.fixture
def adapter(double: SearchDouble, monkeypatch: pytest.MonkeyPatch) -> Iterator[Adapter]:
    monkeypatch.setattr(retrying, "FIRST_PAUSE", 0.01)
    with opened(double) as found:
        found.create(RECORD)
        yield found


def sent(double: SearchDouble, part: str) -> int:
    return sum(part in path for _, path in double.requests)


def test_the_double_is_called_again_when_it_is_busy(adapter: Adapter, double: SearchDouble) -> None:
    double.fail("_bulk", 429, 2)
    double.fail("_refresh", 503)
    double.fail("_search", 502)

    adapter.append(rows("a", 3))

    assert stored(adapter) == by_id(rows("a", 3))
    assert (sent(double, "_bulk"), sent(double, "_refresh")) == (3, 2)


def test_elasticsearch_double_is_left_alone_for_as_long_as_it_asks(
    adapter: Adapter, double: SearchDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    if double.kind == "opensearch":
        pytest.skip("its client does not show the header")
    pauses: list[float] = []
    monkeypatch.setattr(retrying.Retrying.__init__, "__kwdefaults__", {
        **(retrying.Retrying.__init__.__kwdefaults__ or {}), "sleep": pauses.append,
    })  # fmt: skip
    double.fail("_count", 429, retry_after="7")

    assert adapter.count() == 0
    assert pauses == [7.0]


def test_rows_that_the_double_is_too_busy_for_are_sent_again_alone(
    adapter: Adapter, double: SearchDouble
) -> None:
    sizes: list[int] = []
    bulk = double.api.bulk
    double.api.bulk = lambda v, p, body: sizes.append(body.count(b"\n") // 2) or bulk(v, p, body)  # type: ignore[method-assign, func-returns-value]
    double.api.busy = 4

    adapter.append(rows("a", 10))

    assert sizes == [10, 4]
    assert stored(adapter) == by_id(rows("a", 10))


def test_rows_that_the_double_refuses_are_named_and_counted(
    adapter: Adapter, double: SearchDouble
) -> None:
    for n in (3, 5):
        double.api.refused[hex_id("a", n)] = ("document_parsing_exception", "no room for it")

    with pytest.raises(DatabaseError) as caught:
        adapter.merge(rows("a", 10))

    assert "2 of 10 rows failed" in caught.value.message
    assert hex_id("a", 3) in caught.value.message
    assert "no room for it" in caught.value.message


def test_rows_of_a_run_that_was_killed_before_its_refresh_are_deleted_as_any(
    adapter: Adapter, double: SearchDouble
) -> None:
    adapter.append(rows("a", 4))
    double.fail("_refresh", 400)
    with pytest.raises(DatabaseError):
        adapter.append(rows("a", 3, first=4, attempt=2))
    with opened(double) as other:
        double.fail("_refresh", 400)
        with pytest.raises(DatabaseError):
            other.append(rows("b", 3))

    with opened(double) as following:
        assert following.keep_only(hex_id("a"), [hex_id("a", n) for n in range(4)]) == 3
        assert following.delete_documents([hex_id("b")]) == 3
        assert stored(following) == by_id(rows("a", 4))


def test_a_deletion_that_meets_another_goes_on_until_nothing_is_left(
    adapter: Adapter, double: SearchDouble
) -> None:
    adapter.append(rows("a", 4))
    double.api.conflicts = 2

    assert adapter.delete_documents([hex_id("a")]) is None  # some may have gone by the other
    assert (sent(double, "_delete_by_query"), adapter.count()) == (3, 0)


def test_an_answer_without_the_rows_of_a_shard_is_none(
    adapter: Adapter, double: SearchDouble
) -> None:
    adapter.append(rows("a", 4))
    double.api.silent_shards = 2

    assert len(adapter.search([1.0] * DIMENSION, 9)) == 4
    with opened(double, deadline="0.1") as impatient:
        double.api.silent_shards = 1000
        with pytest.raises(DatabaseError, match="no shard available"):
            impatient.count()


def test_a_request_too_large_for_the_double_is_halved(
    adapter: Adapter, double: SearchDouble
) -> None:
    double.api.largest = 4000

    adapter.append(rows("a", 20))

    assert stored(adapter) == by_id(rows("a", 20))


def test_a_vector_of_length_zero_is_refused_by_the_row(adapter: Adapter) -> None:
    import pyarrow as pa

    flat = pa.array(np.zeros(DIMENSION, np.float32))
    batch = rows("a", 1)
    field = batch.schema.field("vector")
    broken = batch.set_column(10, field, pa.FixedSizeListArray.from_arrays(flat, DIMENSION))

    with pytest.raises(DatabaseError, match="zero magnitude"):
        adapter.append(broken)


@pytest.mark.parametrize(
    "of_someone_else",
    [
        ("documents", {"properties": {}}, {}),
        ("other", {"properties": {}}, {"documents": {}}),
        ("documents", {"_meta": {"vecstream": {"uuid": "1"}}, "properties": {}}, {}),
    ],
    ids=["an index", "an alias", "an index by its own name"],
)
def test_what_someone_else_made_is_foreign(double: SearchDouble, of_someone_else: Any) -> None:
    from doubles.search_index import Index

    name, mappings, aliases = of_someone_else
    double.api.indices[name] = Index(name, mappings, {}, aliases)
    with opened(double) as adapter:
        for call in (adapter.record, adapter.drop, lambda: adapter.append(rows("a", 1))):
            with pytest.raises(ForeignCollection):
                call()
        with pytest.raises(DatabaseError, match="exists"):
            adapter.create(RECORD)
    assert double.api.indices[name].documents == {}


def test_a_bulk_request_makes_no_index_of_its_own(adapter: Adapter, double: SearchDouble) -> None:
    adapter.append(rows("a", 1))
    double.api.indices.clear()

    with pytest.raises(Exception, match="no collection"):
        adapter.append(rows("a", 1))
    assert double.api.indices == {}


@pytest.mark.parametrize(
    ("lost", "call"),
    [
        (("PUT", r"^/other-[^/]*$"), "create"),
        (("POST", "^/_aliases"), "replace"),
        (("DELETE", "^/documents-[^/]*$"), "drop"),
        (("PUT", "_create"), "lock"),
    ],
)
def test_what_was_done_though_its_answer_was_lost_is_done(
    adapter: Adapter, double: SearchDouble, lost: tuple[str, str], call: str
) -> None:
    with opened(double, "other") as other:
        if call == "replace":
            other.create(RECORD)
            other.append(rows("a", 4))
        double.lose(*lost)
        if call == "create":
            other.create(RECORD)
            assert other.record() == RECORD
        elif call == "replace":
            adapter.replace_with("other")
            assert (adapter.count(), other.record()) == (4, None)
        elif call == "drop":
            adapter.drop()
            assert adapter.record() is None
        else:
            assert adapter.swap_lock(None, "mine")
            assert not other.swap_lock("mine", "theirs")
            assert adapter.read_lock() == "mine"


def test_a_build_takes_over_by_one_change_of_the_aliases(
    adapter: Adapter, double: SearchDouble
) -> None:
    with opened(double, "documents--build") as build:
        build.create(RECORD)
        build.append(rows("b", 2))
    adapter.append(rows("a", 5))
    double.requests.clear()

    adapter.replace_with("documents--build")

    changes = [path for method, path in double.requests if method != "GET"]
    assert changes == ["/_aliases"]
    assert [name.rsplit("-", 1)[0] for name in double.api.indices] == ["documents--build"]


def test_of_a_large_collection_the_graph_is_asked(
    adapter: Adapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapter.append(rows("a", 100))
    query = vectors(1, seed=9)[0].tolist()
    wanted = parsed("ordinal >= 20 and not path like '%x%'")
    exact = [adapter.search(query, 7), adapter.search(query, 7, wanted)]

    monkeypatch.setattr(search_engine, "EXACT_ROWS", 10)
    monkeypatch.setattr(search_engine_search, "EXACT_ROWS", 10)
    near = [adapter.search(query, 7), adapter.search(query, 7, wanted)]

    assert [[hit.id for hit in hits] for hits in near] == [[h.id for h in hits] for hits in exact]
    for found, told in zip(near, exact, strict=True):
        assert np.allclose([hit.score for hit in found], [hit.score for hit in told], atol=1e-6)


def test_a_text_longer_than_a_term_comes_back_and_is_filtered_by(adapter: Adapter) -> None:
    long = ["x" * 9000 + "end", "y" * 40_000, "x" * 9000, None]
    batch = with_columns(rows("a", 4), heading=long, metadata=[f'{{"v": "{t}"}}' for t in long])
    adapter.append(batch)

    assert stored(adapter) == by_id(batch)
    facts = batch.to_pylist()
    for text in (
        "heading like '%end'", "heading like 'x%'", "heading < 'y'", "heading is null",
        f"heading = '{'x' * 9000}'", f"heading > '{'x' * 9000}'", f"v = '{'x' * 9000}'",
        "v like '%end'", f"v >= '{'x' * 9000}'", "not v like 'x%'",
    ):  # fmt: skip
        found = adapter.search([1.0] * DIMENSION, 10, parsed(text))
        expected = {row["id"] for row in facts if matches(parsed(text), row)}
        assert {hit.id for hit in found} == expected, text[:40]


def test_vectors_come_back_to_the_last_bit(adapter: Adapter) -> None:
    adapter.append(rows("a", 500))
    found = adapter.fetch_vectors([hex_id("a", n) for n in range(500)])
    got = dict(zip(found["id"].to_pylist(), found["vector"].to_pylist(), strict=True))
    again = np.array([got[hex_id("a", n)] for n in range(500)], np.float32)
    assert np.array_equal(again, vectors(500))


@pytest.mark.parametrize(
    "name", ["Documents", "-a", "_a", ".a", "a b", "a#", "", "vecstream-locks"]
)
def test_a_name_that_an_index_cannot_have_is_refused_with_the_rule(
    double: SearchDouble, name: str
) -> None:
    with pytest.raises(UsageError) as caught:
        opened(double, name)
    assert "small letters" in (caught.value.hint or "")


def test_without_a_user_the_secret_is_an_api_key(double: SearchDouble) -> None:
    with opened(double, user=None) as adapter:
        assert adapter.record() is None


def test_without_a_secret_the_double_lets_nobody_in(
    double: SearchDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ELASTIC_API_KEY", raising=False)
    endpoint = Endpoint(name=double.kind, uri=f"http://127.0.0.1:{double.port}")
    adapter = connect(endpoint, "documents", read_only=True)
    with adapter, pytest.raises(AuthenticationFailed):
        adapter.record()


def test_a_double_of_version_8_is_spoken_to_by_an_option() -> None:
    double = SearchDouble("elasticsearch")
    double.api.version = 8
    try:
        with opened(double) as adapter:
            with pytest.raises(DatabaseError) as caught:
                adapter.record()
            assert "compatibility=8" in (caught.value.hint or "")
        with opened(double, compatibility="8") as adapter:
            adapter.create(RECORD)
            adapter.append(rows("a", 3))
            assert stored(adapter) == by_id(rows("a", 3))
    finally:
        double.close()


def test_elasticsearch_s_client_says_what_it_finds_where_opensearch_is() -> None:
    double = SearchDouble("opensearch", secured=False)
    try:
        with opened(double) as adapter:
            adapter.create(RECORD)
        adapter = opened(double, name="elasticsearch")
        for call in (adapter.record, lambda: adapter.create(RECORD)):
            with pytest.raises(DatabaseError) as caught:
                call()
            assert "opensearch" in (caught.value.hint or "")
        adapter.close()
    finally:
        double.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """One that nobody signed, and its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the command openssl, to make a certificate")
    folder = tmp_path_factory.mktemp("certificate")
    made = folder / "cert.pem", folder / "key.pem"
    command = f"{openssl} req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=127.0.0.1"
    command += f" -addext subjectAltName=IP:127.0.0.1 -out {made[0]} -keyout {made[1]}"
    subprocess.run(command.split(), check=True, capture_output=True)
    return made


@pytest.mark.parametrize("kind", ["elasticsearch", "opensearch"])
def test_a_double_with_a_certificate_is_trusted_as_the_options_say(
    kind: str, certificate: tuple[Path, Path]
) -> None:
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate[0].read_text())).hexdigest()
    double = SearchDouble(kind, certificate=certificate)
    trusting = {"ca_file": str(certificate[0])}, {"fingerprint": digest}, {"verify": "no"}
    doubting = {}, {"fingerprint": "ab" * 32}
    try:
        for options in trusting:
            with opened(double, scheme="https", **options) as adapter:
                assert adapter.record() is None, options
        for options in doubting:
            adapter = opened(double, scheme="https", deadline="1", **options)
            with adapter, pytest.raises(DatabaseError) as caught:
                adapter.record()
            assert "certificate is not trusted" in caught.value.message
            assert "ca_file" in (caught.value.hint or "")
    finally:
        double.close()
