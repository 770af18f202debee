"""An empty collection in every kind of database."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest
from adapter_rows import RECORD

from vecstream_cli.adapters import lance
from vecstream_cli.adapters.base import Adapter
from vecstream_cli.adapters.registry import adapter_class


class Opener(Protocol):
    """Opens the test's database again."""

    def __call__(self, *, read_only: bool = False, collection: str = "documents") -> Adapter: ...


@pytest.fixture(params=["lance", "lance as if large"])
def reopen(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Opener]:
    """Opens the test's database as often as it is called; nothing is in it at first."""
    name, _, size = request.param.partition(" ")
    kind = adapter_class(name)
    if size:
        monkeypatch.setattr(lance, "LARGE_ROWS", 1)
    opened: list[Adapter] = []

    def open_adapter(*, read_only: bool = False, collection: str = "documents") -> Adapter:
        opened.append(kind.open(str(tmp_path / "db"), collection, read_only=read_only))
        return opened[-1]

    yield open_adapter
    for adapter in opened:
        adapter.close()


@pytest.fixture
def adapter(reopen: Opener) -> Adapter:
    """A collection that was just made, open for writing."""
    made = reopen()
    made.create(RECORD)
    return made
