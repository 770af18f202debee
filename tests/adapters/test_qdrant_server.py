"""The Qdrant adapter against the QdrantDouble: a server that is busy, strict, old or elsewhere."""

import json
import ssl
import subprocess
import time
from pathlib import Path

import pytest

from vecstream_cli.adapters.base import Adapter
from vecstream_cli.adapters.registry import connect
from vecstream_cli.core.filter_text import parsed
from vecstream_cli.endpoint import Endpoint
from vecstream_cli.errors import AuthenticationFailed, DatabaseError, UsageError, VecstreamError
from vecstream_cli.secret import Secret
from vecstream_cli.testing.rows import DIMENSION, RECORD, by_id, hex_id, rows, with_columns
from vecstream_cli.testing.writing import stored

pytest.importorskip("qdrant_edge", reason="Qdrant's engine, qdrant-edge-py, is not had here")
from doubles import qdrant_fixtures
from doubles.qdrant_double import QdrantDouble
from doubles.qdrant_fixtures import KEY, Opener, asked

running_qdrant, qdrant = qdrant_fixtures.running_qdrant, qdrant_fixtures.qdrant
open_qdrant, documents = qdrant_fixtures.open_qdrant, qdrant_fixtures.documents


def test_a_server_before_1_16_is_refused_in_a_sentence(open_qdrant: Opener) -> None:
    old = QdrantDouble(keeps_metadata=False)
    try:
        with connect(Endpoint(name="qdrant", uri=old.uri), "documents", read_only=False) as adapter:
            with pytest.raises(DatabaseError, match="too old") as caught:
                adapter.create(RECORD)
            assert "1.16" in caught.value.hint
            assert adapter.record() is None
        assert not old.collections
        assert not old.breaches
    finally:
        old.close()


def test_a_busy_server_is_left_alone_for_as_long_as_it_says(
    qdrant: QdrantDouble, documents: Adapter
) -> None:
    qdrant.fail("/points", 429, "Rate limiting exceeded", Retry_After="1")
    qdrant.fail("/points", 503, times=2)
    began = time.monotonic()
    documents.append(rows("a", 600))
    assert time.monotonic() - began >= 1
    assert stored(documents) == by_id(rows("a", 600))


def test_a_server_that_stays_busy_ends_the_write_with_a_sentence(
    qdrant: QdrantDouble, documents: Adapter, open_qdrant: Opener
) -> None:
    impatient = open_qdrant(deadline="1")
    qdrant.fail("/points", 429, "Rate limiting exceeded", times=9, Retry_After="30")
    with pytest.raises(
        DatabaseError, match=r"Cannot write to the collection 'documents' in http"
    ) as e:
        impatient.append(rows("a", 3))
    assert "deadline" in e.value.hint
    assert documents.count() == 0


def test_what_the_server_has_not_applied_yet_is_asked_for_again(
    qdrant: QdrantDouble, documents: Adapter
) -> None:
    qdrant.unapplied = 2
    documents.append(rows("a", 3))
    assert len(asked(qdrant, "/points")) == 3
    qdrant.unapplied = 1
    documents.delete_documents([hex_id("a")])
    assert len(asked(qdrant, "/points/delete")) == 2
    assert documents.count() == 0


def test_every_write_waits_until_it_is_applied_and_keeps_to_the_limits(
    qdrant: QdrantDouble, documents: Adapter
) -> None:
    documents.append(rows("a", 1000))
    documents.delete_superseded([(hex_id("a"), 2)])
    writes = [
        (query, body)
        for _, path, query, body in qdrant.requests
        if path.endswith(("/points", "/points/delete"))
    ]
    assert all(query.get("wait") == "true" for query, _ in writes)
    sizes = [len(body["points"]) for _, body in writes if "points" in body]
    assert sum(sizes) == 1000
    assert max(sizes) <= (documents.limits.max_rows or 0)


