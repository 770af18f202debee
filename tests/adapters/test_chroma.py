"""Chroma: the conformance suite on a real server and in a folder, and what is its own."""

import json
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from adapters.servers.chroma import ChromaServer, Gate, chroma_server  # noqa: F401

from vecstream_cli.adapters.base import Adapter
from vecstream_cli.adapters.chroma.adapter import ChromaAdapter
from vecstream_cli.adapters.registry import connect
from vecstream_cli.endpoint import Endpoint
from vecstream_cli.errors import (
    AuthenticationFailed,
    CollectionNotFound,
    DatabaseError,
    ForeignCollection,
    UsageError,
)
from vecstream_cli.secret import Secret
from vecstream_cli.state.location import locate
from vecstream_cli.testing import Conformance
from vecstream_cli.testing.rows import RECORD, by_id, hex_id, rows, with_columns
from vecstream_cli.testing.writing import stored

# ruff: noqa: F811

pytest.importorskip("chromadb")


@pytest.mark.thorough
class TestChromaInAFolder(Conformance):
    name = "chroma"


class TestChromaServer(Conformance):
    name = "chroma"

    @pytest.fixture
    def database(self, chroma_server: ChromaServer) -> Endpoint:
        return Endpoint(name="chroma", uri=chroma_server.uri)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Adapter]:
    """A collection in a folder, open for writing."""
    with connect(Endpoint(name="chroma", uri=str(tmp_path / "db")), "docs", read_only=False) as a:
        a.create(RECORD)
        yield a


# Where it is, and who may in


def test_a_folder_is_local_and_a_server_is_not(tmp_path: Path) -> None:
    assert ChromaAdapter.local_folder(str(tmp_path)) == tmp_path
    assert ChromaAdapter.local_folder(f"file://{tmp_path}") == tmp_path
    assert ChromaAdapter.local_folder(None) == Path.cwd() / "vecstream.chroma"
    assert ChromaAdapter.local_folder("https://db.example.org") is None


@pytest.mark.parametrize("uri", ["chroma://h:8000", "http://", "postgresql://h/d"])
def test_another_uri_is_refused_with_one_that_is_right(uri: str) -> None:
    with pytest.raises(UsageError) as caught:
        connect(Endpoint(name="chroma", uri=uri), "docs", read_only=False)
    assert "http://HOST" in caught.value.hint


@pytest.mark.parametrize(
    "name", ["ab", "-abc", "abc.", "a b c", "ünï", "x" * 513, "vecstream-locks"]
)
def test_a_name_that_chroma_would_refuse_is_refused_at_once(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError):
        connect(Endpoint(name="chroma", uri=str(tmp_path)), name, read_only=False)


def test_tenants_and_databases_are_apart(chroma_server: ChromaServer) -> None:
    for path, name in (("", "acme"), ("/acme/databases", "books")):
        request = urllib.request.Request(
            f"{chroma_server.uri}/api/v2/tenants{path}",
            data=json.dumps({"name": name}).encode(),
            headers={"Content-Type": "application/json"},
        )
        urllib.request.urlopen(request, timeout=30).close()
    other = Endpoint(name="chroma", uri=f"{chroma_server.uri}?tenant=acme&database=books")
    usual = replace(other, uri=chroma_server.uri)
    with (
        connect(other, "apart", read_only=False) as there,
        connect(usual, "apart", read_only=False) as here,
    ):
        there.create(RECORD)
        assert here.record() is None
    places = [
        locate("chroma", f"http://h:8000{query}", "docs", None).manifest
        for query in ("", "?tenant=a", "?tenant=b", "?database=a")
    ]
    assert len(set(places)) == 4


def test_a_database_that_is_not_there_is_named(chroma_server: ChromaServer) -> None:
    nowhere = Endpoint(name="chroma", uri=f"{chroma_server.uri}?database=nowhere")
    with connect(nowhere, "docs", read_only=False) as adapter, pytest.raises(DatabaseError) as e:
        adapter.record()
    assert "nowhere" in e.value.message


