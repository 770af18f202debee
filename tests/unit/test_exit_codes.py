"""There is one table of exit codes: the code's, which the documents repeat."""

import re
import subprocess
import sys
from itertools import permutations
from pathlib import Path

import pytest

from vecstream_cli import errors
from vecstream_cli.errors import ExitCode, VecstreamError, worst

REPOSITORY = Path(__file__).parents[2]


def table(name: str) -> list[list[str]]:
    """The rows of the document that begin with a number, cell by cell."""
    lines = (REPOSITORY / name).read_text("utf-8").splitlines()
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in lines
        if re.match(r"\| [0-9]+ \|", line)
    ]


def test_the_document_has_every_code_the_most_severe_first() -> None:
    assert table("docs/exit-codes.md") == [[str(c.value), c.name, c.meaning] for c in ExitCode]


def test_the_readme_has_every_code_in_order() -> None:
    assert table("README.md") == [[str(int(code)), code.meaning] for code in sorted(ExitCode)]


def test_the_order_of_severity_is_the_one_agreed() -> None:
    agreed = [130, 143, 129, 1, 14, 13, 12, 25, 3, 0]
    for more, less in permutations(agreed, 2):
        code = worst(ExitCode(less), ExitCode(more))
        assert agreed.index(code) == min(agreed.index(more), agreed.index(less))


def test_nothing_ends_worse_than_done() -> None:
    assert worst() is ExitCode.DONE


def test_every_error_has_a_code_and_says_what_to_do() -> None:
    classes = [each for each in vars(errors).values() if isinstance(each, type)]
    tree = [each for each in classes if issubclass(each, VecstreamError)]
    assert len(tree) > 10
    for each in tree:
        assert isinstance(each.exit_code, ExitCode)
        assert each.default_hint.endswith(".")


def test_the_error_tree_in_the_docstring_is_the_real_one() -> None:
    drawn = dict(re.findall(r"(?m)^\W*(\w+) +(\d+)\b", errors.__doc__ or ""))
    assert drawn.pop("Interrupted") == "129"
    real = {
        each.__name__: str(int(each.exit_code))
        for each in vars(errors).values()
        if isinstance(each, type) and issubclass(each, VecstreamError)
    }
    real.pop("Interrupted")
    assert drawn == real


def test_only_a_finished_run_is_a_success() -> None:
    assert [int(code) for code in ExitCode if code.succeeded] == [3, 0]


@pytest.mark.parametrize("code", [0, 2, 10])
def test_the_process_ends_with_the_code(code: int, tmp_path: Path) -> None:
    arguments = {0: ["--version"], 2: ["status", "--nonsense"], 10: ["status"]}[code]
    done = subprocess.run(
        [sys.executable, "-m", "vecstream_cli", *arguments],
        cwd=tmp_path,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == code
