"""Proves what a process of our own leaves out, and that nobody else's process misses it."""

import subprocess
import sys
from pathlib import Path

import pytest

USE = """
import sys
from vecstream_cli.adapters.lance.adapter import LanceAdapter
from vecstream_cli.endpoint import Endpoint
from vecstream_cli.lean import this_process_is_ours

if sys.argv[2] != "theirs":
    this_process_is_ours(one_task=sys.argv[2] == "stage")
with LanceAdapter.open(Endpoint(name="lance", uri=sys.argv[1]), "notes", read_only=False):
    pass
"""
SHOW = "print(sorted({name.partition('.')[0] for name in sys.modules}))\n"


def outcome(folder: Path, whose: str, code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", USE + code, str(folder), whose],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout


def test_a_stage_has_no_pandas_and_no_requests_of_a_catalog(tmp_path: Path) -> None:
    modules = outcome(tmp_path, "stage", SHOW)
    assert "'lancedb'" in modules
    for left_out in ("'pandas'", "'urllib3'"):
        assert left_out not in modules


def test_a_command_has_pandas_for_those_who_insist_on_it(tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    modules = outcome(tmp_path, "command", "import pandas\n" + SHOW)
    assert "'pandas'" in modules
    assert "'urllib3'" not in modules


def test_somebody_else_s_process_has_all_of_it(tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    code = """
import pandas, pyarrow
from lance_namespace_urllib3_client.models import ListTablesRequest
print(type(pyarrow.table({"n": [1]}).to_pandas()).__name__, ListTablesRequest(limit=3).limit)
"""
    assert outcome(tmp_path, "theirs", code) == "DataFrame 3\n"


def test_what_was_left_out_says_so_when_it_is_used(tmp_path: Path) -> None:
    code = """
from lance_namespace_urllib3_client.models import ListTablesRequest
try:
    ListTablesRequest(limit=3)
except NotImplementedError as error:
    print(error)
"""
    assert outcome(tmp_path, "stage", code) == "ListTablesRequest was left out of this process.\n"
