"""Elasticsearch's adapter against SearchDouble, a double: no real server is tested here."""

from collections.abc import Iterator

import pytest
from doubles.search_double import PASSWORD, USER, SearchDouble

from vecstream_cli.endpoint import Endpoint
from vecstream_cli.secret import Secret
from vecstream_cli.testing import Conformance


@pytest.fixture(scope="module")
def double() -> Iterator[SearchDouble]:
    found = SearchDouble("elasticsearch")
    yield found
    found.close()


class TestElasticsearchDouble(Conformance):
    name = "elasticsearch"

    @pytest.fixture
    def database(self, double: SearchDouble) -> Iterator[Endpoint]:
        uri = f"http://{USER}@127.0.0.1:{double.port}"
        yield Endpoint(name="elasticsearch", uri=uri, password=Secret(PASSWORD))
        assert double.violations == []

    def intruder(self, database: Endpoint) -> Endpoint:
        return Endpoint(name="elasticsearch", uri=database.uri, password=Secret("wr0ng-one"))
