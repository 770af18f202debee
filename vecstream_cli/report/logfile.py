"""``--log-file``: what a job did, a line an event, appended to a file that others may rotate."""

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from vecstream_cli.errors import ExitCode, UsageError, VecstreamError
from vecstream_cli.hiding import hidden
from vecstream_cli.pipeline.events import Event, Summary
from vecstream_cli.report.escape import one_line, printable
from vecstream_cli.report.figures import count, duration, plural, size
from vecstream_cli.report.plain import PlainLines

# A pipe that nobody reads must not hold the run up.
_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK


class LogFile:
    """Each line is opened, written and closed for itself, so the file may be moved meanwhile.

    A line that cannot be written is lost: `lost` is called with the reason, the first time.
    Raises UsageError where not even the first one can be.
    """

    def __init__(self, path: Path, *, job: str | None, lost: Callable[[str], object]) -> None:
        self._path = path
        self._sender = f"[{os.getpid()}] {printable(job)}:" if job else f"[{os.getpid()}]"
        self._lost = lost
        self._complained = False
        self._torn = False  # the last line has no end
        self._lines = PlainLines(self._say, every_document=True, here="")
        try:
            self._append(b"")
        except OSError as error:
            raise UsageError(
                f"The log file {path} cannot be written: {error.strerror}.",
                hint="Name a file in a folder that exists and can be written to.",
            ) from error

    def start(self, collection: str) -> None:
        """The first line of a job."""
        self._say(f"started: index into {printable(collection)}")

    def hear(self, event: Event) -> None:
        """A line for an event of the run."""
        self._lines.hear(event)

    def end(self, code: ExitCode, summary: Summary, error: VecstreamError | None) -> None:
        """The last lines: why it failed, and what it did."""
        if error is not None:
            self._say(f"error: {one_line(error.message)} {one_line(error.hint)}".rstrip())
        self._say(_ended(code, summary))

    def _say(self, line: str) -> None:
        now = datetime.now().astimezone().isoformat(timespec="milliseconds")
        data = f"{now} {self._sender} {hidden(line)}\n".encode(errors="backslashreplace")
        try:
            written = self._append(b"\n" + data if self._torn else data)
        except OSError as error:
            self._complain(error.strerror or "it failed")
            return
        self._torn = written < len(data)
        if self._torn:
            self._complain("there was room for a part of a line only")

    def _append(self, data: bytes) -> int:
        descriptor = os.open(self._path, _FLAGS, 0o666)
        try:
            return os.write(descriptor, data) if data else 0
        finally:
            os.close(descriptor)

    def _complain(self, reason: str) -> None:
        if not self._complained:
            self._complained = True
            self._lost(f"The log file {self._path} misses lines: {reason}.")


def _ended(code: ExitCode, summary: Summary) -> str:
    documents = ", ".join(
        f"{count(getattr(summary, f'documents_{word}'))} {word}"
        for word in ("new", "changed", "unchanged", "removed", "failed")
    )
    return (
        f"ended: {code.meaning} (exit code {int(code)}) after {duration(summary.seconds)}: "
        f"{documents}; {plural(summary.chunks_written, 'chunk')} written, "
        f"{count(summary.chunks_deleted)} deleted; {size(summary.peak_memory_bytes)} at the peak"
    )
