"""The examples of the README and of other documents work: they run here, in their order.

An example that cannot run in a test stands under ``<!-- not run: reason -->``, and one that ends
with another code than 0 under ``<!-- exit code: N -->``.
"""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
REASONS = {"sets up an environment of its own", "needs a database server"}
FENCE = re.compile(
    r"^(?:<!-- (?P<note>[^\n]*?) -->\n+)?^```(?P<language>\w+)\n(?P<body>.*?)^```$", re.M | re.S
)


@dataclass(frozen=True, slots=True)
class Example:
    """One command or one program of the README: how it should end, or why it is not run."""

    line: int
    python: bool
    text: str
    exit_code: int
    not_run: str | None


def examples(text: str) -> list[Example]:
    found = []
    for fence in FENCE.finditer(text):
        note = fence["note"] or ""
        reason = note.removeprefix("not run: ") if note.startswith("not run: ") else None
        expected = re.fullmatch(r"exit code: ([0-9]+)", note)
        line = text.count("\n", 0, fence.start("body")) + 1
        found += [
            Example(line, python, body, int(expected[1]) if expected else 0, reason)
            for python, body in runnable(fence["language"], fence["body"])
        ]
    return found


def runnable(language: str, body: str) -> list[tuple[bool, str]]:
    """What a block runs: each command of ``sh``, those after ``$`` of ``console``, all Python."""
    if language == "python":
        return [(True, body)]
    if language not in {"sh", "console"}:
        return []
    lines = body.replace("\\\n", " ").splitlines()
    if language == "console":
        lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
    return [(False, line) for line in lines if line.strip() and not line.startswith("#")]


DOCUMENTS = ("README.md", "docs/nightly.md", "docs/check.md")
EXAMPLES = {name: examples((REPOSITORY / name).read_text("utf-8")) for name in DOCUMENTS}


def test_each_example_that_is_not_run_has_a_known_reason() -> None:
    reasons = {example.not_run for found in EXAMPLES.values() for example in found}
    assert reasons - {None} <= REASONS


def test_the_readme_shows_every_verb() -> None:
    shown = {e.text.split()[1] for e in EXAMPLES["README.md"] if e.text.startswith("vecstream ")}
    verbs = {"index", "search", "status", "check", "retry", "rm", "prune", "compact", "drop"}
    assert shown >= verbs


@pytest.mark.timeout(900)
@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_document_works_from_top_to_bottom(document: str, tmp_path: Path) -> None:
    # given what a reader has: a checkout, the installed command, and an empty home
    for folder in ("examples", "configs"):
        shutil.copytree(REPOSITORY / folder, tmp_path / folder)
    home = tmp_path / "home"
    home.mkdir()
    mine = {k: v for k, v in os.environ.items() if not k.startswith(("VECSTREAM_", "XDG_"))}
    environment = mine | {
        "HOME": str(home),
        "PATH": os.pathsep.join((str(BIN), os.environ["PATH"])),
        "HF_HUB_OFFLINE": "1",
    }
    for example in EXAMPLES[document]:
        if example.not_run is not None:
            continue
        # when each example is run in its turn, a program as a plain script
        command = ["bash", "-o", "pipefail", "-c", example.text]
        if example.python:
            (tmp_path / "example.py").write_text(example.text, "utf-8")
            command = [sys.executable, "example.py"]
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        # then it ends as the README says
        assert done.returncode == example.exit_code, (
            f"{document}:{example.line}: {example.text}\n{done.stdout}{done.stderr}"
        )


def test_a_broken_example_would_be_found() -> None:
    text = "<!-- exit code: 2 -->\n```console\n$ vecstream index \\\n    nowhere\nNo such\n```\n"
    (example,) = examples(text)
    assert example.exit_code == 2
    assert example.text.split() == ["vecstream", "index", "nowhere"]