def test_a_row_that_is_too_large_for_a_request_is_told_with_what_to_do(documents: Adapter) -> None:
    huge = with_columns(rows("a", 1), text=["x" * (33 << 20)])
    with pytest.raises(DatabaseError, match="larger than allowed") as caught:
        documents.append(huge)
    assert "max_request_size_mb" in caught.value.hint


def test_a_key_that_may_not_do_that_is_told_so(qdrant: QdrantDouble, documents: Adapter) -> None:
    qdrant.fail("/points", 403, "Forbidden: Write access to collection documents is required")
    with pytest.raises(AuthenticationFailed, match="Write access") as caught:
        documents.append(rows("a", 1))
    assert KEY not in f"{caught.value} {caught.value.hint}"


def test_the_key_comes_from_the_environment_too(
    qdrant: QdrantDouble, documents: Adapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QDRANT_API_KEY", KEY)
    place = Endpoint(name="qdrant", uri=f"{qdrant.uri}/")
    with connect(place, "documents", read_only=True) as adapter:
        assert adapter.record() == RECORD


def test_a_collection_in_strict_mode_is_written_and_searched(
    qdrant: QdrantDouble, documents: Adapter, open_qdrant: Opener
) -> None:
    # Given a server that filters by nothing that has no index
    strict = {
        "enabled": True, "unindexed_filtering_retrieve": False, "unindexed_filtering_update": False,
    }  # fmt: skip
    qdrant.collections[qdrant.aliases["documents"]].update({"strict_mode_config": strict})
    documents.append(with_columns(rows("a", 40), metadata=[f'{{"n": {n % 4}}}' for n in range(40)]))
    # Then what has none is looked at here
    hits = documents.search([1.0] * DIMENSION, 50, parsed("n = 3 and document_id like '%'"))
    assert sorted(hit.ordinal for hit in hits) == list(range(3, 40, 4))
    # and what has one there
    hits = documents.search([1.0] * DIMENSION, 50, parsed("attempt = 1 and n = 2"))
    assert sorted(hit.ordinal for hit in hits) == list(range(2, 40, 4))
    assert '"attempt"' in json.dumps(asked(qdrant, "/points/query")[-1])
    # and all deletions work
    documents.keep_only(hex_id("a"), [hex_id("a", n) for n in range(30)])
    documents.delete_superseded([(hex_id("a"), 1)])
    assert documents.count() == 30
    documents.delete_documents([hex_id("a")])
    assert documents.count() == 0


def test_the_collection_of_locks_cannot_be_taken(open_qdrant: Opener) -> None:
    with pytest.raises(UsageError):
        open_qdrant("vecstream-locks")


@pytest.mark.parametrize("uri", ["qdrant://host:6333", "postgresql://host/base"])
def test_an_address_that_is_none_is_told(uri: str) -> None:
    with pytest.raises(UsageError, match="no address"):
        connect(Endpoint(name="qdrant", uri=uri), "documents", read_only=True)


def test_what_is_no_qdrant_is_told(qdrant: QdrantDouble, documents: Adapter) -> None:
    place = Endpoint(name="qdrant", uri=f"{qdrant.uri}/elsewhere", password=Secret(KEY))
    with connect(place, "documents", read_only=True) as adapter, pytest.raises(VecstreamError):
        adapter.record()
    qdrant.breaches.clear()


def test_https_is_checked_against_the_file_that_is_named(tmp_path: Path) -> None:
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    try:
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout", key, "-out", cert,
             "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True,
        )  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no openssl that makes a certificate")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    double = QdrantDouble(KEY, tls=context)
    try:
        for options, trusted in (
            ({}, False), ({"ca_file": str(cert)}, True), ({"verify": "false"}, True),
        ):  # fmt: skip
            place = Endpoint(
                name="qdrant", uri=double.uri, password=Secret(KEY),
                options={"deadline": "20", **options},
            )  # fmt: skip
            with connect(place, "documents", read_only=True) as adapter:
                if trusted:
                    assert adapter.record() is None
                else:
                    with pytest.raises(DatabaseError, match="certificate"):
                        adapter.record()
        assert not double.breaches
    finally:
        double.close()
