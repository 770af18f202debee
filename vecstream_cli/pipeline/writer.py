"""The writer process: embedded slots in, acknowledged rows out. Alone with the database."""

import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vecstream_cli.core.leases import SlotRef
from vecstream_cli.endpoint import Endpoint
from vecstream_cli.errors import DatabaseError
from vecstream_cli.killpoints import kill_point
from vecstream_cli.pipeline.arena import BUSY_NS, ArenaHandle
from vecstream_cli.pipeline.failure import broken
from vecstream_cli.pipeline.lifecycle import Inbox, InheritedFd, Outbox, loading
from vecstream_cli.pipeline.messages import (
    Create,
    Discard,
    Discarded,
    Drop,
    Flush,
    Message,
    Missed,
    Opened,
    Ready,
    Remove,
    Removed,
    Replace,
    Replaced,
    Stop,
    Stopped,
    Supersede,
    Superseded,
    Write,
    Written,
)  # fmt: skip
from vecstream_cli.pipeline.slots import APPEND, MERGE, Slot, SlotLayout
from vecstream_cli.settings import BUILD

if TYPE_CHECKING:
    from vecstream_cli.adapters.base import Adapter
    from vecstream_cli.adapters.lease import Lease

FLUSH_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class WriterConfig:
    """What the writer is told at spawn.

    `lock` is the run's lock: inherited and never used, so that it outlives a killed supervisor
    until this process, too, has let go of the database. The lock record of a database server is
    held by this process alone, which waits for it up to `lock_wait` seconds.
    `hold_slots`: the most slots to gather.
    `this_run` is noted in the collection before its first row is touched. `spare_bytes` is what
    the memory ceiling leaves the writer at the end, when the other children have ended.
    """

    arena: ArenaHandle
    layout: SlotLayout
    row: int
    database: Endpoint
    collection: str
    lock: InheritedFd
    lock_wait: float
    hold_slots: int
    this_run: str
    spare_bytes: int = 0


def run(inbox: Inbox, outbox: Outbox, config: WriterConfig) -> None:
    """The process's life: gather slots, write them, say so."""
    try:
        with _lease(config) as lease:
            _Writer(inbox, outbox, config, lease).run()
    except (EOFError, BrokenPipeError, ConnectionResetError):
        raise
    except Exception as error:  # noqa: BLE001 (whatever it is, the supervisor must hear of it)
        outbox.send(broken(error, "Writing to the database failed"))


def _lease(config: WriterConfig) -> "AbstractContextManager[Lease | None]":
    """The lock record of the collection; a rebuild is one of the live collection."""
    with loading():
        from vecstream_cli.adapters.lease import leased
    live = config.collection.removesuffix(BUILD)
    return leased(config.database, live, command="vecstream index", wait=config.lock_wait)


