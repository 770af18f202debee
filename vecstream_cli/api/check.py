"""Check: whether manifest, rows, vectors and files agree; and what to do where they do not."""

import os
from collections.abc import Iterator
from pathlib import Path

from vecstream_cli.adapters.base import Adapter
from vecstream_cli.api.check_sample import compare_sample
from vecstream_cli.api.mend import Mender
from vecstream_cli.api.opened import Opened, opened
from vecstream_cli.core.differences import Findings, Kind, Report, Where, differences
from vecstream_cli.core.plan import any_reader
from vecstream_cli.errors import ManifestDamaged
from vecstream_cli.pipeline.commits import shown_path
from vecstream_cli.pipeline.recall import recall
from vecstream_cli.readers.formats import versions
from vecstream_cli.settings import Settings
from vecstream_cli.state.comparison import ComparedRow, Comparison
from vecstream_cli.state.content import content_hash
from vecstream_cli.state.mending import MendableManifest


def check(
    settings: Settings,
    *,
    share: float | None = None,
    read_source: bool = False,
    repair: bool = False,
    model: str | None = None,
    revision: str | None = None,
) -> Report:
    """Compare the collection with its manifest; nothing is held in memory that grows with it.

    A `share` of the rows (0 to 1) is embedded again, by the collection's own model, wherever
    `model` and `revision` say it is. `read_source` hashes the files. `repair` mends what can be
    mended: see `Mending`. Raises CollectionNotFound, CollectionLocked, ManifestError, ModelError,
    FingerprintMismatch or DatabaseError.
    """
    with opened(settings, "vecstream check") as collection:
        record, findings, restored = collection.there, Findings(), None
        problem = _problem(collection)
        if problem is not None:
            findings.add(problem, 1, mended=repair)
            if not repair:
                return Report(findings.all(), collection.adapter.count())
            if problem is Kind.MANIFEST_DAMAGED:
                _move_aside(collection.place.manifest)
            reader = any_reader(versions(settings.reading))
            manifest_path = collection.place.manifest
            restored = recall(collection.adapter, record, manifest_path, reader=reader).told
        with collection.manifest() as manifest:
            mender = Mender(collection, manifest) if repair else None
            with Comparison.beside(collection.place.manifest) as comparison:
                rows = comparison.take(_rows(collection.adapter))
                counts = comparison.counts()
                report = Report([], rows, counts.documents, counts.pending, restored)
                _compare(comparison, findings, mender)
                if read_source:
                    report.files, report.unplaced = _compare_files(comparison, findings, mender)
            if share is not None:
                bases = {each.name: each.base for each in manifest.sources() if each.base}
                report.sample = compare_sample(
                    collection, settings, share, findings, mender, bases,
                    model=model, revision=revision,
                )  # fmt: skip
            if mender is not None:
                mender.finish()
        report.differences = findings.all()
        return report


def _problem(collection: Opened) -> Kind | None:
    """What is wrong with the manifest as a whole."""
    path = collection.place.manifest
    if not path.exists():
        return Kind.MANIFEST_MISSING
    try:
        with MendableManifest.open(path) as manifest:
            if not manifest.intact:
                return Kind.MANIFEST_DAMAGED
            if manifest.collection is None:
                return Kind.MANIFEST_MISSING
            return None if manifest.knows(collection.there) else Kind.MANIFEST_VOID
    except ManifestDamaged:
        return Kind.MANIFEST_DAMAGED


def _move_aside(path: Path) -> None:
    path.replace(path.with_name(f"{path.name}.damaged"))


def _rows(adapter: Adapter) -> Iterator[ComparedRow]:
    for batch in adapter.scan(ComparedRow._fields):
        columns = [batch.column(name).to_pylist() for name in ComparedRow._fields]
        yield from map(ComparedRow._make, zip(*columns, strict=True))


def _compare(comparison: Comparison, findings: Findings, mender: Mender | None) -> None:
    for document in comparison.documents():
        found = list(differences(document.tally))
        if not found:
            continue
        where = _where(document.source, document.relative)
        for kind, count in found:
            findings.add(kind, count, where, mended=mender is not None)
        if mender is not None:
            mender.mend(document, [kind for kind, _ in found])
    for unknown in comparison.unknown():
        where = Where(unknown.source, unknown.path)
        findings.add(Kind.ROWS_UNKNOWN, unknown.rows, where, mended=mender is not None)
    if mender is not None:
        mender.delete(comparison.unknown())


def _compare_files(
    comparison: Comparison, findings: Findings, mender: Mender | None
) -> tuple[int, int]:
    """Hash every document's file; returns how many, and of how many it is not known where."""
    files = unplaced = 0
    for document in comparison.stored():
        if document.base is None:
            unplaced += 1
            continue
        files += 1
        where = _where(document.source, document.relative)
        try:
            content = content_hash(document.base.rstrip(b"/") + b"/" + document.relative)
        except (FileNotFoundError, NotADirectoryError):
            findings.add(Kind.FILE_GONE, 1, where)
        except OSError:
            findings.add(Kind.FILE_UNREADABLE, 1, where)
        else:
            if content != document.content_hash:
                findings.add(Kind.FILE_CHANGED, 1, where, mended=mender is not None)
                if mender is not None:
                    mender.read_again(document.id)
    return files, unplaced


def _where(source: str, relative: bytes) -> Where:
    return Where(shown_path(os.fsencode(source)), shown_path(relative))
