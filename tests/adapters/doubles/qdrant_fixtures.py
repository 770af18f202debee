"""What tests of the Qdrant adapter begin with: a running QdrantDouble, and adapters on it."""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from qdrant_client import QdrantClient

from vecstream_cli.adapters.base import Adapter
from vecstream_cli.adapters.registry import connect
from vecstream_cli.endpoint import Endpoint
from vecstream_cli.secret import Secret
from vecstream_cli.testing.rows import RECORD

pytest.importorskip(
    "qdrant_edge", reason="the double of Qdrant runs its engine, qdrant-edge-py, not had here"
)
from .qdrant_double import QdrantDouble

KEY = "the key of the double"

Opener = Callable[..., Adapter]


@pytest.fixture(scope="session")
def running_qdrant() -> Iterator[QdrantDouble]:
    found = QdrantDouble(KEY)
    yield found
    found.close()


@pytest.fixture
def qdrant(running_qdrant: QdrantDouble) -> Iterator[QdrantDouble]:
    """An empty double. No request to it, and no answer, may break Qdrant's OpenAPI document."""
    yield running_qdrant
    breaches = running_qdrant.breaches
    running_qdrant.reset()
    assert not breaches


@pytest.fixture
def open_qdrant(qdrant: QdrantDouble) -> Iterator[Opener]:
    """Opens `documents`, or another collection, of the double."""
    adapters = []

    def open_one(collection: str = "documents", *, read_only: bool = False, **options: str) -> Any:
        given = {"deadline": "10"} | options
        place = Endpoint(name="qdrant", uri=qdrant.uri, password=Secret(KEY), options=given)
        adapters.append(connect(place, collection, read_only=read_only))
        return adapters[-1]

    yield open_one
    for adapter in adapters:
        adapter.close()


@pytest.fixture
def documents(open_qdrant: Opener) -> Adapter:
    """The collection `documents`, just made."""
    adapter = open_qdrant()
    adapter.create(RECORD)
    return adapter


def plain_client(double: QdrantDouble) -> Any:
    """Qdrant's own client, as anybody uses it."""
    headers = {"api-key": KEY}
    return closing(QdrantClient(url=double.uri, headers=headers, check_compatibility=False))


def asked(double: QdrantDouble, end: str) -> list[Any]:
    """The bodies of the requests whose method and path end so."""
    return [body for method, path, _, body in double.requests if f"{method} {path}".endswith(end)]
