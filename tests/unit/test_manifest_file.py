"""Proves that the manifest's file is private, migrated forward, and refused where it must be."""

import json
import resource
import signal
import sqlite3
import stat
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from manifests import RECORD, SOURCE, STAMP, pending, store

from vecstream_cli.errors import ManifestError
from vecstream_cli.state.database import connect, migrate
from vecstream_cli.state.manifest import Manifest
from vecstream_cli.state.schema import MIGRATIONS


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "documents.sqlite3"


@pytest.fixture
def manifest(path: Path) -> Iterator[Manifest]:
    with Manifest.open(path) as manifest:
        manifest.bind(RECORD, created=True)
        manifest.start_run(scan_started_ns=99)
        yield manifest


def test_the_manifest_is_private(manifest: Manifest) -> None:
    files = list(manifest.path.parent.iterdir())
    assert len(files) == 3  # with -wal and -shm
    assert {stat.S_IMODE(each.stat().st_mode) for each in files} == {0o600}


def test_it_can_be_read_while_a_run_writes(manifest: Manifest) -> None:
    store(manifest, b"a")
    with Manifest.open(manifest.path, read_only=True) as reader:
        assert reader.counts().documents == 1
        with pytest.raises(ManifestError, match="read-only"):
            reader.bind(replace(RECORD, uuid="ee"))


def test_a_missing_manifest_is_not_made_by_a_reader(path: Path) -> None:
    with pytest.raises(ManifestError, match="no manifest"):
        Manifest.open(path, read_only=True)
    assert not path.parent.exists()


def test_a_newer_schema_is_refused(path: Path) -> None:
    Manifest.open(path).close()
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    db.close()
    with pytest.raises(ManifestError, match="newer vecstream"):
        Manifest.open(path)


def test_an_older_schema_is_migrated_and_keeps_its_rows(path: Path) -> None:
    with Manifest.open(path) as manifest:
        manifest.bind(RECORD, created=True)
        store(manifest, b"a")
    db = connect(path, create=False, read_only=False)
    migrate(db, path, [*MIGRATIONS, ["ALTER TABLE documents ADD COLUMN colour TEXT"]])
    assert db.execute("SELECT path, colour FROM documents").fetchall() == [(b"a", None)]
    assert db.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS) + 1,)
    db.close()


def test_a_manifest_of_the_first_version_knows_its_documents_but_no_state(path: Path) -> None:
    path.parent.mkdir()
    db = connect(path, create=True, read_only=False)
    migrate(db, path, MIGRATIONS[:1])
    db.execute(
        "INSERT INTO collection (only, uuid, record, whole) VALUES (1, ?, ?, 1)",
        (RECORD.uuid, json.dumps(asdict(RECORD))),
    )
    db.execute("INSERT INTO sources (number, name) VALUES (1, ?)", (SOURCE.encode(),))
    row = (b"i" * 16, b"a.md", 7, *STAMP, 99, b"c" * 16, "text/1")
    db.execute(
        "INSERT INTO documents (source, id, path, attempt, size, mtime_ns, ctime_ns, inode,"
        " seen_ns, content_hash, reader) VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        row,
    )
    db.close()
    with Manifest.open(path) as manifest:
        assert (manifest.collection, manifest.state) == (RECORD, None)
        manifest.keep_state("lance 7")
        known = manifest.known(SOURCE, b"a.md")
    assert known is not None
    assert known.good is not None
    assert known.good.stamp == STAMP
    with Manifest.open(path) as manifest:
        assert manifest.state == "lance 7"
        manifest.bind(replace(RECORD, uuid="another"))
        assert manifest.state is None


def test_a_failed_migration_changes_nothing(path: Path) -> None:
    Manifest.open(path).close()
    db = connect(path, create=False, read_only=False)
    with pytest.raises(sqlite3.OperationalError):
        migrate(db, path, [*MIGRATIONS, ["CREATE TABLE extra (a)", "NOT SQL"]])
    assert db.execute("SELECT 1 FROM sqlite_master WHERE name = 'extra'").fetchone() is None
    assert db.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
    db.close()


def test_the_database_of_another_program_is_refused(path: Path) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE theirs (a)")
    db.close()
    with pytest.raises(ManifestError, match="another program"):
        Manifest.open(path)


@pytest.mark.parametrize(
    "content", [b"not a database " * 300, b"SQLite format 3\0" + b"\xff" * 8192]
)
def test_a_damaged_manifest_is_named_in_one_sentence(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(ManifestError, match="damaged") as caught:
        Manifest.open(path)
    assert str(path) in caught.value.message
    assert "\n" not in caught.value.message


def test_a_manifest_that_cannot_grow_says_so_and_keeps_what_it_had(manifest: Manifest) -> None:
    store(manifest, b"a")
    manifest._db.execute("PRAGMA max_page_count = 1")  # as on a full disk: SQLITE_FULL
    with pytest.raises(ManifestError, match="disk is full"):
        manifest.reserve_attempts([pending(b"%06d" % n * 20) for n in range(2000)])
    assert manifest.counts().known == 1


def test_a_full_disk_is_one_sentence_and_the_next_run_goes_on(
    path: Path,
) -> None:
    with Manifest.open(path) as manifest:
        manifest.bind(RECORD, created=True)
        store(manifest, b"a")
    # A limit on the size of files stops SQLite's writes as a full disk does: with an errno.
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    with Manifest.open(path) as manifest:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limit[1]))
        try:
            with pytest.raises(ManifestError) as caught:
                manifest.reserve_attempts([pending(b"%0400d" % n) for n in range(1000)])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limit)
            signal.signal(signal.SIGXFSZ, handler)
        assert "\n" not in caught.value.message
        store(manifest, b"b")
        assert manifest.counts().known == 2
