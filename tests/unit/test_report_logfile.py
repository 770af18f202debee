"""``--log-file``: a line an event, with the time; what it costs when it cannot be written."""

import os
import re
from pathlib import Path

import pytest
from reports import DONE, FAILED, HALFWAY, HOSTILE, NEW, PAGE_LOST, STARTED

from vecstream_cli.errors import DatabaseError, ExitCode, UsageError
from vecstream_cli.pipeline.events import DocumentDone, Outcome
from vecstream_cli.report.logfile import LogFile

TIMED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d \[\d+\] (.*)")


class Heard(list[str]):
    """Every reason for which a line was lost."""

    def __call__(self, why: str) -> None:
        self.append(why)


@pytest.fixture
def lost() -> Heard:
    return Heard()


def said(path: Path) -> list[str]:
    """The lines without time and process; each must have both."""
    found = [TIMED.fullmatch(line) for line in path.read_text("utf-8").splitlines()]
    assert all(found)
    return [match[1] for match in found if match]


def test_a_run_is_a_line_an_event(tmp_path: Path, lost: Heard) -> None:
    log = LogFile(tmp_path / "log", job=None, lost=lost)
    log.start("documents")
    for event in (STARTED, NEW, FAILED, PAGE_LOST, HALFWAY):
        log.hear(event)
    log.end(ExitCode.DOCUMENTS_FAILED, DONE, None)
    lines = said(tmp_path / "log")
    assert [line.split()[0] for line in lines] == [
        "started:", "Indexing", "new", "failed", "notice", "1", "ended:",
    ]  # fmt: skip
    assert lines[2] == "new /data/docs/a.md: 3 chunks"
    assert "done, but some documents failed (exit code 3)" in lines[-1]
    assert "1,204 new, 12 changed, 750 unchanged, 3 removed, 1 failed" in lines[-1]
    assert not lost


def test_paths_stand_there_in_full(
    tmp_path: Path, lost: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    log = LogFile(Path("log"), job=None, lost=lost)
    log.hear(DocumentDone(str(tmp_path), "a.md", Outcome.REMOVED))
    assert said(tmp_path / "log") == [f"removed {tmp_path}/a.md"]


def test_what_is_there_stays_and_each_job_names_itself(tmp_path: Path, lost: Heard) -> None:
    for job in ("handbook", "photos"):
        log = LogFile(tmp_path / "log", job=job, lost=lost)
        log.end(ExitCode.FAILED, DONE, DatabaseError("It is away.", hint="Look for it."))
    lines = said(tmp_path / "log")
    assert [line.split(":")[0] for line in lines] == ["handbook"] * 2 + ["photos"] * 2
    assert lines[0] == "handbook: error: It is away. Look for it."


def test_a_hostile_name_stays_one_line(tmp_path: Path, lost: Heard) -> None:
    log = LogFile(tmp_path / "log", job=HOSTILE, lost=lost)
    log.hear(DocumentDone("/data", HOSTILE, Outcome.FAILED, reason="x", message=HOSTILE))
    (line,) = said(tmp_path / "log")
    assert line.isprintable()


def test_a_file_that_is_rotated_away_is_made_again(tmp_path: Path, lost: Heard) -> None:
    log = LogFile(tmp_path / "log", job=None, lost=lost)
    log.hear(NEW)
    (tmp_path / "log").rename(tmp_path / "log.1")
    log.hear(FAILED)
    assert len(said(tmp_path / "log.1")) == len(said(tmp_path / "log")) == 1


@pytest.mark.parametrize("where", ["missing/log", "folder"])
def test_a_file_that_cannot_be_written_is_refused_before_the_run(
    where: str, tmp_path: Path, lost: Heard
) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError, match=r"The log file .* cannot be written"):
        LogFile(tmp_path / where, job=None, lost=lost)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_costs_the_lines_and_is_told_once(tmp_path: Path, lost: Heard) -> None:
    (tmp_path / "log").symlink_to("/dev/full")
    log = LogFile(tmp_path / "log", job=None, lost=lost)
    log.start("documents")
    log.hear(NEW)
    assert lost == [f"The log file {tmp_path / 'log'} misses lines: No space left on device."]


def test_after_a_line_that_was_cut_off_the_next_one_begins_anew(
    tmp_path: Path, lost: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a disk with room for a part of a line only
    log = LogFile(tmp_path / "log", job=None, lost=lost)
    whole = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda file, data: whole(file, data[:20]))
        log.hear(NEW)
    # when there is room again
    log.hear(FAILED)
    # then the next line is whole
    cut, line = (tmp_path / "log").read_text().splitlines()
    assert len(cut) == 20
    assert TIMED.fullmatch(line)
    assert len(lost) == 1


def test_a_pipe_that_nobody_reads_does_not_hold_the_run_up(tmp_path: Path, lost: Heard) -> None:
    os.mkfifo(tmp_path / "log")
    with pytest.raises(UsageError, match="cannot be written"):
        LogFile(tmp_path / "log", job=None, lost=lost)
