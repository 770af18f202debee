"""Who hears a command's news: chosen once, from the streams and the flags.

                      standard output        standard error
    a terminal        summary                live lines
    no terminal       summary                plain lines
    --quiet           nothing                failed documents
    --json            JSON lines             live lines, on a terminal only
    --json --quiet    JSON lines, no status  nothing

An error goes to standard error always, and with --json to standard output too.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from vecstream_cli.errors import ExitCode, VecstreamError
from vecstream_cli.pipeline.events import Event, Notice, Summary
from vecstream_cli.report.escape import one_line
from vecstream_cli.report.jsonl import JsonLines
from vecstream_cli.report.streams import Streams
from vecstream_cli.report.tally import Tally


class _Progress(Protocol):
    def hear(self, event: Event) -> None: ...
    def close(self) -> None: ...


class Reporter:
    """`hear` is the listener of a run; `close` says how the command ended, once.

    `lines` are the JSON lines, None without --json.
    """

    def __init__(
        self, streams: Streams, *, json: bool = False, quiet: bool = False, job: str | None = None
    ) -> None:
        self.streams = streams
        self.quiet = quiet
        self.job = job
        self.lines = JsonLines(streams.stdout, statuses=not quiet, job=job) if json else None
        self._tally = Tally()
        self._error: VecstreamError | None = None
        self._progress: _Progress | None = None

    def hear(self, event: Event) -> None:
        """Pass an event on to whoever shows it."""
        if self.lines is not None:
            self.lines.hear(event)
        self._tally.hear(event)
        if self._progress is None:
            self._progress = self._choose_progress()
        self._progress.hear(event)

    def for_job(self, job: str | None) -> "Reporter":
        """A new one that says of everything which job it is about."""
        return Reporter(self.streams, json=self.lines is not None, quiet=self.quiet, job=job)

    def expect_summary(self) -> None:
        """The last line has every count, zero as they are, even where no run begins."""
        if self.lines is not None:
            self.lines.hear(Summary())

    @contextmanager
    def busy(self, doing: str) -> Iterator[None]:
        """Show on a terminal that something is going on."""
        if not self.streams.live or self.quiet:
            yield
            return
        with self.streams.err.status(doing):
            yield

    def say(self, line: str, **closing: object) -> None:
        """A result of one line; `closing` are its facts, for the last of the JSON lines."""
        if self.lines is not None:
            self.lines.closing |= closing
        elif not self.quiet:
            self.streams.stdout.write(line + "\n")

    def warn(self, reason: str, message: str) -> None:
        """Something that is better done in another way, before the command begins."""
        if self.lines is not None:
            self.lines.hear(Notice(None, reason, message))
        if not self.quiet:
            self.streams.stderr.write(f"Warning: {one_line(message)}\n")

    def error(self, error: VecstreamError) -> None:
        """Why the command fails; a person reads it last, under what the run had done."""
        self._error = error
        if self.lines is not None:
            self.lines.error(error)

    def close(self, code: ExitCode) -> ExitCode:
        """The last words; returns the code to end with, worse where output was lost."""
        self._end_progress()
        if self.lines is not None:
            self.lines.close(code)
        elif not self.quiet and self._is_worth_a_summary():
            from vecstream_cli.report.summary import print_summary

            if self.job is not None:
                self.streams.out.print(f"Job {self.job}", style="bold")
            print_summary(self.streams.out, self._tally, code)
        if self._error is not None:
            print_error(self.streams, self._error, self.job)
        return self.streams.finish(code)

    def _is_worth_a_summary(self) -> bool:
        """A run that was refused before it did anything is told by its error alone."""
        summary = self._tally.summary
        if summary is None or self._error is None:
            return summary is not None
        return bool(
            summary.chunks_written
            or summary.chunks_deleted
            or summary.documents_failed
            or summary.documents_unchanged
        )

    def _choose_progress(self) -> _Progress:
        if self.streams.live and not self.quiet:
            from vecstream_cli.report.progress import LiveProgress

            return LiveProgress(self.streams.err)
        if self.lines is not None:
            return _Nothing()
        from vecstream_cli.report.plain import PlainLines

        return PlainLines(
            lambda line: self.streams.stderr.write(line + "\n"), only_failures=self.quiet
        )

    def _end_progress(self) -> None:
        if self._progress is not None:
            self._progress.close()
            self._progress = _Nothing()


class _Nothing:
    def hear(self, event: Event) -> None:
        """Show nothing."""

    def close(self) -> None:
        """Nothing to take away."""


def print_error(streams: Streams, error: VecstreamError, job: str | None = None) -> None:
    """The error as a person reads it: one sentence of what, one of what to do."""
    from rich.text import Text

    said = "Error: " if job is None else f"Error in job {job}: "
    streams.err.print(Text.assemble((said, "bold red"), one_line(error.message)))
    if error.hint:
        streams.err.print(Text(one_line(error.hint), "dim"))
