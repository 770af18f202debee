"""Every reason that a document can fail or lose something for is in docs/formats.md, and real."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "vecstream_cli"
DOCUMENT = Path(__file__).parents[2] / "docs" / "formats.md"
_CODE = re.compile(r"[a-z]+(-[a-z]+)*")
_ROW = re.compile(r"^\| `([^`]+)` \|", re.M)


def given_reasons(folder: Path) -> Iterator[tuple[str, str]]:
    """(file and line, reason) of each DocumentError and ReaderWarning that is made; the reason is
    empty where it is no literal."""
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and _gives_one(node.func):
                where = f"{path.relative_to(PACKAGE)}:{node.lineno}"
                for reason in _literals(node.args[0] if node.args else None):
                    yield where, reason


def _gives_one(called: ast.expr) -> bool:
    match called:
        case ast.Name(id=name):
            return name in {"DocumentError", "ReaderWarning"}
        case ast.Attribute(value=ast.Name(id=name) | ast.Attribute(attr=name), attr="add"):
            return name.strip("_") == "losses"
    return False


def _literals(node: ast.expr | None) -> Iterator[str]:
    match node:
        case ast.Constant(value=str(reason)):
            yield reason
        case ast.IfExp(body=body, orelse=other):
            yield from _literals(body)
            yield from _literals(other)
        case ast.Attribute(attr="reason") | ast.Name(id="reason"):
            pass  # another's
        case _:
            yield ""


def documented() -> set[str]:
    return set(_ROW.findall(DOCUMENT.read_text("utf-8").partition("## Reasons")[2]))


def test_every_reason_is_documented() -> None:
    assert {
        where: reason for where, reason in given_reasons(PACKAGE) if reason not in documented()
    } == {}


def test_every_documented_reason_is_one_that_the_code_gives() -> None:
    sources = "".join(path.read_text("utf-8") for path in PACKAGE.rglob("*.py"))

    assert {reason for reason in documented() if f'"{reason}"' not in sources} == set()


def test_a_reason_is_a_few_words_that_a_script_can_match() -> None:
    assert documented()
    assert all(_CODE.fullmatch(reason) for reason in documented())
