"""Retry: documents that failed, forgiven and read again now."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from vecstream_cli.adapters.registry import adapter_class
from vecstream_cli.api.index import index
from vecstream_cli.api.opened import missing
from vecstream_cli.api.remove import targets_of
from vecstream_cli.core.record import CollectionRecord
from vecstream_cli.pipeline.events import Listener, Summary, silent
from vecstream_cli.settings import Settings
from vecstream_cli.state.entries import DocumentPath
from vecstream_cli.state.location import Place, locate
from vecstream_cli.state.lock import CollectionLock
from vecstream_cli.state.manifest import Manifest
from vecstream_cli.state.mending import MendableManifest
from vecstream_cli.state.roots import Root

_FACTS = {
    "model": "model",
    "revision": "revision",
    "precision": "precision",
    "chunk_size": "chunk size",
    "chunk_overlap": "chunk overlap",
}


def retry(
    settings: Settings,
    paths: Sequence[str] = (),
    listener: Listener = silent,
    *,
    given: Collection[str] | None = None,
) -> Summary | None:
    """Read the documents that failed again, all or those at or below `paths`; None: there are none.

    `settings.source` is that of relative paths. Of the settings that made the collection, those
    that are not `given` (None: all are) are taken from the collection itself. Raises
    VecstreamError as `index` does, and CollectionNotFound.
    """
    local = adapter_class(settings.db).local_folder(settings.db_uri)
    place = locate(settings.db, settings.db_uri, settings.collection, local)
    if not place.manifest.exists():
        raise missing(settings)
    roots, record = _forgiven(settings, place, paths)
    if not roots:
        return None
    settings = replace(settings, paths=(), files_from=None, limit=None, source=None)
    if given is not None:
        settings = replace(settings, **_as_made(record, given))
    return index(settings, listener, roots=roots)


def _forgiven(
    settings: Settings, place: Place, paths: Sequence[str]
) -> tuple[list[Root], CollectionRecord]:
    """Forget the failures; returns the documents as what to list."""
    with (
        CollectionLock.acquire(place.lock, wait=settings.lock_wait, command="vecstream retry"),
        MendableManifest.open(place.manifest) as manifest,
    ):
        record = manifest.collection
        if record is None:
            raise missing(settings)
        failed = _failed(manifest, settings.source, paths)
        manifest.forget_failures(failed)
        bases = {each.name: each.base or each.name.encode() for each in manifest.sources()}
    named: dict[str, list[bytes]] = {}
    for each in failed:
        named.setdefault(each.source, []).append(each.relative)
    roots = [
        Root(source, bases[source], whole=False, named=tuple(sorted(relative)))
        for source, relative in sorted(named.items())
    ]
    return roots, record


def _failed(manifest: Manifest, source: str | None, paths: Sequence[str]) -> list[DocumentPath]:
    targets = [target for path in paths for target in targets_of(path, source, manifest)]
    return [
        DocumentPath(each.id, each.source, each.relative)
        for each in manifest.failures()
        if not paths
        or any(each.source == name and _below(each.relative, at) for name, at in targets)
    ]


def _below(path: bytes, folder: bytes) -> bool:
    return not folder or path == folder or path.startswith(folder + b"/")


def _as_made(record: CollectionRecord, given: Collection[str]) -> dict[str, Any]:
    """What the collection says of the settings that made it, but for those that are given."""
    found: dict[str, Any] = {}
    for name, fact in _FACTS.items():
        value = record.facts.get(fact)
        if value is not None and name not in given:
            found[name] = int(value) if name.startswith("chunk") else value
    return found
