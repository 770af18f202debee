"""The house keeps its floors: who may import whom, what is heavy where, how long a file is."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "vecstream_cli"
FLOORS = {
    "cli": 5,
    "report": 4,
    "api": 4,
    "pipeline": 3,
    "readers": 2,
    "models": 2,
    "adapters": 2,
    "state": 2,
    "core": 1,
    # The ground floor has steps.
    "testing": 2.5,
    "layers": 0.6,
    "config_file": 0.5,
    "keys": 0.4,
    "settings": 0.3,
    "pixels": 0.25,
    "endpoint": 0.25,
    "secret": 0.2,
    "errors": 0.1,
    "hiding": 0,
    "killpoints": 0,
    "lean": 0,
}
# The package's own front door may name anything above, and nothing inside imports it.
DOORS = {"__init__", "__main__"}
# Each adds tens of megabytes to a process; a parser has none of them.
HEAVY = {"torch", "transformers", "sentence_transformers", "lancedb", "lance", "pyarrow"}
# What runs in a parser imports these; the parser's own main loop is found by its name.
PARSER_SIDE = ("readers.*", "core.*", "models.tokenizer", "models.spec*", "pipeline.parser*")
MODULES = sorted(PACKAGE.rglob("*.py"))


def name_of(file: Path) -> str:
    """``core.plan`` for vecstream_cli/core/plan.py, ``core`` for its __init__."""
    parts = file.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def ours(module: str) -> str:
    return f"vecstream_cli.{module}"


def imports(file: Path, *, module_level_only: bool = False) -> Iterator[tuple[str, int]]:
    """Absolute names of what `file` imports, with lines; ``from a import b`` gives ``a.b``."""
    tree = ast.parse(file.read_bytes())
    here = ("vecstream_cli", *file.relative_to(PACKAGE).parent.parts)
    for node in module_level(tree) if module_level_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = here[: len(here) - node.level + 1] if node.level else ()
            module = ".".join((*base, *(node.module or "").split("."))).strip(".")
            yield from ((f"{module}.{alias.name}", node.lineno) for alias in node.names)


def module_level(node: ast.AST) -> Iterator[ast.AST]:
    """Everything that runs when the module is imported: not functions, not TYPE_CHECKING."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        yield child
        yield from module_level(child)


def room_of(module: str) -> str | None:
    """``core`` for vecstream_cli.core.plan, None for another distribution's module."""
    parts = module.split(".")
    return parts[1] if parts[0] == "vecstream_cli" and len(parts) > 1 else None


def breaches(file: Path) -> list[str]:
    """What `file` imports from its own floor or a higher one."""
    room = name_of(file).split(".")[0]
    found = []
    for target, line in imports(file):
        other = room_of(target)
        if other is None or other == room:
            continue
        if other not in FLOORS or FLOORS[other] >= FLOORS[room]:
            found.append(f"{file.relative_to(PACKAGE)}:{line} imports {target}")
    return found


def parser_side() -> list[Path]:
    return [
        file for file in MODULES if any(Path(name_of(file)).match(rule) for rule in PARSER_SIDE)
    ]


def test_every_module_stands_on_a_floor() -> None:
    homeless = [m for m in map(name_of, MODULES) if m.split(".")[0] not in FLOORS.keys() | DOORS]
    assert not homeless


def test_no_module_imports_from_its_own_floor_or_a_higher_one() -> None:
    inside = [file for file in MODULES if name_of(file) not in DOORS]
    assert len(inside) > 10
    assert not [breach for file in inside for breach in breaches(file)]


@pytest.mark.parametrize(
    ("where", "line"),
    [
        ("core/plan.py", "from vecstream_cli.state.manifest import Manifest"),
        ("readers/pdf.py", "import vecstream_cli.models.spec"),
        ("report/lines.py", "def late():\n    from vecstream_cli import api"),
        ("state/scan.py", "from ..pipeline import ring"),
        ("errors.py", "from vecstream_cli import settings"),
        ("cli/main.py", "from vecstream_cli import index"),
    ],
)
def test_an_import_of_each_forbidden_kind_is_seen(
    where: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a house of one file, when it imports what it must not, then the walk names the file
    monkeypatch.setattr(sys.modules[__name__], "PACKAGE", tmp_path)
    file = tmp_path / where
    file.parent.mkdir(exist_ok=True)
    file.write_text(line)
    assert len(breaches(file)) == 1


def test_core_does_no_input_or_output() -> None:
    # No I/O, no clock, no processes: pure decisions can be tested by properties.
    outside = {"socket", "subprocess", "multiprocessing", "threading", "time", "sqlite3", "shutil"}
    found = [
        f"{name_of(file)}:{line} imports {target}"
        for file in MODULES
        if name_of(file).split(".")[0] == "core"
        for target, line in imports(file)
        if target.split(".")[0] in outside
    ]
    assert not found


def test_only_models_and_the_inference_process_import_torch() -> None:
    found = [
        f"{name_of(file)}:{line} imports {target}"
        for file in MODULES
        if name_of(file).split(".")[0] not in {"models", "pipeline"}
        for target, line in imports(file)
        if target.split(".")[0] in {"torch", "transformers"}
    ]
    assert not found


def test_the_parser_side_names_no_heavy_library_at_module_level() -> None:
    found = [
        f"{name_of(file)}:{line} imports {target}"
        for file in parser_side()
        for target, line in imports(file, module_level_only=True)
        if target.split(".")[0] in HEAVY
    ]
    assert not found


def test_importing_the_parser_side_loads_no_heavy_library() -> None:
    # given a fresh interpreter
    modules = [ours(name_of(file)) for file in parser_side()]
    assert any(module.startswith(ours("readers")) for module in modules)
    program = (
        f"import sys\nfor name in {modules!r}: __import__(name)\n"
        f"print(*sorted({HEAVY!r} & sys.modules.keys()))"
    )
    # when everything that a parser runs is imported
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    # then nothing heavy came along
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


def test_every_module_says_in_its_first_line_what_it_is_for() -> None:
    silent = [name_of(f) for f in MODULES if not ast.get_docstring(ast.parse(f.read_bytes()))]
    assert not silent


def test_no_file_is_longer_than_400_lines() -> None:
    scripts = sorted((PACKAGE.parent / "scripts").rglob("*.py"))
    lengths = {
        str(f.relative_to(PACKAGE.parent)): len(f.read_bytes().splitlines())
        for f in [*MODULES, *scripts]
    }
    assert {name: lines for name, lines in lengths.items() if lines > 400} == {}
