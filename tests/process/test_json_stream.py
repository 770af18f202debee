"""``--json``: every verb writes what docs/json.md says, and a killed one leaves whole lines."""

import array
import fcntl
import json
import os
import random
import signal
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path
from typing import IO

import psutil
import pytest
from conftest import Finished, Running, Vecstream, prose, wait_until, write_documents
from json_schemas import complaints

SEED = int(os.environ.get("CRASH_SEED", "20"))


def verb(vecstream: Vecstream, *arguments: str) -> Finished:
    """A verb other than index, on the test's database."""
    command = [sys.executable, "-m", "vecstream_cli", *arguments, "--json"]
    return vecstream.run([*command, "--db-uri", str(vecstream.database)])


def kinds(done: Finished) -> set[str]:
    """The types of the lines; the last must be a summary with the process's exit code."""
    assert done.summary["exit_code"] == done.code
    assert len([line for line in done.lines if line["type"] == "summary"]) == 1
    return {line["type"] for line in done.lines}


def test_every_verb_says_what_the_document_says(vecstream: Vecstream, docs: Path) -> None:
    # `finished` has held every line to docs/json.md.
    (docs / "broken.pdf").write_bytes(b"%PDF-1.7 broken")
    (docs / "caf\udce9.md").write_text("keys rotate once a quarter")
    done = vecstream.index(docs, "--ping-url", "http://127.0.0.1:9/nobody")
    assert done.code == 3
    assert kinds(done) == {"status", "document", "notice", "summary"}
    assert kinds(vecstream.index(docs)) == {"status", "summary"}
    refused = vecstream.index(docs, "--chunk-size", "32")
    assert kinds(refused) == {"status", "error", "summary"}
    assert kinds(verb(vecstream, "search", "keys rotate")) == {"hit", "summary"}
    assert kinds(verb(vecstream, "status")) == {"collection", "summary"}
    assert kinds(verb(vecstream, "status", "--failed")) == {"document", "summary"}
    assert kinds(verb(vecstream, "check", "--sample", "100%", "--read-source")) >= {"summary"}
    assert kinds(verb(vecstream, "prune", str(docs), "--dry-run")) == {"summary"}
    assert kinds(verb(vecstream, "compact")) == {"summary"}
    assert kinds(verb(vecstream, "retry")) == {"status", "document", "summary"}
    assert "plan" in kinds(vecstream.index(docs, "--dry-run", "--checksum"))
    assert kinds(verb(vecstream, "config", "show")) == {"setting", "summary"}
    assert kinds(verb(vecstream, "rm", str(docs / "doc-0001.md"), "--yes")) == {"summary"}
    assert kinds(verb(vecstream, "drop", "documents", "--yes")) == {"summary"}
    assert kinds(verb(vecstream, "status")) == {"error", "summary"}


def whole(text: bytes) -> list[dict[str, object]]:
    """The complete lines, which must all be right; what follows the last one is a beginning."""
    *lines, rest = text.split(b"\n")
    found = [json.loads(line) for line in lines]
    assert not list(complaints(found))
    assert not rest or rest.startswith(b"{")
    return found


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """Many documents with long names, so that there is much to write."""
    folder = tmp_path / "library"
    write_documents(folder / ("long-" * 40), 300, words=8)
    (folder / "long.txt").write_text(prose(60_000))
    return folder


Moment = Callable[[Running], object]
MOMENTS: dict[str, Moment] = {
    "before its first line": lambda run: run.pid,
    "at its first line": lambda run: run.lines("status"),
    "at its first document": lambda run: run.lines("document"),
    "amid its documents": lambda run: len(run.lines("document")) > 100,
}


@pytest.mark.crash
def test_whenever_a_run_is_killed_its_lines_are_whole(vecstream: Vecstream, library: Path) -> None:
    chance = random.Random(SEED)
    for number, (name, reached) in enumerate(MOMENTS.items()):
        vecstream.database = vecstream.folder / f"{number}.lance"
        run = vecstream.start(library)
        wait_until(lambda run=run, reached=reached: reached(run))
        wait_until(lambda: chance.random() < 0.3)  # a few hundredths of a second more
        children = psutil.Process(run.pid).children(recursive=True)
        run.send(signal.SIGKILL)
        run.wait()
        psutil.wait_procs(children, timeout=10)
        lines = whole(run.output())
        assert bool(lines) or name == "before its first line"
        assert "summary" not in [line["type"] for line in lines]


def waiting_in(pipe: IO[bytes]) -> int:
    """Bytes that a pipe holds."""
    size = array.array("i", [0])
    fcntl.ioctl(pipe, termios.FIONREAD, size)
    return size[0]


@pytest.mark.crash
def test_a_pipe_whose_reader_is_slow_holds_whole_lines_when_the_writer_is_killed(
    vecstream: Vecstream, library: Path
) -> None:
    # given a run whose output fills a pipe that nobody empties
    process = subprocess.Popen(
        vecstream.command(library), cwd=vecstream.folder, env=vecstream._env({}),
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, 4096)
    wait_until(lambda: waiting_in(process.stdout) > 3000)
    # when it is killed as it waits for room, or in the middle of a line
    children = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    text = process.stdout.read()
    process.stdout.close()
    process.wait()
    psutil.wait_procs(children, timeout=10)
    # then all but the last line are whole
    assert len(whole(text)) > 3
