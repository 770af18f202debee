"""LanceDB passes the conformance suite, also where it writes as it does to a large table."""

import pytest

from vecstream_cli.adapters import lance
from vecstream_cli.testing import Conformance


class TestLance(Conformance):
    name = "lance"


class TestLanceAsIfLarge(Conformance):
    name = "lance"

    @pytest.fixture(autouse=True)
    def large(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(lance, "LARGE_ROWS", 1)