class _Writer:
    def __init__(
        self, inbox: Inbox, outbox: Outbox, config: WriterConfig, lease: "Lease | None"
    ) -> None:
        self._inbox = inbox
        self._outbox = outbox
        self._config = config
        self._lease = lease
        self._held: list[tuple[SlotRef, int]] = []
        self._held_rows = 0
        self._held_since = 0.0
        self._flushes = 0
        self._noted = False
        started = time.monotonic()
        with loading():
            self._database = self._open(config.collection)
        self._arena = config.arena.open()
        self._control = self._arena.control[config.row]
        self._slots = self._arena.slots()
        outbox.send(Ready(time.monotonic() - started, {}))
        outbox.send(Opened(self._adapter.record()))

    @property
    def _adapter(self) -> "Adapter":
        """The database, while nobody else has taken the collection. Raises CollectionLocked."""
        if self._lease is not None:
            self._lease.check()
        return self._database

    def _open(self, collection: str) -> "Adapter":
        from vecstream_cli.adapters.registry import connect

        return connect(self._config.database, collection, read_only=False)

    def run(self) -> None:
        """Serve the supervisor until it says stop."""
        while True:
            if self._held:
                patience = self._held_since + FLUSH_SECONDS - time.monotonic()
                if not self._inbox.connection.poll(max(0.0, patience)):
                    self._flush()
                    continue
            message = self._inbox.recv()
            if isinstance(message, Stop):
                self._end(tidy=message.drain)
                return
            began = time.monotonic_ns()
            self._serve(message)
            self._control[BUSY_NS] += time.monotonic_ns() - began

    def _end(self, *, tidy: bool) -> None:
        self._flush()
        if tidy and self._adapter.record() is not None:
            kill_point("table.tidying")
            self._adapter.maintain(final=True, spare_bytes=self._config.spare_bytes)
            kill_point("table.tidied")
        self._database.close()
        self._outbox.send(Stopped({}))

    def _serve(self, message: Message) -> None:
        match message:
            case Create(record):
                self._adapter.create(record)
                kill_point("collection.created")
            case Drop():
                self._adapter.drop()
            case Write(ref, rows):
                self._hold(ref, rows)
            case Flush():
                self._flush()
            case Supersede(pairs):
                self._flush()
                self._note_run()
                asked = [(document.hex(), attempt) for document, attempt in pairs]
                deleted = self._adapter.delete_superseded(asked)
                kill_point("rows.superseded")
                self._outbox.send(Superseded(pairs, deleted or 0))
            case Discard(document, keep):
                self._flush()
                self._note_run()
                self._adapter.keep_only(document.hex(), [row.hex() for row in keep])
                kill_point("rows.discarded")
                self._outbox.send(Discarded(document))
            case Remove(documents):
                self._flush()
                self._note_run()
                deleted = self._adapter.delete_documents([d.hex() for d in documents])
                kill_point("rows.removed")
                self._outbox.send(Removed(documents, deleted or 0))
            case Replace(live):
                self._flush()
                self._database.close()
                self._database = self._open(live)
                self._adapter.replace_with(self._config.collection)
                kill_point("rebuild.replaced")
                self._outbox.send(Replaced())
            case _:
                raise DatabaseError(f"The writer cannot serve {type(message).__name__}.")

    def _hold(self, ref: SlotRef, rows: int) -> None:
        if not self._held:
            self._held_since = time.monotonic()
        self._held.append((ref, rows))
        self._held_rows += rows
        enough_rows = self._held_rows >= self._adapter.limits.target_rows
        # The very first slot is written at once: rows are there to be searched from the start.
        full = len(self._held) >= self._config.hold_slots
        if full or enough_rows or not self._flushes:
            self._flush()

    def _note_run(self) -> None:
        """Before the first change of all, so that an earlier copy of the table shows its age."""
        if not self._noted:
            self._adapter.update_record(last_run=self._config.this_run)
            self._noted = True
            kill_point("run.noted")

    def _flush(self) -> None:
        if not self._held:
            return
        held, reused = self._with_vectors()
        self._held, self._held_rows = [], 0
        if not held:
            return
        self._note_run()
        rows = self._write(held)
        self._flushes += 1
        self._outbox.send(Written(tuple(held), rows, reused))
        self._adapter.maintain(final=False)

    def _with_vectors(self) -> tuple[list[tuple[SlotRef, int]], int]:
        """The slots that can be written now, and how many of their vectors came from donors."""
        from vecstream_cli.pipeline.reuse import fetch

        slots = [(self._slot(ref), rows) for ref, rows in self._held]
        reused, short = fetch(self._adapter, slots)
        if reused or short:
            kill_point("vectors.fetched")
        if not short:
            return self._held, reused
        missed = tuple(each for each in self._held if each[0].slot in short)
        self._outbox.send(Missed(missed, reused))
        return [each for each in self._held if each[0].slot not in short], 0

    def _slot(self, ref: SlotRef) -> Slot:
        return Slot(self._slots, self._config.layout, ref.slot)

    def _write(self, held: list[tuple[SlotRef, int]]) -> int:
        """Write these slots; on return no view of one is left."""
        import pyarrow as pa  # type: ignore[import-untyped]

        from vecstream_cli.adapters.schema import row_schema
        from vecstream_cli.pipeline.rows import record_batch, runs, without_duplicates

        schema = row_schema(self._config.layout.dimension)
        parts: dict[int, list[pa.RecordBatch]] = {APPEND: [], MERGE: []}
        for ref, rows in held:
            slot = self._slot(ref)
            batch = record_batch(slot, rows, schema)
            for mode, start, length in runs(slot["mode"][:rows]):
                parts[mode].append(batch.slice(start, length))
        written = 0
        for mode, write in ((APPEND, self._adapter.append), (MERGE, self._adapter.merge)):
            batches = without_duplicates(parts[mode])
            if batches:
                kill_point("rows.writing")
                write(pa.Table.from_batches(batches, schema))
                kill_point("rows.written")
                written += sum(map(len, batches))
        return written
