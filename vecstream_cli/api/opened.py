"""A collection under its lock, for the verbs that look after it."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

from vecstream_cli.adapters.base import Adapter
from vecstream_cli.adapters.lease import Lease, leased
from vecstream_cli.adapters.registry import adapter_class, connect
from vecstream_cli.api.naming import database_name, no_collection
from vecstream_cli.api.rebuild import place_of_build, settle
from vecstream_cli.core.record import CollectionRecord
from vecstream_cli.errors import CollectionNotFound, ManifestVoid
from vecstream_cli.pipeline.lifecycle import variables_set
from vecstream_cli.settings import Settings
from vecstream_cli.state.entries import DocumentPath, PendingDocument
from vecstream_cli.state.location import Place, locate
from vecstream_cli.state.lock import CollectionLock
from vecstream_cli.state.manifest import Manifest
from vecstream_cli.state.mending import MendableManifest

PAGE = 500  # documents deleted by one statement


@dataclass(frozen=True, slots=True)
class Opened:
    """The collection's files and its database; `record` is None where there is none."""

    settings: Settings
    place: Place
    database: Adapter
    lease: Lease | None
    record: CollectionRecord | None

    @property
    def adapter(self) -> Adapter:
        """The database, while nobody else has taken the collection. Raises CollectionLocked."""
        if self.lease is not None:
            self.lease.check()
        return self.database

    @property
    def there(self) -> CollectionRecord:
        """The record. Raises CollectionNotFound."""
        if self.record is None:
            raise missing(self.settings)
        return self.record

    @contextmanager
    def manifest(self) -> Iterator[MendableManifest]:
        """The manifest, open to be changed. Raises ManifestVoid where it is not the collection's.

        What is done in the block to the collection is all done by us: a run that finds it as it
        is left here need not look at it again.
        """
        record = self.there
        if not self.place.manifest.exists():
            raise self._void()
        with MendableManifest.open(self.place.manifest) as manifest:
            if not manifest.knows(record):
                raise self._void()
            known = manifest.state is not None and manifest.state == self._state()
            yield manifest
            if known:
                manifest.keep_state(self._state())

    def note_change(self, manifest: Manifest) -> None:
        """Before the first change of a row, so that an earlier copy of the table shows its age."""
        now = datetime.now(UTC).isoformat(timespec="microseconds")
        manifest.may_write(now)
        self.adapter.update_record(last_run=now)
        manifest.has_written(now)

    def _state(self) -> str | None:
        return self.adapter.state_token(self.settings.db_uri, self.settings.collection)

    def _void(self) -> ManifestVoid:
        return ManifestVoid(self.settings.collection, self.place.manifest)


@contextmanager
def opened(settings: Settings, command: str) -> Iterator[Opened]:
    """The collection, under its lock; no database is made on the way."""
    kind = adapter_class(settings.db)
    local = kind.local_folder(settings.db_uri)
    if local is not None and not local.is_dir():
        raise missing(settings)
    place = locate(settings.db, settings.db_uri, settings.collection, local)
    database, name, wait = settings.endpoint, settings.collection, settings.lock_wait
    with (
        CollectionLock.acquire(place.lock, wait=wait, command=command),
        variables_set(kind.environment),  # or reading a table takes twice the memory
        leased(database, name, command=command, wait=wait) as lease,
    ):
        settle(settings, place, place_of_build(settings))
        with connect(database, name, read_only=False) as adapter:
            yield Opened(settings, place, adapter, lease, adapter.record())


def missing(settings: Settings) -> CollectionNotFound:
    """The error for a collection that is not there."""
    database = database_name(adapter_class(settings.db), settings.db_uri)
    return no_collection(database, settings.collection)


def delete(documents: Iterable[DocumentPath], manifest: Manifest, collection: Opened) -> int:
    """Rows first, then the manifest's memory of them; returns the rows that were counted."""
    chunks = 0
    rest = iter(documents)
    while page := list(islice(rest, PAGE)):
        # An open attempt makes the next run read the document again, should this one be killed
        # between the rows and the manifest.
        manifest.reserve_attempts(
            [PendingDocument(each.id, each.source, each.relative) for each in page]
        )
        chunks += collection.adapter.delete_documents([each.id.hex() for each in page]) or 0
        manifest.remove([each.id for each in page])
    return chunks
