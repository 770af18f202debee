"""A run as a log keeps it: plain lines, none longer than its news, one a minute at most."""

from rich.console import Console
from rich.text import Text

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
from vecstream_cli.report.pace import Pace
from vecstream_cli.report.places import folder, place

EVERY = 60.0  # seconds between two lines that only say where the run stands


class PlainLines:
    """Writes the plan, failures and notices as they come, and a line a minute.

    `only_failures` leaves all but the failures out.
    """

    def __init__(self, console: Console, *, only_failures: bool = False) -> None:
        self._console = console
        self._only_failures = only_failures
        self._pace = Pace()
        self._last = 0.0

    def hear(self, event: Event) -> None:
        """A line, where the event is worth one."""
        if isinstance(event, DocumentDone) and event.outcome is Outcome.FAILED:
            self._print(_failure(event))
        elif self._only_failures:
            return
        elif isinstance(event, RunStarted):
            self._print(_plan(event))
        elif isinstance(event, Notice):
            self._print(_notice(event))
        elif isinstance(event, Progress):
            speeds = self._pace.update(event)
            if event.seconds - self._last >= EVERY:
                self._last = event.seconds
                self._print(_standing(event, speeds.chunks, speeds.tokens))

    def close(self) -> None:
        """Nothing to take away."""

    def _print(self, line: str) -> None:
        self._console.print(Text(line))


def _plan(event: RunStarted) -> str:
    return (
        f"Indexing into {printable(event.collection)} in {folder(event.database)} with "
        f"{printable(event.model)} on {printable(event.device)}: "
        f"{plural(event.parsers, 'parser')}, {plural(event.slots, 'slot')} of "
        f"{size(event.slot_bytes)}, memory ceiling {size(event.max_memory_bytes)}"
    )


def _failure(event: DocumentDone) -> str:
    return (
        f"failed {place(event.source, event.path)}: {printable(event.reason or 'unknown')}: "
        f"{one_line(event.message or '')}"
    )


def _notice(event: Notice) -> str:
    where = "" if event.path is None else f" {printable(event.path)}:"
    return f"notice{where} {printable(event.reason)}: {one_line(event.message)}"


def _standing(now: Progress, chunks: float, tokens: float) -> str:
    total = now.documents_done + now.documents_pending
    so_far = "" if now.scan_done else " found so far"
    return (
        f"{duration(now.seconds)}: {count(now.documents_done)} of "
        f"{plural(total, 'document')}{so_far}, "
        f"{chunk_counts(now.chunks_embedded, now.chunks_reused)}, "
        f"{rate(chunks)} chunks/s, {rate(tokens)} tokens/s, "
        f"memory {size(now.memory_bytes)} of {size(now.max_memory_bytes)}, "
        f"{printable(now.waiting_for)}"
    )
