"""The whole ring once: what `vecstream index` does, watched; and the counting of its rows."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from vecstream_cli.adapters.registry import connect
from vecstream_cli.api.bench.child import answer, in_child
from vecstream_cli.api.index import index
from vecstream_cli.core.benchmark import RING, Run, Sample
from vecstream_cli.endpoint import Endpoint
from vecstream_cli.pipeline.events import Event, Progress, RunStarted, Summary
from vecstream_cli.pipeline.lifecycle import Inbox, Outbox
from vecstream_cli.settings import Settings


@dataclass(frozen=True, slots=True)
class Table:
    """A collection, as it is found again."""

    database: Endpoint
    collection: str

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The one that is indexed into with these settings."""
        return cls(settings.endpoint, settings.collection)


@dataclass(slots=True)
class _Watcher:
    """Keeps the plan and a sample of each progress."""

    told: Callable[[Progress], None]
    samples: list[Sample]
    started: RunStarted | None = None

    def hear(self, event: Event) -> None:
        match event:
            case RunStarted():
                self.started = event
            case Progress():
                self.samples.append(_sample(event))
                self.told(event)


def ring(settings: Settings, told: Callable[[Progress], None]) -> tuple[Run, RunStarted]:
    """Index `settings.paths` into a new collection. Raises whatever `index` raises.

    The clock is the run's own; what a new reader of the database finds is counted after it.
    """
    watcher = _Watcher(told, [])
    summary = index(settings, watcher.hear)
    assert watcher.started is not None
    rows = count(Table.of(settings))
    return _run(summary, rows, tuple(watcher.samples)), watcher.started


def count(table: Table) -> int:
    """The rows that a new reader finds, counted in a process of its own."""
    rows = in_child(f"{__name__}:run", table)
    assert isinstance(rows, int)
    return rows


def reach(table: Table) -> None:
    """Raise now, rather than after a minute, where the database cannot be read."""
    in_child(f"{__name__}:run", table)


def run(inbox: Inbox, outbox: Outbox, table: Table) -> None:
    """The counting process's life."""
    answer(outbox, lambda: _count(table))


def _count(table: Table) -> int:
    with connect(table.database, table.collection, read_only=True) as adapter:
        return 0 if adapter.record() is None else adapter.count()


def _sample(now: Progress) -> Sample:
    return Sample(
        seconds=now.seconds,
        memory_bytes=now.memory_bytes,
        chunks_embedded=now.chunks_embedded,
        chunks_written=now.chunks_written,
        tokens=now.tokens,
        slots_free=now.slots_free,
        slots_parsing=now.slots_parsing,
        slots_embedding=now.slots_embedding,
        slots_writing=now.slots_writing,
        parse_busy=now.parse_busy,
        embed_busy=now.embed_busy,
        write_busy=now.write_busy,
    )


def _run(summary: Summary, rows: int, samples: tuple[Sample, ...]) -> Run:
    return Run(
        way=RING,
        seconds=summary.seconds,
        rows=rows,
        documents=summary.documents_new,
        failed=summary.documents_failed,
        chunks=summary.chunks_embedded,
        tokens=summary.tokens,
        padded_tokens=summary.padded_tokens,
        peak_memory_bytes=summary.peak_memory_bytes,
        max_memory_bytes=summary.max_memory_bytes,
        model_load_seconds=summary.model_load_seconds,
        first_rows_seconds=summary.first_write_seconds,
        embed_seconds=summary.embed_seconds,
        parse_busy=summary.parsers_busy,
        embed_busy=summary.inference_busy,
        write_busy=summary.writer_busy,
        limited_by=summary.limited_by,
        samples=samples,
    )
