"""Milvus Lite passes the conformance suite; and what is its own, and what needs no server."""

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from adapters.test_weaviate_tls import files  # noqa: F401
from hypothesis import given
from hypothesis import strategies as st
from pymilvus.grpc_gen import milvus_pb2_grpc

from vecstream_cli.adapters.base import Adapter
from vecstream_cli.adapters.milvus.lite import Lite
from vecstream_cli.adapters.milvus.names import NAMES, alias_of, holder_of, may_hold
from vecstream_cli.adapters.registry import connect
from vecstream_cli.endpoint import Endpoint
from vecstream_cli.errors import DatabaseError, UsageError
from vecstream_cli.testing import Conformance
from vecstream_cli.testing.rows import RECORD, by_id, hex_id, rows, with_columns
from vecstream_cli.testing.writing import stored

NAME = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,30}(--build)?", fullmatch=True)
_AWKWARD = st.text("x2d_-.a", min_size=1, max_size=12)


@pytest.fixture
def database(tmp_path: Path) -> Endpoint:
    return Endpoint(name="milvus", uri=str(tmp_path / "lite.db"))


@pytest.mark.thorough
class TestMilvusLite(Conformance):
    name = "milvus"

    @pytest.fixture
    def database(self, database: Endpoint) -> Endpoint:
        return database

    def test_texts_beyond_what_a_field_holds_come_back_whole(self, adapter: Adapter) -> None:
        long_texts(adapter)

    def test_a_row_with_too_much_text_is_refused_by_its_id(self, adapter: Adapter) -> None:
        batch = with_columns(rows("a", 2), text=["short", "🙂" * 200_000])
        with pytest.raises(DatabaseError, match=hex_id("a", 1)):
            adapter.append(batch)
        assert adapter.count() == 0

    def test_rows_outlive_a_kill(
        self, adapter: Adapter, database: Endpoint, collection: str
    ) -> None:
        adapter.close()
        program = f"""
import os, signal
from vecstream_cli.adapters.registry import connect
from vecstream_cli.endpoint import Endpoint
from vecstream_cli.testing.rows import rows
database = Endpoint(name="milvus", uri={database.uri!r})
adapter = connect(database, {collection!r}, read_only=False)
adapter.append(rows("a", 50))
adapter.merge(rows("a", 20, attempt=2))
os.kill(os.getpid(), signal.SIGKILL)
"""
        done = subprocess.run([sys.executable, "-c", program], check=False, timeout=60)
        assert done.returncode == -signal.SIGKILL
        with connect(database, collection, read_only=True) as reader:
            assert stored(reader) == by_id(rows("a", 50), rows("a", 20, attempt=2))


def long_texts(adapter: Adapter) -> None:
    """Write and read rows around what a field holds, and up to what a row holds."""
    texts = ["🙂" * 131_072, "a" * 65_535, "b" * 65_536, "é" * 32_768, "\n\x01" * 240_000]
    headings = [None, "x" * 70_000, "", "A > B", "é" * 40_000]
    metadata = ['{"k": "' + "y" * 70_000 + '"}', None, "{}", '{"k": 1}', '{"k": 2}']
    batch = with_columns(rows("a", 5), text=texts, heading=headings, metadata=metadata)
    adapter.append(batch)
    assert stored(adapter) == by_id(batch)
    hits = adapter.search([1.0] * 8, 10)
    assert {hit.id: hit.text for hit in hits} == dict(
        zip(batch.column("id").to_pylist(), texts, strict=True)
    )


def test_a_folder_that_another_process_has_open_is_named(database: Endpoint) -> None:
    program = f"""
import sys
from vecstream_cli.adapters.registry import connect
from vecstream_cli.endpoint import Endpoint
adapter = connect(Endpoint(name="milvus", uri={database.uri!r}), "a", read_only=False)
print("open", flush=True)
sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        with pytest.raises(DatabaseError, match=r"Another process has .*lite\.db"):
            connect(database, "a", read_only=True)
        other.communicate()
    connect(database, "a", read_only=True).close()


def test_a_server_over_tls_is_checked_and_may_ask_for_a_certificate(
    tmp_path: Path,
    files: tuple[str, str],  # noqa: F811
) -> None:
    """The server is Milvus Lite's service behind gRPC."""
    certificate, key = files
    pair = (Path(key).read_bytes(), Path(certificate).read_bytes())
    server = grpc.server(ThreadPoolExecutor(4))
    lite = Lite(tmp_path / "lite.db")
    milvus_pb2_grpc.add_MilvusServiceServicer_to_server(lite._shared.service, server)
    port = server.add_secure_port(
        "127.0.0.1:0", grpc.ssl_server_credentials([pair], pair[1], require_client_auth=True)
    )
    server.start()

    def opened(**options: str) -> Adapter:
        uri = f"https://127.0.0.1:{port}"
        database = Endpoint(name="milvus", uri=uri, options={"deadline": "0", **options})
        return connect(database, "documents", read_only=False)

    try:
        with opened(ca_file=certificate, cert_file=certificate, key_file=key) as adapter:
            adapter.create(RECORD)
            adapter.append(rows("a", 3))
            assert adapter.count() == 3
        for options in ({}, {"ca_file": certificate}):
            with opened(**options) as adapter, pytest.raises(DatabaseError):
                adapter.record()
        with pytest.raises(UsageError, match="cannot be read"):
            opened(ca_file=str(tmp_path / "none.pem"))
    finally:
        server.stop(None).wait()
        lite.close()


def test_a_reader_makes_no_folder(database: Endpoint, tmp_path: Path) -> None:
    with connect(database, "a", read_only=True) as reader:
        assert reader.record() is None
    assert list(tmp_path.iterdir()) == []


def test_a_database_of_an_older_lite_is_told(database: Endpoint) -> None:
    assert database.uri is not None
    Path(database.uri).write_bytes(b"SQLite format 3\0")
    with pytest.raises(DatabaseError, match="Milvus Lite 2"):
        connect(database, "a", read_only=False)


@pytest.mark.parametrize("uri", ["vectors", "localhost:19530", "grpc://localhost:1"])
def test_what_is_neither_a_server_nor_lite_is_refused(uri: str) -> None:
    with pytest.raises(UsageError):
        connect(Endpoint(name="milvus", uri=uri), "a", read_only=False).record()


@given(NAME | _AWKWARD, NAME | _AWKWARD)
def test_no_two_collections_have_the_same_name_in_milvus(one: str, other: str) -> None:
    assert (alias_of(one) == alias_of(other)) == (one == other)


@given(NAME)
def test_every_name_in_milvus_is_one_it_takes(name: str) -> None:
    assert NAMES.fullmatch(name)
    for told in (alias_of(name), holder_of(name, "uuid")):
        assert told.isascii()
        assert told.isidentifier()
        assert len(told) <= 255
    assert may_hold(holder_of(name, "uuid"), name)


def test_a_name_of_too_many_dashes_is_refused() -> None:
    assert NAMES.fullmatch("a" + "-" * 35 + "b" * 34)
    assert len(holder_of("a" + "-" * 35 + "b" * 34, "uuid")) <= 255
    assert not NAMES.fullmatch("a" + "-" * 36)
