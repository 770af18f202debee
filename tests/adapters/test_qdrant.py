"""The Qdrant adapter and the official client against the QdrantDouble, a double of the server."""

from collections.abc import Iterator

import pytest

from vecstream_cli.endpoint import Endpoint
from vecstream_cli.secret import Secret
from vecstream_cli.testing import Conformance

pytest.importorskip(
    "qdrant_edge", reason="the double of Qdrant runs its engine, qdrant-edge-py, not had here"
)
from doubles.qdrant_double import QdrantDouble

KEY = "the key of the double"


@pytest.fixture(scope="module")
def double() -> Iterator[QdrantDouble]:
    found = QdrantDouble(KEY)
    yield found
    found.close()


@pytest.fixture(autouse=True)
def keeps_to_the_document(double: QdrantDouble) -> Iterator[None]:
    """No request that was made, and no answer that was given, breaks Qdrant's OpenAPI document."""
    yield
    breaches, double.breaches = double.breaches, []
    double.requests.clear()
    assert not breaches


class TestQdrantDoubleConformance(Conformance):
    name = "qdrant"

    @pytest.fixture
    def database(self, double: QdrantDouble) -> Endpoint:
        return Endpoint(name="qdrant", uri=double.uri, password=Secret(KEY))

    def intruder(self, database: Endpoint) -> Endpoint | None:
        return Endpoint(name="qdrant", uri=database.uri, password=Secret("another key"))
