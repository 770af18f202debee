"""What the manifest should know, asked of the collection's own rows: by a process of its own."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from multiprocessing.connection import wait
from pathlib import Path

from vecstream_cli.adapters.base import Adapter
from vecstream_cli.adapters.registry import adapter_class, connect
from vecstream_cli.core.record import CollectionRecord
from vecstream_cli.endpoint import Endpoint
from vecstream_cli.errors import Interrupted, StageDied
from vecstream_cli.pipeline.failure import broken, revived
from vecstream_cli.pipeline.lifecycle import Child, DeathWatch, Inbox, InheritedFd, Outbox
from vecstream_cli.pipeline.messages import Broken, Stopped
from vecstream_cli.pipeline.signals import SignalWatch
from vecstream_cli.state.restoring import Restored, StoredRow, restore


@dataclass(frozen=True, slots=True, kw_only=True)
class RecallConfig:
    """What the process is told at spawn; `lock` is the run's, held until it has ended too."""

    database: Endpoint
    collection: str
    manifest: Path
    reader: str
    lock: InheritedFd


def recall(adapter: Adapter, record: CollectionRecord, manifest: Path, *, reader: str) -> Restored:
    """Make the manifest anew from all rows; see `restore`."""
    return restore(manifest, _rows(adapter), record, reader=reader)


def recall_apart(config: RecallConfig) -> Restored:
    """The same in a child, so that no database client stays in this process.

    Raises Interrupted, and whatever is wrong with the database or the manifest's folder.
    """
    watch = DeathWatch()
    with SignalWatch() as signals:
        environment = adapter_class(config.database.name).environment
        child = Child("recall", "vecstream_cli.pipeline.recall:run", config, watch, environment)
        try:
            ready = wait([child.inbox.connection, child.sentinel, signals.fileno()])
            if signals.fileno() in ready:
                raise Interrupted(signals.received[0])
            for message in child.inbox.drain():
                match message:
                    case Stopped(counters):
                        return Restored(**counters)
                    case Broken():
                        raise revived(message)
            raise StageDied(f"Reading the collection ended unexpectedly ({child.epitaph()}).")
        finally:
            child.kill()
            child.close()
            watch.close()


def run(inbox: Inbox, outbox: Outbox, config: RecallConfig) -> None:
    """The process's life."""
    try:
        with connect(config.database, config.collection, read_only=True) as adapter:
            record = adapter.record()
            if record is None:
                raise StageDied("The collection was dropped while this run began.")
            restored = recall(adapter, record, config.manifest, reader=config.reader)
        outbox.send(Stopped(asdict(restored)))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        raise
    except Exception as error:  # noqa: BLE001 (whatever it is, the supervisor must hear of it)
        outbox.send(broken(error, "Reading the collection failed"))


def _rows(adapter: Adapter) -> Iterator[StoredRow]:
    for batch in adapter.scan(StoredRow._fields):
        columns = [batch.column(name).to_pylist() for name in StoredRow._fields]
        yield from map(StoredRow._make, zip(*columns, strict=True))
