"""LanceDB passes the conformance suite, also where it writes as it does to a large table."""

from typing import ClassVar

import pytest

from vecstream_cli.adapters.lance import adapter as lance
from vecstream_cli.adapters.lance import layout
from vecstream_cli.testing import Conformance


class TestLance(Conformance):
    name = "lance"


class TestLanceWithFullText(Conformance):
    name = "lance"
    options: ClassVar[dict[str, str]] = {"full_text": "true"}


class TestLanceAsIfLarge(Conformance):
    name = "lance"

    @pytest.fixture(autouse=True)
    def large(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(lance, "LARGE_ROWS", 1)
        monkeypatch.setattr(layout, "FEW_ROWS_BESIDE", 0)
