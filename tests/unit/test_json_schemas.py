"""docs/json.md describes every type of line that the code can write."""

import ast
from dataclasses import fields
from pathlib import Path

import pytest
from json_schemas import complaints, schemas
from jsonschema import Draft202012Validator

from vecstream_cli.adapters.base import Hit
from vecstream_cli.core.benchmark import Bench
from vecstream_cli.core.schedule import Made
from vecstream_cli.layers import Shown
from vecstream_cli.pipeline.events import (
    DocumentDone,
    Notice,
    Planned,
    Preview,
    Progress,
    RunStarted,
    Summary,
)

PACKAGE = Path(__file__).parents[2] / "vecstream_cli"
TYPES = schemas()


def emitted() -> set[str]:
    """The first argument of every call of `emit` in the code."""
    found = set()
    for file in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_bytes())):
            called = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
            if called and node.func.attr == "emit":
                assert isinstance(node.args[0], ast.Constant), f"{file}:{node.lineno}"
                found.add(str(node.args[0].value))
    return found


def test_every_type_that_is_written_is_documented_and_no_other() -> None:
    assert len(emitted()) > 8
    assert set(TYPES) == emitted()


@pytest.mark.parametrize("kind", sorted(TYPES))
def test_a_schema_is_valid_and_names_its_type(kind: str) -> None:
    schema = TYPES[kind]
    Draft202012Validator.check_schema(schema)
    assert schema["title"] == kind
    assert schema["properties"]["type"] == {"const": kind}
    assert set(schema["required"]) <= set(schema["properties"])


@pytest.mark.parametrize(
    ("kind", "record"),
    [("status", RunStarted), ("status", Progress), ("document", DocumentDone), ("notice", Notice),
     ("planned", Planned), ("plan", Preview), ("summary", Summary), ("hit", Hit), ("bench", Bench),
     ("setting", Shown), ("schedule", Made)],
)  # fmt: skip
def test_every_field_of_a_record_that_becomes_a_line_is_documented(kind: str, record: type) -> None:
    assert {field.name for field in fields(record)} <= set(TYPES[kind]["properties"])


def test_a_field_that_is_not_documented_is_found() -> None:
    good = {"type": "summary", "exit_code": 0, "hits": 3}
    assert not list(complaints([good]))
    assert list(complaints([good | {"colour": "red"}]))
    assert list(complaints([{"type": "summary"}]))
    assert list(complaints([{"type": "surprise"}, good]))