@pytest.mark.parametrize(
    ("asked", "uri_user", "options"),
    [
        ({"authorization": "Bearer right-token-1"}, "", {}),
        ({"x_chroma_token": "right-token-1"}, "", {"token_header": "x-chroma-token"}),
        ({"authorization": "Basic YW5uOnJpZ2h0LXRva2VuLTE="}, "ann@", {}),
    ],
)
def test_a_gate_before_the_server_is_shown_what_it_asks_for(
    chroma_server: ChromaServer, asked: dict[str, str], uri_user: str, options: dict[str, str]
) -> None:
    """Chroma 1.x asks for no credentials, so what asks here is a double of a proxy."""
    with Gate(chroma_server, **asked) as gate:
        database = Endpoint(
            name="chroma",
            uri=gate.uri.replace("//", f"//{uri_user}"),
            password=Secret("right-token-1"),
            options={"deadline": "5", **options},
        )
        with connect(database, "nothere", read_only=False) as adapter:
            assert adapter.record() is None
        wrong = replace(database, password=Secret("wrong-token-2"))
        for intruder in (wrong, replace(database, password=None)):
            with connect(intruder, "nothere", read_only=False) as adapter:
                with pytest.raises(AuthenticationFailed) as caught:
                    adapter.record()
                assert "wrong-token-2" not in f"{caught.value} {caught.value.hint}"


def test_a_busy_server_is_left_alone_for_as_long_as_it_asks(chroma_server: ChromaServer) -> None:
    with Gate(chroma_server, authorization="Bearer right-token-1") as gate:
        database = Endpoint(name="chroma", uri=gate.uri, password=Secret("right-token-1"))
        with connect(database, "busytest", read_only=False) as adapter:
            adapter.create(RECORD)
            gate.failures = [(503, {}), (429, {"Retry-After": "1"})]
            began = time.monotonic()
            adapter.append(rows("a", 10))
            assert time.monotonic() - began >= 1
            gate.failures = [(500, {})]
            with pytest.raises(DatabaseError, match="500"):
                adapter.append(rows("b", 10))
            assert stored(adapter) == by_id(rows("a", 10))
            adapter.drop()


# What it keeps


def test_a_collection_of_somebody_else_is_never_touched(tmp_path: Path) -> None:
    import chromadb

    with chromadb.PersistentClient(str(tmp_path)) as client:
        theirs = client.create_collection("docs", embedding_function=None)
        theirs.add(ids=["1"], embeddings=[[1.0] * 8], documents=["x"])
    with connect(Endpoint(name="chroma", uri=str(tmp_path)), "docs", read_only=False) as adapter:
        for action in (
            adapter.record,
            adapter.drop,
            lambda: adapter.append(rows("a", 1)),
            lambda: adapter.delete_documents([hex_id("a")]),
            lambda: adapter.keep_only(hex_id("a"), []),
            lambda: adapter.update_record(last_run="x"),
            lambda: adapter.search([1.0] * 8, 3),
        ):
            with pytest.raises(ForeignCollection):
                action()
        with pytest.raises(DatabaseError, match="exists"):
            adapter.create(RECORD)


def test_a_row_is_what_the_plain_client_reads(folder: Adapter, tmp_path: Path) -> None:
    import chromadb

    folder.append(rows("a", 2))
    folder.merge(with_columns(rows("a", 1), heading=[None], page=[7]))
    with chromadb.PersistentClient(
        str(tmp_path / "db"), settings=chromadb.Settings(anonymized_telemetry=False)
    ) as client:
        collection = client.get_collection("docs", embedding_function=None)
        found = collection.get(where={"page": 7})
        assert found["ids"] == [hex_id("a", 0)]
        assert found["documents"] == ["text 0 ünïcode 🙂"]
        assert "heading" not in found["metadatas"][0]
        assert collection.configuration_json["hnsw"]["space"] == "cosine"


