"""What the manifests of a database tell of its collections, read without the database."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vecstream_cli.core.record import CollectionRecord
from vecstream_cli.settings import BUILD
from vecstream_cli.state.entries import Counts, FailedDocument, RunRecord, SourceRecord
from vecstream_cli.state.view import ManifestView


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionOverview:
    """A collection as its manifest remembers it.

    `disk_bytes` is what an embedded database and the manifest hold on disk; for a server's
    database it is None. `rebuilt` is what a rebuild that is not finished has so far.
    """

    name: str
    database: str
    record: CollectionRecord
    counts: Counts
    sources: tuple[SourceRecord, ...]
    failures: tuple[FailedDocument, ...]
    last_run: RunRecord | None
    disk_bytes: int | None
    rebuilt: Counts | None = None


def overviews(
    folder: Path, *, database: str, local_folder: Path | None
) -> Iterator[CollectionOverview]:
    """Each collection that has a manifest in `folder`, by name.

    `database` is what to call the database, `local_folder` where it is if it is an embedded one.
    Raises ManifestError where a manifest cannot be read.
    """
    for path in sorted(folder.glob("*.sqlite3")):
        if path.stem.endswith(BUILD):
            continue
        with ManifestView.open(path, read_only=True) as manifest:
            record = manifest.collection
            if record is None:  # the run that made the file ended before it made the collection
                continue
            yield CollectionOverview(
                name=path.stem,
                database=database,
                record=record,
                counts=manifest.counts(),
                sources=tuple(manifest.sources()),
                failures=tuple(manifest.failures()),
                last_run=manifest.last_run(),
                disk_bytes=None if local_folder is None else on_disk(local_folder, path),
                rebuilt=_rebuilt(path.with_name(f"{path.stem}{BUILD}{path.suffix}")),
            )


def _rebuilt(path: Path) -> Counts | None:
    if not path.exists():
        return None
    with ManifestView.open(path, read_only=True) as manifest:
        return None if manifest.collection is None else manifest.counts()


def on_disk(database: Path, manifest: Path) -> int:
    """The size of what is named like the collection in the database's folder, and of ours."""
    tables = [path for path in _entries(database) if manifest.stem in (path.name, path.stem)]
    beside = _entries(manifest.parent)
    ours = [path for path in beside if path.name.startswith(manifest.name)]
    return sum(_size(path) for path in (*tables, *ours))


def _size(path: Path) -> int:
    """Bytes of a file or of all files below a folder; what vanishes meanwhile counts nothing."""
    try:
        if path.is_symlink() or not path.is_dir():
            return path.lstat().st_size
    except OSError:
        return 0
    return sum(_size(entry) for entry in _entries(path))


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []
