"""Compact: the upkeep of a collection's table, now instead of at the end of a run."""

from dataclasses import dataclass

from vecstream_cli.api.opened import opened
from vecstream_cli.pipeline.memory import memory_left
from vecstream_cli.settings import Settings
from vecstream_cli.state.overview import on_disk


@dataclass(frozen=True, slots=True)
class Compaction:
    """What it came to; sizes on disk are None where the database is elsewhere."""

    done: bool
    bytes_before: int | None
    bytes_after: int | None


def compact(settings: Settings) -> Compaction:
    """Compact, clean up and index the collection where that is due.

    An index is made where `settings.max_memory`, or half of what is free, leaves room for it.
    Raises CollectionNotFound, CollectionLocked, ManifestVoid or DatabaseError.
    """
    with opened(settings, "vecstream compact") as collection, collection.manifest():
        local = type(collection.adapter).local_folder(settings.db_uri)
        path = collection.place.manifest
        before = None if local is None else on_disk(local, path)
        spare = settings.max_memory or memory_left() // 2
        done = collection.adapter.maintain(final=True, spare_bytes=spare)
        after = None if local is None else on_disk(local, path)
        return Compaction(done, before, after)
