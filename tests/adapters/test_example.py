"""The example of an adapter, as another package brings it: small, and it passes the suite."""

import tomllib
from pathlib import Path

import pytest

from vecstream_cli.adapters.registry import GROUP
from vecstream_cli.testing import Conformance

EXAMPLE = Path(__file__).parents[2] / "examples" / "vecstream-sqlite"


@pytest.fixture(scope="module", autouse=True)
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as pip would leave it: its module, and its entry point as it states it."""
    stated = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    info = tmp_path_factory.mktemp("site") / "vecstream_sqlite-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Name: {stated['name']}\nVersion: {stated['version']}\n")
    entries = [f"{name} = {value}" for name, value in stated["entry-points"][GROUP].items()]
    (info / "entry_points.txt").write_text("\n".join([f"[{GROUP}]", *entries]))
    with pytest.MonkeyPatch.context() as patch:
        for folder in (EXAMPLE, info.parent):
            patch.syspath_prepend(str(folder))
        yield info.parent


class TestSqlite(Conformance):
    name = "sqlite"


def test_the_example_has_less_than_100_lines_of_code() -> None:
    lines = (EXAMPLE / "vecstream_sqlite.py").read_text().splitlines()
    assert sum(bool(line.strip()) for line in lines) < 100


def test_its_own_test_is_three_lines() -> None:
    lines = (EXAMPLE / "test_vecstream_sqlite.py").read_text().splitlines()
    assert [line for line in lines if line] == [
        "from vecstream_cli.testing import Conformance",
        "class TestSqlite(Conformance):",
        '    name = "sqlite"',
    ]
