"""Milvus passes the conformance suite: a server 2.3.5, and Milvus Lite."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from adapters.servers import milvus_server

from vecstream_cli.endpoint import Endpoint
from vecstream_cli.secret import Secret
from vecstream_cli.testing import Conformance


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with milvus_server.server(tmp_path_factory.mktemp("milvus")) as uri:
        yield uri


class TestMilvusServer(Conformance):
    name = "milvus"

    @pytest.fixture
    def database(self, server: str) -> Endpoint:
        return Endpoint(name="milvus", uri=server, password=Secret(milvus_server.PASSWORD))

    def intruder(self, database: Endpoint) -> Endpoint:
        return Endpoint(name="milvus", uri=database.uri, password=Secret("guessed wrongly"))


class TestMilvusLite(Conformance):
    name = "milvus"

    @pytest.fixture
    def database(self, tmp_path: Path) -> Endpoint:
        return Endpoint(name="milvus", uri=str(tmp_path / "lite.db"))
