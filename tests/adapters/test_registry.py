"""Adapters by name: built in, another package's, and the nearest right name."""

import subprocess
import sys
from pathlib import Path

import pytest

from vecstream_cli.adapters.registry import adapter_class, adapter_names
from vecstream_cli.errors import UsageError


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an installed package, with entry points of ours."""
    info = tmp_path / "other-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[vecstream.adapters]\n"
        "other = other_db:Other\nbroken = no_such_module:X\nwrong = other_db:VALUE\n"
    )
    (tmp_path / "other_db.py").write_text(
        "from vecstream_cli.adapters.lance.adapter import LanceAdapter\n"
        "class Other(LanceAdapter):\n    name = 'other'\nVALUE = 3\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_lance_is_known_without_any_entry_point() -> None:
    code = (
        "import importlib.metadata as m; m.entry_points = None\n"
        "from vecstream_cli.adapters.registry import adapter_class\n"
        "print(adapter_class('lance').name)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "lance"


def test_another_package_s_adapter_is_found_by_its_entry_point(plugin: Path) -> None:
    assert adapter_class("other").name == "other"
    assert {"lance", "other"} <= set(adapter_names())


@pytest.mark.parametrize("name", ["broken", "wrong"])
def test_an_entry_point_that_is_no_adapter_is_a_usage_error(plugin: Path, name: str) -> None:
    with pytest.raises(UsageError, match=name):
        adapter_class(name)


def test_an_unknown_name_gets_the_nearest_right_one() -> None:
    with pytest.raises(UsageError, match="lanse") as caught:
        adapter_class("lanse")
    assert "--db lance" in caught.value.hint


def test_a_name_near_to_nothing_gets_the_list() -> None:
    with pytest.raises(UsageError) as caught:
        adapter_class("xyzzy")
    assert "lance" in caught.value.hint
