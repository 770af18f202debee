"""Each stream gets what it should, and a stream that breaks ends nothing."""

import errno
import io
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from reports import DONE, FAILED, HALFWAY, STARTED

from vecstream_cli.errors import ExitCode, UsageError
from vecstream_cli.pipeline.events import Summary
from vecstream_cli.report.reporter import Reporter
from vecstream_cli.report.streams import Guarded, Streams


class FakeTerminal(io.StringIO):
    """Standard error as a terminal would be, kept in memory."""

    def isatty(self) -> bool:
        return True


class Broken(io.StringIO):
    """A stream whose other end is in trouble."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number
        self.attempts = 0

    def write(self, text: str) -> int:
        self.attempts += 1
        raise OSError(self.number, os.strerror(self.number))


def run(
    *,
    json: bool = False,
    quiet: bool = False,
    terminal: bool = False,
    error: UsageError | None = None,
) -> tuple[str, str]:
    """What a run with one failed document leaves on stdout and stderr."""
    out, err = io.StringIO(), FakeTerminal() if terminal else io.StringIO()
    reporter = Reporter(Streams(out, err), json=json, quiet=quiet)
    for event in (STARTED, HALFWAY, FAILED, DONE):
        reporter.hear(event)
    if error is not None:
        reporter.error(error)
    reporter.close(ExitCode.DOCUMENTS_FAILED)
    return out.getvalue(), err.getvalue()


@pytest.fixture(autouse=True)
def _capable_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)


def test_in_a_pipe_the_summary_is_output_and_the_failures_are_a_log() -> None:
    out, err = run()
    assert out.startswith("Indexed 1,216 documents")
    assert "failed /data/docs/secret.pdf" in err
    assert "\x1b" not in out + err


def test_on_a_terminal_the_live_lines_come_and_go_on_standard_error() -> None:
    out, err = run(terminal=True)
    assert "61%" in err
    assert "61%" not in out
    assert "secret.pdf" in out


def test_a_dumb_terminal_gets_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    _, err = run(terminal=True)
    assert "\x1b" not in err
    assert "Indexing into" in err


def test_without_colour_the_live_lines_still_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    _, err = run(terminal=True)
    assert "61%" in err
    assert "\x1b[32m" not in err


def test_quiet_leaves_only_what_failed() -> None:
    out, err = run(quiet=True)
    assert out == ""
    assert err.splitlines() == [
        "failed /data/docs/secret.pdf: encrypted: The document is encrypted."
    ]


def test_json_alone_owns_standard_output() -> None:
    out, err = run(json=True)
    assert [json.loads(line)["type"] for line in out.splitlines()] == [
        "status",
        "status",
        "document",
        "summary",
    ]
    assert err == ""


def test_json_on_a_terminal_still_shows_progress() -> None:
    out, err = run(json=True, terminal=True)
    assert "61%" in err
    assert all(json.loads(line) for line in out.splitlines())


def test_json_and_quiet_leave_the_statuses_out() -> None:
    out, err = run(json=True, quiet=True, terminal=True)
    assert [json.loads(line)["type"] for line in out.splitlines()] == ["document", "summary"]
    assert err == ""


@pytest.mark.parametrize("quiet", [False, True])
def test_an_error_is_always_told_in_a_sentence_and_a_hint(quiet: bool) -> None:
    _, err = run(quiet=quiet, error=UsageError("This cannot\x1b be.", hint="Do that."))
    assert err.splitlines()[-2:] == ["Error: This cannot\\x1b be.", "Do that."]


def test_a_run_that_was_refused_has_no_summary() -> None:
    # given a run that ends before it did anything
    out, err = io.StringIO(), io.StringIO()
    reporter = Reporter(Streams(out, err))
    reporter.hear(Summary(exit_code=2, seconds=9.3))
    # when its error is told
    reporter.error(UsageError("There is no folder x.", hint="Check the path."))
    reporter.close(ExitCode.USAGE)
    # then nothing else is
    assert out.getvalue() == ""
    assert err.getvalue() == "Error: There is no folder x.\nCheck the path.\n"


def test_a_run_that_failed_on_its_way_says_what_it_had_done() -> None:
    out, err = run(error=UsageError("The disk is full."))
    assert "18,220 written" in out
    assert "Error: The disk is full." in err


def test_an_error_is_told_to_programs_too_before_the_last_line() -> None:
    out, err = run(json=True, error=UsageError("This cannot be."))
    assert [json.loads(line)["type"] for line in out.splitlines()][-2:] == ["error", "summary"]
    assert "Error: This cannot be." in err


@pytest.mark.parametrize("number", [errno.EPIPE, errno.EIO])
def test_a_reader_that_left_changes_nothing_but_the_silence(number: int) -> None:
    # given a standard output whose reader has gone, as after `| head -1` or a hung-up terminal
    broken = Broken(number)
    reporter = Reporter(Streams(broken, io.StringIO()), json=True)
    # when the run goes on
    for event in (STARTED, FAILED, DONE):
        reporter.hear(event)
    # then it ends as it would have, and nobody wrote there again
    assert reporter.close(ExitCode.DONE) is ExitCode.DONE
    assert broken.attempts == 1


def test_output_lost_to_a_full_disk_is_a_failure() -> None:
    reporter = Reporter(Streams(Broken(errno.ENOSPC), io.StringIO()), json=True)
    reporter.hear(DONE)
    assert reporter.close(ExitCode.DONE) is ExitCode.FAILED


def test_a_character_that_the_terminal_lacks_is_shown_escaped() -> None:
    raw = io.BytesIO()
    stream = Guarded(io.TextIOWrapper(raw, encoding="ascii"))
    stream.write("naïve → 日\n")
    stream.flush()
    assert raw.getvalue() == b"na\\xefve \\u2192 \\u65e5\n"


def test_a_closed_standard_output_is_no_reason_to_fail() -> None:
    reporter = Reporter(Streams(None, None))
    reporter.hear(FAILED)
    reporter.hear(DONE)
    assert reporter.close(ExitCode.DONE) is ExitCode.DONE


@contextmanager
def pipe_without_a_reader() -> Iterator[io.TextIOWrapper]:
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w", encoding="utf-8") as stream:
        yield stream


def test_what_was_buffered_for_a_reader_that_left_is_dropped_without_complaint() -> None:
    with pipe_without_a_reader() as stream:
        guarded = Guarded(stream)
        guarded.write("lost\n")
        guarded.flush()
        assert guarded.gone
        assert guarded.failure is None
    # then closing the stream, which flushes it once more, raised nothing
