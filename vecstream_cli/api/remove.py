"""Take documents out of a collection, or the whole collection out of a database."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from vecstream_cli.api.opened import delete, missing, opened
from vecstream_cli.api.rebuild import discard, forget, place_of_build
from vecstream_cli.errors import UsageError
from vecstream_cli.settings import Settings
from vecstream_cli.state.entries import DocumentPath
from vecstream_cli.state.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Removal:
    """What is to be deleted, or was: `done` tells. `chunks` are those the database counted."""

    documents: int
    chunks: int
    done: bool = False


def always(removal: Removal) -> bool:
    """Agree to any removal."""
    return True


def remove(path: str, settings: Settings, *, agreed: Callable[[Removal], bool] = always) -> Removal:
    """Delete the documents at or under `path` from the collection; no file is touched.

    `path` need not exist any more. It is a place on disk, or, where it is relative and
    `settings.source` names a source, a path within that. `agreed` is asked under
    the collection's lock, before anything is deleted. Raises UsageError where the collection has
    no such document, CollectionNotFound, CollectionLocked, DatabaseError or ManifestError.
    """
    with opened(settings, "vecstream rm") as collection, collection.manifest() as manifest:
        targets = targets_of(path, settings.source, manifest)
        documents = sum(1 for _ in _documents(manifest, targets))
        if documents == 0:
            raise UsageError(
                f"Collection {settings.collection!r} has no document at or under {path}.",
                hint="`vecstream status` shows the sources that it was made from.",
            )
        removal = Removal(documents, 0)
        if not agreed(removal):
            return removal
        collection.note_change(manifest)
        chunks = delete(_documents(manifest, targets), manifest, collection)
        collection.adapter.maintain(final=True)
        return replace(removal, chunks=chunks, done=True)


def drop(settings: Settings, *, agreed: Callable[[Removal], bool] = always) -> Removal:
    """Delete the collection whole, its manifest, and a build that is to replace it.

    Raises CollectionNotFound, CollectionLocked, ForeignCollection for a table that vecstream did
    not make, or DatabaseError.
    """
    with opened(settings, "vecstream drop") as collection:
        place = collection.place
        exists = collection.record is not None
        if not exists and not place.manifest.exists():
            raise missing(settings)
        removal = Removal(0, collection.adapter.count() if exists else 0)
        if not agreed(removal):
            return removal
        if exists:
            collection.adapter.drop()
        forget(place.manifest)
        discard(settings, place_of_build(settings))
        return replace(removal, done=True)


def targets_of(path: str, source: str | None, manifest: Manifest) -> list[tuple[str, bytes]]:
    """The sources that `path` touches, each with the prefix of what lies in it."""
    if source is not None and not Path(path).is_absolute():
        inside = os.path.normpath(os.fsencode(path)).strip(b"/")
        return [(source, b"" if inside == b"." else inside)]
    # The last name as it is, and followed: a link that was indexed is a document of its own.
    given = Path(path)
    places = {given.parent.resolve() / given.name, given.resolve()}
    found = []
    for each in manifest.sources():
        base = each.base or os.fsencode(each.name)
        for place in map(os.fsencode, places):
            if (prefix := _within(place, base)) is not None:
                found.append((each.name, prefix))
            elif _within(base, place) is not None:
                found.append((each.name, b""))
    return sorted(set(found))


def _within(path: bytes, folder: bytes) -> bytes | None:
    """`path` relative to `folder`; None where it is elsewhere."""
    if path == folder:
        return b""
    start = folder if folder.endswith(b"/") else folder + b"/"
    return path.removeprefix(start) if path.startswith(start) else None


def _documents(manifest: Manifest, targets: list[tuple[str, bytes]]) -> Iterator[DocumentPath]:
    for source, prefix in targets:
        yield from manifest.documents_under(source, prefix)
