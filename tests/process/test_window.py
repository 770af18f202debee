"""A run that has only so much time, and so much of the machine: it stops cleanly and goes on."""

import os
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from conftest import Vecstream, child_named, prose, wait_until, write_documents

from vecstream_cli.api.index import index
from vecstream_cli.layers import gather
from vecstream_cli.pipeline import supervisor, window
from vecstream_cli.pipeline.events import DocumentDone, Event, Notice, Progress, Stage, Summary
from vecstream_cli.settings import Settings

FACTS = ("id", "path", "ordinal", "text", "chunk_key")
TWO_HOURS = 7200.0


class Clock:
    """The window's clock, which can be set forward."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ahead = 0.0
        real = window.now
        monkeypatch.setattr(window, "now", lambda: real() + self.ahead)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def settings(vecstream: Vecstream, docs: Path, **more: object) -> Settings:
    flags = {"paths": [str(docs)], "db-uri": str(vecstream.database), "model": str(vecstream.model)}
    return Settings(**gather({**flags, **more}, environ={}))


def run_until(
    vecstream: Vecstream, docs: Path, clock: Clock, over: Callable[[Event], object]
) -> tuple[Summary, list[Event]]:
    """A run of two hours that are over once `over` says so of an event."""
    heard: list[Event] = []

    def hear(event: Event) -> None:
        heard.append(event)
        if over(event):
            clock.ahead = TWO_HOURS

    limits = {"max-duration": "2h", "parsers": "1", "buffer": "4"}
    return index(settings(vecstream, docs, **limits), hear), heard


def acknowledged(vecstream: Vecstream) -> int:
    """The rows that the manifest knows to be in the database."""
    with sqlite3.connect(vecstream.database / ".vecstream" / "documents.sqlite3") as db:
        (count,) = db.execute("SELECT count(*) FROM chunks").fetchone()
    db.close()
    return int(count)


def test_when_its_time_is_over_a_run_keeps_its_work_and_the_next_goes_on(
    vecstream: Vecstream, docs: Path, clock: Clock
) -> None:
    # given documents for a long night, one of which is gone since the last
    gone = docs / "doc-0007.md"
    vecstream.index(docs)
    gone.unlink()
    for number in range(6):
        (docs / f"long-{number}.txt").write_text(prose(15_000, number + 50))
    # when the time is over with the first document
    summary, heard = run_until(vecstream, docs, clock, lambda e: isinstance(e, DocumentDone))
    # then the run ends as one that did what it could, and removes nothing
    assert (summary.exit_code, summary.stopped) == (0, "max-duration")
    assert 0 < summary.documents_new < 6
    assert summary.documents_removed == 0
    assert [e.reason for e in heard if isinstance(e, Notice)] == ["max-duration"]
    assert gone.name in {row["path"] for row in vecstream.rows("path")}
    command = [sys.executable, "-m", "vecstream_cli", "status", "--db-uri", str(vecstream.database)]
    assert "stopped by --max-duration after" in vecstream.run(command).out
    # and the next one does the rest
    again = vecstream.index(docs)
    assert again.code == 0, again.err
    assert again.summary["documents_new"] == 6 - summary.documents_new
    assert (again.summary["documents_removed"], again.summary["stopped"]) == (1, None)
    assert {row["path"] for row in vecstream.rows("path")} == {path.name for path in docs.iterdir()}


def test_a_document_too_long_for_one_night_loses_nothing_of_it(
    vecstream: Vecstream, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "book.txt").write_text(prose(50_000, 1))
    monkeypatch.setattr(supervisor, "MEMORY_SECONDS", 0.0)  # so that progress is told at once

    def some_rows_are_in(event: Event) -> bool:
        return isinstance(event, Progress) and event.chunks_written > 0

    summary, _ = run_until(vecstream, docs, clock, some_rows_are_in)

    assert (summary.exit_code, summary.documents_new) == (0, 0)
    assert 0 < summary.chunks_written == len(vecstream.rows("id")) == acknowledged(vecstream)
    again = vecstream.index(docs)
    assert (again.code, again.summary["documents_new"]) == (0, 1), again.err
    rows = vecstream.rows(*FACTS)
    reused = again.summary["chunks_reused"]
    assert reused >= summary.chunks_written  # what the first night embedded, the second does not
    assert reused + again.summary["chunks_embedded"] == len(rows)
    vecstream.database = tmp_path / "clean.lance"
    vecstream.index(docs)
    assert vecstream.rows(*FACTS) == rows


def test_a_window_that_closes_before_the_model_is_there_changes_nothing(
    vecstream: Vecstream, docs: Path
) -> None:
    done = vecstream.index(docs, "--max-duration", "0.001")

    assert (done.code, done.summary["stopped"]) == (0, "max-duration"), done.err
    assert done.summary["chunks_written"] == 0
    assert vecstream.index(docs).summary["documents_new"] == 20
    again = vecstream.index(docs, "--max-duration", "0.001")  # now this process looks by itself
    assert (again.code, again.summary["stopped"]) == (0, "max-duration"), again.err
    whole = vecstream.index(docs, "--max-duration", "1h")
    assert (whole.summary["stopped"], whole.summary["documents_unchanged"]) == (None, 20)


def test_waiting_for_the_lock_ends_with_the_window(vecstream: Vecstream, docs: Path) -> None:
    lock = vecstream.database / ".vecstream" / "documents.lock"
    script = (
        "import sys; from pathlib import Path; from vecstream_cli.state.lock import CollectionLock;"
        f"lock = CollectionLock.acquire(Path({str(lock)!r})); print('held', flush=True);"
        "sys.stdin.read()"
    )
    with psutil.Popen([sys.executable, "-c", script], stdin=-1, stdout=-1) as other:
        assert other.stdout.readline() == b"held\n"
        done = vecstream.index(docs, "--lock-wait", "1d", "--max-duration", "0.1s")
        other.kill()
    assert done.code == 11
    assert f"process {other.pid}) holds the collection since 20" in done.err


def test_no_document_is_begun_while_the_load_is_high(
    vecstream: Vecstream, docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a machine that others keep busy until the run has waited for a while
    calm = False
    monkeypatch.setattr(window, "load", lambda: 0.5 if calm else 7.25)
    monkeypatch.setattr(window, "LOAD_SECONDS", 0.0)
    waited: list[Progress] = []

    def hear(event: Event) -> None:
        nonlocal calm
        heard.append(event)
        if isinstance(event, Progress) and event.stage is Stage.WAIT:
            waited.append(event)
            calm = len(waited) > 2

    heard: list[Event] = []
    summary = index(settings(vecstream, docs, **{"max-load": "2"}), hear)
    # then it says so once, begins nothing, and does it all afterwards
    notices = [event for event in heard if isinstance(event, Notice)]
    assert [notice.reason for notice in notices] == ["max-load"]
    assert "load is 7.25" in notices[0].message
    assert {(event.chunks_embedded, event.current) for event in waited} == {(0, ())}
    assert waited[0].waiting_for == "waiting for the load to fall to 2"
    assert summary.documents_new == 20


def test_a_nice_run_gives_way_with_all_of_its_processes(vecstream: Vecstream) -> None:
    write_documents(vecstream.folder / "docs", 40, words=2000)
    base = os.getpriority(os.PRIO_PROCESS, 0)
    run = vecstream.start(vecstream.folder / "docs", "--nice", str(base + 7), "--parsers", "1")

    inference = wait_until(lambda: child_named(run.pid, "inference"))
    writer = wait_until(lambda: child_named(run.pid, "writer"))

    found = [process.nice() for process in (psutil.Process(run.pid), inference, writer)]
    assert found == [base + 7] * 3
    assert run.finish().code == 0


def test_a_run_is_refused_where_a_required_file_is_not_there(
    vecstream: Vecstream, docs: Path
) -> None:
    mounted = docs / ".mounted"
    config = vecstream.folder / "here" / "vecstream.toml"
    config.parent.mkdir()
    config.write_text('require = ["../docs/.mounted"]\n')

    refused = vecstream.index(docs / "away", "--config", config)

    assert refused.code == 1
    assert len(refused.err.splitlines()) == 2
    assert ".mounted, which --require names, is not there: No such file" in refused.err
    assert not vecstream.database.exists()
    mounted.touch()
    assert vecstream.index(docs, "--config", config).code == 0
    mounted.unlink()
    for path in docs.iterdir():
        path.unlink()
    away = vecstream.index(docs, "--require", mounted, "--allow-mass-delete")
    assert (away.code, away.summary["documents_removed"]) == (1, 0)
    assert len({row["path"] for row in vecstream.rows("path")}) == 20
