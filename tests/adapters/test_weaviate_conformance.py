"""The Weaviate adapter passes the conformance suite against WeaviateDouble, which is a double."""

import contextlib
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from doubles.weaviate_double import WeaviateDouble

from vecstream_cli.endpoint import Endpoint
from vecstream_cli.secret import Secret
from vecstream_cli.testing import Conformance, Proxy

KEY = "a-key-of-the-double"


@pytest.fixture(scope="module")
def running() -> Iterator[WeaviateDouble]:
    with WeaviateDouble(key=KEY) as double:
        yield double


@pytest.fixture
def double(running: WeaviateDouble) -> Iterator[WeaviateDouble]:
    """The double, which in the end has nothing to complain of."""
    yield running
    complaints, running.complaints = running.complaints, []
    assert not complaints


class Both(Proxy):
    """A proxy before each of the two ports, which are away, cut and slow together."""

    def __init__(self, rest: int, grpc: int) -> None:
        self.grpc = Proxy("127.0.0.1", grpc)
        super().__init__("127.0.0.1", rest)

    def up(self) -> None:
        super().up()
        self.grpc.up()

    def down(self) -> None:
        super().down()
        self.grpc.down()

    def cut_after(self, count: int) -> None:
        # What the tests count goes over gRPC; a request over REST may come first, and is cut, too.
        super().cut_after(count)
        self.grpc.cut_after(count)

    def _pace(self, rate: float | None) -> None:
        self.grpc.bytes_per_second = rate
        self.__dict__["bytes_per_second"] = rate

    bytes_per_second = property(lambda self: self.__dict__.get("bytes_per_second"), _pace)


class TestWeaviateDouble(Conformance):
    name = "weaviate"

    @pytest.fixture
    def database(self, double: WeaviateDouble) -> Endpoint:
        return Endpoint(name=self.name, uri=double.uri, password=Secret(KEY))

    def intruder(self, database: Endpoint) -> Endpoint:
        return Endpoint(name=self.name, uri=database.uri, password=Secret("another-key"))

    @contextlib.contextmanager
    def behind(self, database: Endpoint) -> Iterator[tuple[Endpoint, Proxy]]:
        parts = urlsplit(database.uri or "")
        assert parts.port is not None
        with Both(parts.port, int(parts.query.removeprefix("grpc_port="))) as proxy:
            uri = f"http://127.0.0.1:{proxy.port}?grpc_port={proxy.grpc.port}"
            yield Endpoint(name=self.name, uri=uri, password=database.password), proxy
