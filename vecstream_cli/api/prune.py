"""Prune: the documents of sources that nobody names any more, out of a collection."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from vecstream_cli.api.opened import delete, opened
from vecstream_cli.errors import UsageError
from vecstream_cli.settings import Settings
from vecstream_cli.state.manifest import Manifest
from vecstream_cli.state.roots import Root, adopted, roots_of


@dataclass(frozen=True, slots=True)
class PrunedSource:
    """A source that goes, and how many documents it has."""

    name: str
    documents: int


@dataclass(frozen=True, slots=True)
class Pruning:
    """What is to go, or is gone: `done` tells. `chunks` are the rows the database counted."""

    sources: tuple[PrunedSource, ...]
    chunks: int = 0
    done: bool = False

    @property
    def documents(self) -> int:
        """Of all these sources."""
        return sum(source.documents for source in self.sources)


def always(pruning: Pruning) -> bool:
    """Agree to anything."""
    return True


def prune(named: Sequence[Settings], *, agreed: Callable[[Pruning], bool] = always) -> Pruning:
    """Remove the documents of every source but those that `named` name; no file is touched.

    All of `named` are about one collection: the jobs that keep it. `agreed` is asked under the
    collection's lock, before anything is deleted. What is to stay must exist: a folder that is
    not mounted prunes nothing. Raises UsageError, CollectionNotFound, CollectionLocked,
    ManifestVoid or DatabaseError.
    """
    roots = [(each, _roots(each)) for each in named]
    with opened(named[0], "vecstream prune") as collection, collection.manifest() as manifest:
        sources, kept = manifest.sources(), set()
        for settings, found in roots:
            if settings.source is None:
                found = adopted(found, sources)
            kept |= {root.source for root in found}
        pruning = Pruning(_others(manifest, kept))
        if not pruning.sources or not agreed(pruning):
            return pruning
        collection.note_change(manifest)
        chunks = 0
        for source in pruning.sources:
            documents = manifest.documents_under(source.name)
            chunks += delete(documents, manifest, collection)
            manifest.forget_source(source.name)
        collection.adapter.maintain(final=True)
        return replace(pruning, chunks=chunks, done=True)


def _roots(settings: Settings) -> list[Root]:
    if not settings.paths and settings.files_from is None:
        raise UsageError(
            "Nothing says which sources are to stay.",
            hint="Name their folders, or a configuration file that does by --config.",
        )
    return roots_of(settings.paths, files_from=settings.files_from, source=settings.source)


def _others(manifest: Manifest, kept: set[str]) -> tuple[PrunedSource, ...]:
    return tuple(
        PrunedSource(each.name, manifest.counts(each.name).known)
        for each in manifest.sources()
        if each.name not in kept
    )
