"""`vecstream adapters`: what is installed, what is missing, and what a database takes."""

import importlib.util
import json
from importlib.machinery import ModuleSpec

import pytest
from json_schemas import complaints

from vecstream_cli.adapters.lance.adapter import LanceAdapter
from vecstream_cli.adapters.registry import adapter_class, adapter_names
from vecstream_cli.cli.main import main


def test_every_adapter_is_listed_with_what_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["adapters"]) == 0
    text = capsys.readouterr().out
    assert "not installed" not in text
    for name in adapter_names():
        assert f"{name} " in text
        assert (adapter_class(name).__doc__ or "").split("\n")[0][:30] in text


def test_what_an_adapter_lacks_is_told_with_the_command_that_adds_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.util.find_spec

    def find(name: str, package: str | None = None) -> ModuleSpec | None:
        return None if name == "lancedb" else found(name, package)

    monkeypatch.setattr("vecstream_cli.adapters.registry.find_spec", find)
    assert main(["adapters"]) == 0
    assert "not installed: pip install lancedb" in capsys.readouterr().out
    assert main(["search", "x", "--db", "lance"]) == 1
    error = capsys.readouterr().err
    assert "needs the package lancedb" in error
    assert "pip install lancedb" in error


def test_one_adapter_is_shown_with_its_options_and_limits(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["adapters", "lance"]) == 0
    text = capsys.readouterr().out
    assert "--db-option full_text=" in text
    assert "4,096" in text


def test_json_says_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["adapters", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert not list(complaints(lines))
    (lance,) = [line for line in lines if line.get("name") == "lance"]
    assert lance["installed"]
    assert set(lance["options"]) == set(LanceAdapter.options)


def test_an_unknown_name_gets_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["adapters", "lanse"]) == 2
    assert "lance" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("full_txt=true", "Did you mean full_text?"),
        ("full_text=klingon", "full_text"),
        ("nonsense", "option with a value"),
    ],
)
def test_an_option_that_is_wrong_is_told(
    option: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["search", "x", "--db-option", option]) == 2
    assert said in capsys.readouterr().err
