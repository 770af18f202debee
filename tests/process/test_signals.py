"""Ctrl-C, SIGTERM and a closed terminal: quiet, quick, and what was done is committed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from conftest import Running, Vecstream, children_of, prose, wait_until, write_documents

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """Documents for a run of many batches."""
    folder = tmp_path / "library"
    write_documents(folder, 40, words=200)
    for number in range(4):
        (folder / f"long-{number}.txt").write_text(prose(120_000, number))
    return folder


def started(run: Running) -> bool:
    """Documents have been committed."""
    return bool(run.lines("document"))


@pytest.mark.parametrize("number", list(CODES))
def test_a_signal_commits_what_is_written_and_says_so_by_its_code(
    vecstream: Vecstream, library: Path, number: signal.Signals
) -> None:
    run = vecstream.start(library)
    wait_until(lambda: started(run))
    run.send(number)

    done = run.finish()

    assert done.code == CODES[number]
    assert "Traceback" not in done.err
    assert done.summary["exit_code"] == CODES[number]
    committed = done.summary["documents_new"]
    assert committed > 0
    again = vecstream.index(library)
    assert again.code == 0, again.err
    assert again.summary["documents_unchanged"] == committed
    assert again.summary["documents_new"] == len(list(library.iterdir())) - committed


def test_a_ctrl_c_of_the_terminal_reaches_the_whole_group_and_stays_quiet(
    vecstream: Vecstream, library: Path
) -> None:
    with (vecstream.folder / "out").open("wb") as out, (vecstream.folder / "err").open("wb") as err:
        process = subprocess.Popen(
            vecstream.command(library), cwd=vecstream.folder, stdout=out, stderr=err,
            stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
    wait_until(lambda: len(children_of(process.pid)) >= 2)
    psutil.Process(process.pid).send_signal(signal.SIGSTOP)  # so that the children are first
    os.killpg(process.pid, signal.SIGINT)
    os.killpg(process.pid, signal.SIGCONT)

    assert process.wait(60) == 130
    assert "Traceback" not in (vecstream.folder / "err").read_text()


def test_an_ignored_hang_up_is_left_ignored(vecstream: Vecstream, docs: Path) -> None:
    """As `nohup` does it."""
    script = (
        "import runpy, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN);"
        "sys.argv = sys.argv[1:]; runpy.run_module('vecstream_cli', run_name='__main__')"
    )
    command = vecstream.command(docs)
    command[1:3] = ["-c", script, "vecstream"]
    with (vecstream.folder / "out").open("wb") as out:
        process = subprocess.Popen(
            command, cwd=vecstream.folder, stdout=out, stderr=out, stdin=subprocess.DEVNULL
        )
    wait_until(lambda: len(children_of(process.pid)) >= 2)
    process.send_signal(signal.SIGHUP)

    assert process.wait(60) == 0


def test_a_search_whose_reader_goes_away_is_quiet(vecstream: Vecstream, docs: Path) -> None:
    vecstream.index(docs)
    command = (
        f"{sys.executable} -m vecstream_cli search 'keys rotate' -k 20"
        f" --db-uri {vecstream.database} | head -1"
    )
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 1
