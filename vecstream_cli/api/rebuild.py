"""Rebuild: a new build beside the live collection, which takes its place when it is whole.

The build is a collection of its own in the same database, with a manifest of its own; a run that
fills it is like any other, so one that was killed goes on where it stopped. Its manifest says
REPLACING before the database is asked to replace the collection, and takes the live manifest's
place after that. A crash between the two is made good by whoever comes next, with `settle`.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from vecstream_cli.adapters.registry import adapter_class, connect
from vecstream_cli.errors import UsageError
from vecstream_cli.hiding import hidden
from vecstream_cli.killpoints import kill_point
from vecstream_cli.pipeline.replacing import REPLACING, Replacement
from vecstream_cli.settings import BUILD, Settings
from vecstream_cli.state.location import Place, locate
from vecstream_cli.state.manifest import Manifest
from vecstream_cli.state.roots import Root
from vecstream_cli.state.view import ManifestView


def place_of_build(settings: Settings) -> Place:
    """Where the manifest of the collection's build lies. The lock is the live collection's."""
    folder = adapter_class(settings.db).local_folder(settings.db_uri)
    return locate(settings.db, settings.db_uri, settings.collection + BUILD, folder)


def replacement(settings: Settings, live: ManifestView, roots: Sequence[Root]) -> Replacement:
    """What is to be replaced, and what is known of it.

    Raises UsageError where the command does not name all that the collection was made of.
    """
    if settings.limit is not None:
        raise UsageError(
            "--rebuild takes every document, and --limit only some.",
            hint="Try another model or chunk size with --limit in another --collection.",
        )
    documents = {each.name: live.counts(each.name).documents for each in live.sources()}
    whole = {root.source for root in roots if root.whole}
    named = {root.source for root in roots}
    missing = [
        each.name
        for each in live.sources()
        if documents[each.name] and each.name not in (whole if each.listed_at else named)
    ]
    if missing:
        raise UsageError(
            f"The collection was also made from {', '.join(map(hidden, missing))}, which a"
            " rebuild from the paths given would lose.",
            hint="Name every source in one command, or take one out with `vecstream rm` first.",
        )
    return Replacement(settings.collection, documents, settings.allow_mass_delete)


def settle(settings: Settings, live: Place, build: Place) -> None:
    """Finish a replacement that a run had begun when it was killed.

    Call it under the collection's lock. Raises DatabaseError and ManifestError.
    """
    if not build.manifest.exists():
        return
    with Manifest.open(build.manifest) as manifest:
        record, replacing = manifest.collection, manifest.state == REPLACING
    if record is None or not replacing:
        return
    with connect(settings.endpoint, settings.collection, read_only=True) as adapter:
        found = adapter.record()
    if found is not None and found.uuid == record.uuid:
        _drop_build(settings)
        move(build, live)


def discard(settings: Settings, build: Place) -> None:
    """Delete a build, if there is one; call it under the collection's lock."""
    if build.manifest.exists():
        _drop_build(settings)
        forget(build.manifest)


def move(build: Place, live: Place) -> None:
    """Make the build's manifest that of the live collection. Neither may be open."""
    with Manifest.open(build.manifest):
        pass  # closing it brings everything into the one file
    _forget_beside(live.manifest)  # or what it had not yet taken in would go into the new one
    kill_point("rebuild.moving")
    build.manifest.replace(live.manifest)
    kill_point("rebuild.moved")
    folder = os.open(live.manifest.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def forget(manifest: Path) -> None:
    """Delete a manifest."""
    manifest.unlink(missing_ok=True)
    _forget_beside(manifest)


def _forget_beside(manifest: Path) -> None:
    for suffix in ("-wal", "-shm"):
        manifest.with_name(manifest.name + suffix).unlink(missing_ok=True)


def _drop_build(settings: Settings) -> None:
    name = settings.collection + BUILD
    with connect(settings.endpoint, name, read_only=False) as adapter:
        if adapter.record() is not None:
            adapter.drop()
