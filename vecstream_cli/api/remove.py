"""Take documents out of a collection, or the whole collection out of a database."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from vecstream_cli.adapters.base import Adapter
from vecstream_cli.adapters.registry import adapter_class
from vecstream_cli.api.naming import database_name, no_collection
from vecstream_cli.api.rebuild import discard, forget, place_of_build
from vecstream_cli.errors import CollectionNotFound, ManifestError, UsageError
from vecstream_cli.settings import Settings
from vecstream_cli.state.entries import DocumentPath, PendingDocument
from vecstream_cli.state.location import Place, locate
from vecstream_cli.state.lock import CollectionLock
from vecstream_cli.state.manifest import Manifest

_PAGE = 500  # documents deleted by one statement


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
    with _opened(settings, "vecstream rm") as (place, adapter):
        record = adapter.record()
        if record is None:
            raise _missing(settings)
        with Manifest.open(place.manifest) as manifest:
            known = manifest.collection
            if known is None or known.uuid != record.uuid:
                raise ManifestError(
                    f"The manifest does not know what is in collection {settings.collection!r}.",
                    hint="Run `vecstream index` once, which finds out.",
                )
            targets = _targets(path, settings.source, manifest)
            documents = sum(1 for _ in _documents(manifest, targets))
            if documents == 0:
                raise UsageError(
                    f"Collection {settings.collection!r} has no document at or under {path}.",
                    hint="`vecstream status` shows the sources that it was made from.",
                )
            removal = Removal(documents, 0)
            if not agreed(removal):
                return removal
            chunks = _delete(_documents(manifest, targets), manifest, adapter)
            adapter.maintain(final=True)
            return replace(removal, chunks=chunks, done=True)


def drop(settings: Settings, *, agreed: Callable[[Removal], bool] = always) -> Removal:
    """Delete the collection whole, its manifest, and a build that is to replace it.

    Raises CollectionNotFound, CollectionLocked, ForeignCollection for a table that vecstream did
    not make, or DatabaseError.
    """
    with _opened(settings, "vecstream drop") as (place, adapter):
        exists = adapter.record() is not None
        if not exists and not place.manifest.exists():
            raise _missing(settings)
        removal = Removal(0, adapter.count() if exists else 0)
        if not agreed(removal):
            return removal
        if exists:
            adapter.drop()
        forget(place.manifest)
        discard(settings, place_of_build(settings))
        return replace(removal, done=True)


@contextmanager
def _opened(settings: Settings, command: str) -> Iterator[tuple[Place, Adapter]]:
    """The collection's files and its adapter, under its lock; no database is made on the way."""
    kind = adapter_class(settings.db)
    local = kind.local_folder(settings.db_uri)
    if local is not None and not local.is_dir():
        raise _missing(settings)
    place = locate(settings.db, settings.db_uri, settings.collection, local)
    with (
        CollectionLock.acquire(place.lock, wait=settings.lock_wait, command=command),
        kind.open(settings.connection, settings.collection, read_only=False) as adapter,
    ):
        yield place, adapter


def _missing(settings: Settings) -> CollectionNotFound:
    database = database_name(adapter_class(settings.db), settings.db_uri)
    return no_collection(database, settings.collection)


def _targets(path: str, source: str | None, manifest: Manifest) -> list[tuple[str, bytes]]:
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


def _delete(documents: Iterator[DocumentPath], manifest: Manifest, adapter: Adapter) -> int:
    """Rows first, then the manifest's memory of them; returns the rows that were counted."""
    chunks = 0
    while page := list(islice(documents, _PAGE)):
        # An open attempt makes the next run read the document again, should this one be killed
        # between the rows and the manifest.
        manifest.reserve_attempts(
            [PendingDocument(each.id, each.source, each.relative) for each in page]
        )
        chunks += adapter.delete_documents([each.id.hex() for each in page]) or 0
        manifest.remove([each.id for each in page])
    return chunks