def test_no_model_is_ever_loaded(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from vecstream_cli.adapters.registry import connect\n"
        "from vecstream_cli.endpoint import Endpoint\n"
        "from vecstream_cli.testing.rows import RECORD, rows\n"
        f"place = Endpoint(name='chroma', uri={str(tmp_path)!r})\n"
        "with connect(place, 'docs', read_only=False) as a:\n"
        "    a.create(RECORD); a.append(rows('a', 3)); a.merge(rows('a', 3))\n"
        "    a.search([1.0] * 8, 2)\n"
        "print({'onnxruntime', 'sentence_transformers', 'posthog'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_choosing_chroma_loads_no_client() -> None:
    code = (
        "import sys\nfrom vecstream_cli.adapters.registry import adapter_class\n"
        "adapter_class('chroma').local_folder('x'); print('chromadb' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_every_acknowledged_row_outlives_a_killed_writer(tmp_path: Path) -> None:
    """SIGKILL in the middle of writing to a folder, twice; then it opens, and all is there."""
    place = str(tmp_path / "db")
    code = (
        "import sys\n"
        "from vecstream_cli.adapters.registry import connect\n"
        "from vecstream_cli.endpoint import Endpoint\n"
        "from vecstream_cli.testing.rows import rows\n"
        f"adapter = connect(Endpoint(name='chroma', uri={place!r}), 'docs', read_only=False)\n"
        "for n in range(int(sys.argv[1]), 10**6):\n"
        "    adapter.append(rows(n, 100)); print(n, flush=True)\n"
    )
    database = Endpoint(name="chroma", uri=place)
    with connect(database, "docs", read_only=False) as adapter:
        adapter.create(RECORD)
    acknowledged = 0
    for _ in range(2):
        writer = subprocess.Popen(
            [sys.executable, "-c", code, str(acknowledged)], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        for line in writer.stdout:
            acknowledged = int(line) + 1
            if acknowledged % 4 == 3:
                writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        with connect(database, "docs", read_only=False) as adapter:
            expected = by_id(*(rows(n, 100) for n in range(acknowledged)))
            found = stored(adapter)
            assert {row_id: found.get(row_id) for row_id in expected} == expected
            assert len(adapter.search([1.0] * 8, 50)) == 50


def test_a_server_that_is_killed_keeps_what_it_acknowledged(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    server = ChromaServer(tmp_path / "data")
    server.start()
    try:
        database = Endpoint(name="chroma", uri=server.uri, options={"deadline": "60"})
        with connect(database, "docs", read_only=False) as adapter:
            adapter.create(RECORD)
            adapter.append(rows("a", 1500))
            server.stop(signal.SIGKILL)
            server.start()
            adapter.merge(rows("b", 10))
            assert stored(adapter) == by_id(rows("a", 1500), rows("b", 10))
            adapter.drop()
            with pytest.raises(CollectionNotFound):
                adapter.count()
    finally:
        server.stop()


def test_an_open_reader_of_a_folder_sees_what_another_process_wrote(tmp_path: Path) -> None:
    """Chroma's own reader would not: its index is what it was when it was first asked."""
    database = Endpoint(name="chroma", uri=str(tmp_path / "db"))
    with connect(database, "docs", read_only=False) as adapter:
        adapter.create(RECORD)
    code = (
        "import sys\n"
        "from vecstream_cli.adapters.registry import connect\n"
        "from vecstream_cli.endpoint import Endpoint\n"
        "from vecstream_cli.testing.rows import rows\n"
        f"place = Endpoint(name='chroma', uri={database.uri!r})\n"
        "with connect(place, 'docs', read_only=False) as adapter:\n"
        "    for name in sys.stdin:\n"
        "        adapter.merge(rows(name.strip(), 30)); print('written', flush=True)\n"
    )
    writer = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with connect(database, "docs", read_only=True) as reader, writer:
        assert writer.stdin is not None
        assert writer.stdout is not None
        assert reader.search([1.0] * 8, 100) == []
        for number, name in enumerate(("a", "b", "c"), start=1):
            print(name, file=writer.stdin, flush=True)
            assert writer.stdout.readline() == "written\n"
            assert len(reader.search([1.0] * 8, 100)) == 30 * number
        assert stored(reader) == by_id(rows("a", 30), rows("b", 30), rows("c", 30))
