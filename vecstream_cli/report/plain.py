"""A run as a log keeps it: plain lines, none longer than its news, one a minute at most."""

from collections.abc import Callable

from vecstream_cli.pipeline.events import (
    DocumentDone,
    Event,
    Notice,
    Outcome,
    Progress,
    RunStarted,
)
from vecstream_cli.report.escape import one_line, printable
from vecstream_cli.report.figures import chunk_counts, count, duration, plural, rate, size
from vecstream_cli.report.pace import Pace, Speeds
from vecstream_cli.report.places import folder, place

EVERY = 60.0  # seconds between two lines that only say where the run stands


class PlainLines:
    """Gives `write` the plan, failures and notices as they come, and a line a minute.

    `only_failures` leaves all but the failures out, `every_document` puts the other documents in.
    Paths are seen from the folder `here`: None is the current one, and "" leaves them whole.
    """

    def __init__(
        self,
        write: Callable[[str], object],
        *,
        only_failures: bool = False,
        every_document: bool = False,
        here: str | None = None,
    ) -> None:
        self._write = write
        self._only_failures = only_failures
        self._every_document = every_document
        self._here = here
        self._pace = Pace()
        self._last = 0.0

    def hear(self, event: Event) -> None:
        """A line, where the event is worth one."""
        if isinstance(event, DocumentDone):
            if self._every_document or event.outcome is Outcome.FAILED:
                self._write(_document(event, self._here))
        elif self._only_failures:
            return
        elif isinstance(event, RunStarted):
            self._write(_plan(event, self._here))
        elif isinstance(event, Notice):
            self._write(_notice(event))
        elif isinstance(event, Progress):
            speeds = self._pace.update(event)
            if event.seconds - self._last >= EVERY:
                self._last = event.seconds
                self._write(_standing(event, speeds))

    def close(self) -> None:
        """Nothing to take away."""


def _plan(event: RunStarted, here: str | None) -> str:
    return (
        f"Indexing into {printable(event.collection)} in {folder(event.database, here=here)} with "
        f"{printable(event.model)} on {printable(event.device)}: "
        f"{plural(event.parsers, 'parser')}, {plural(event.slots, 'slot')} of "
        f"{size(event.slot_bytes)}, memory ceiling {size(event.max_memory_bytes)}"
    )


def _document(event: DocumentDone, here: str | None) -> str:
    line = f"{event.outcome.value} {place(event.source, event.path, here=here)}"
    if event.reason is not None:
        return f"{line}: {printable(event.reason)}: {one_line(event.message or '')}"
    return f"{line}: {plural(event.chunks, 'chunk')}" if event.chunks else line


def _notice(event: Notice) -> str:
    where = "" if event.path is None else f" {printable(event.path)}:"
    return f"notice{where} {printable(event.reason)}: {one_line(event.message)}"


def _standing(now: Progress, speeds: Speeds) -> str:
    total = now.documents_done + now.documents_pending
    so_far = "" if now.scan_done else " found so far"
    tokens = f"{rate(speeds.tokens)} tokens/s, " if now.tokens else ""  # images have none
    return (
        f"{duration(now.seconds)}: {count(now.documents_done)} of "
        f"{plural(total, 'document')}{so_far}, "
        f"{chunk_counts(now.chunks_embedded, now.chunks_reused)}, "
        f"{rate(speeds.chunks)} chunks/s, {tokens}"
        f"memory {size(now.memory_bytes)} of {size(now.max_memory_bytes)}, "
        f"{printable(now.waiting_for)}"
    )
