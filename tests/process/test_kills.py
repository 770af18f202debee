"""SIGKILL at any moment: nothing is lost, nothing is left, and the next run ends as a clean one."""

import signal
import time
from pathlib import Path

import psutil
import pytest
from conftest import (
    Finished,
    Running,
    Vecstream,
    child_named,
    children_of,
    prose,
    shared_memory,
    wait_until,
    write_documents,
)

FACTS = ("id", "path", "ordinal", "char_start", "char_end", "text", "chunk_key", "content_hash")

pytestmark = pytest.mark.crash


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """Enough documents that a run takes a few seconds after its start."""
    folder = tmp_path / "library"
    write_documents(folder, 60, words=300)
    (folder / "long.txt").write_text(prose(60_000, 5))
    return folder


def clean_rows(vecstream: Vecstream, folder: Path) -> list[dict[str, object]]:
    """The table of an undisturbed run in a database of its own."""
    kept, vecstream.database = vecstream.database, vecstream.folder / "clean.lance"
    done = vecstream.index(folder)
    assert done.code == 0, done.err
    rows = vecstream.rows(*FACTS)
    vecstream.database = kept
    return rows


def kill(process: psutil.Process) -> None:
    process.send_signal(signal.SIGKILL)


def first_write(run: Running) -> bool:
    """Some rows are in the database while the run goes on."""
    return bool(run.lines("document"))


def rerun_equals_clean(vecstream: Vecstream, library: Path) -> Finished:
    """Run again: the table is a clean one's, and one more run does nothing."""
    done = vecstream.index(library)
    assert done.code == 0, done.err
    assert vecstream.rows(*FACTS) == clean_rows(vecstream, library)
    again = vecstream.index(library)
    assert again.code == 0, again.err
    assert again.summary["documents_unchanged"] == len(list(library.iterdir()))
    assert again.summary["chunks_written"] == again.summary["chunks_deleted"] == 0
    return done


def test_a_killed_parser_loses_no_document(vecstream: Vecstream, library: Path) -> None:
    run = vecstream.start(library)
    parser = wait_until(lambda: first_write(run) and child_named(run.pid, "parser"))
    kill(parser)

    done = run.finish()

    assert done.code == 0, done.err
    assert done.summary["parsers_replaced"] == 1
    assert done.summary["documents_new"] == len(list(library.iterdir()))
    assert vecstream.rows(*FACTS) == clean_rows(vecstream, library)


def test_a_document_that_kills_its_parser_twice_is_set_aside_alone(
    vecstream: Vecstream, library: Path
) -> None:
    """The killer is us: whoever reads `fatal.txt` is shot, as a reader's crash would do."""
    (library / "fatal.txt").write_text(prose(400_000, 6))
    run = vecstream.start(library, "--parsers", "2")
    shots = 0

    def reads_fatal() -> psutil.Process | None:
        for process in children_of(run.pid):
            try:
                if any(file.path.endswith("fatal.txt") for file in process.open_files()):
                    return process
            except psutil.Error:
                continue
        return None

    while shots < 2:
        victim = wait_until(reads_fatal)
        kill(victim)
        shots += 1
        wait_until(lambda gone=victim: not gone.is_running() or gone.status() == "zombie")
    done = run.finish()

    assert done.code == 3, done.err
    assert done.summary["documents_failed"] == 1
    (failure,) = (line for line in done.lines if line.get("outcome") == "failed")
    assert (failure["path"], failure["reason"]) == ("fatal.txt", "crashed")
    assert "fatal.txt" not in {row["path"] for row in vecstream.rows("path")}
    again = vecstream.index(library)
    assert again.code == 0, again.err


def test_a_killed_supervisor_leaves_no_process_and_no_shared_memory(
    vecstream: Vecstream, library: Path
) -> None:
    shared_before = shared_memory()
    run = vecstream.start(library)
    wait_until(lambda: first_write(run))
    children = children_of(run.pid)
    assert len(children) >= 4

    run.send(signal.SIGKILL)
    time.sleep(2.0)

    assert [child for child in children if child.is_running() and child.status() != "zombie"] == []
    # Other programs on the machine put names there too, and take them away again.
    wait_until(lambda: shared_memory() <= shared_before)
    assert run.finish().code == -signal.SIGKILL
    rerun_equals_clean(vecstream, library)


@pytest.mark.parametrize("role", ["inference", "writer"])
def test_a_killed_stage_ends_the_run_and_the_next_one_resumes(
    vecstream: Vecstream, library: Path, role: str
) -> None:
    run = vecstream.start(library)
    victim = wait_until(lambda: first_write(run) and child_named(run.pid, role))
    kill(victim)

    done = run.finish()

    assert done.code == 1
    assert "ended unexpectedly (killed by SIGKILL)" in done.err
    assert "Traceback" not in done.err
    assert done.summary["exit_code"] == 1
    rerun_equals_clean(vecstream, library)


def test_of_two_inference_processes_both_embed_and_either_ends_the_run_by_its_death(
    vecstream: Vecstream, library: Path
) -> None:
    run = vecstream.start(library, "--device", "cpu,cpu")
    wait_until(lambda: first_write(run))
    pair = [child for child in children_of(run.pid) if child.name() == "vs-inference"]
    assert len(pair) == 2
    assert min(sum(child.cpu_times()[:2]) for child in pair) > 0
    kill(pair[1])

    done = run.finish()

    assert done.code == 1
    assert "Inference ended unexpectedly (killed by SIGKILL)" in done.err
    rerun_equals_clean(vecstream, library)
