"""A manifest made anew from the collection's rows, where it was lost or describes another state."""

import os
import sqlite3
import time
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import NamedTuple

from vecstream_cli.core.ids import DIGEST_BYTES, ChunkKey, DocumentId, RowId
from vecstream_cli.core.record import CollectionRecord
from vecstream_cli.core.stored import OCCURRENCES_COUNTED, DocumentRows, is_last, named, occurrence
from vecstream_cli.killpoints import kill_point
from vecstream_cli.state.database import connect, explain, migrate
from vecstream_cli.state.manifest import as_text
from vecstream_cli.state.schema import MIGRATIONS
from vecstream_cli.state.view import encoded

_PAGE = 1000
_NOTHING_KNOWN = (-1, 0, 0, 0)  # a stamp that no file has


class StoredRow(NamedTuple):
    """What is read of a row; the columns have these names."""

    id: str
    document_id: str
    source: str
    path: str
    ordinal: int
    chunk_key: str
    content_hash: str
    attempt: int
    position: str | None


@dataclass(frozen=True, slots=True)
class Restored:
    """What was found: `unfinished` documents may lack rows, `unknown` rows are none of ours."""

    documents: int
    rows: int
    unfinished: int
    unknown: int

    @property
    def told(self) -> str:
        """The same in a sentence or two."""
        more = f", {self.unfinished:,} of them to be read again" if self.unfinished else ""
        text = (
            "The manifest was missing or described another state: it was made anew from the "
            f"{self.rows:,} rows of {self.documents:,} documents{more}."
        )
        if self.unknown:
            text += f" {self.unknown:,} rows belong to none; `vecstream check` lists them."
        return text


def restore(
    path: Path, rows: Iterable[StoredRow], record: CollectionRecord, *, reader: str
) -> Restored:
    """Make the manifest at `path` from all rows of the collection, in place of any that is there.

    Nobody has it open. Of every document it then knows source, path, attempt, content hash and
    chunk keys, but neither a stamp nor which reader read it: `reader` stands for all of today's.
    So the next run compares content, and reads only what differs. A document whose rows may not
    be all there is left as under way, which makes the next run read it again. Memory stays flat,
    and until the end nothing is replaced. Raises ManifestError.
    """
    new = path.with_name(f"{path.name}-new")
    try:
        _remove(new)
        db = connect(new, create=True, read_only=False)
        try:
            db.execute("PRAGMA journal_mode = OFF")
            db.execute("PRAGMA synchronous = OFF")
            migrate(db, new, MIGRATIONS)
            restored = _fill(db, rows, record, reader)
            db.execute("PRAGMA synchronous = FULL")
            db.execute("PRAGMA journal_mode = WAL")
        finally:
            db.close()
        _put_in_place(new, path)
    except (OSError, sqlite3.Error) as error:
        raise explain(error, new) from error
    return restored


def _fill(
    db: sqlite3.Connection, rows: Iterable[StoredRow], record: CollectionRecord, reader: str
) -> Restored:
    db.execute("BEGIN")
    indexes = _without_indexes(db)
    tally = _Tally(db, record.last_run or record.created_at)
    for row in rows:
        tally.add(row)
    tally.settle()
    for index in indexes:
        db.execute(index)
    finished, unfinished, newest = _judge(db, reader)
    db.execute(
        "INSERT INTO collection (only, uuid, record, whole) VALUES (1, ?, ?, ?)",
        (record.uuid, as_text(record), tally.unknown == 0),
    )
    # Above every attempt that any manifest ever drew: see `Manifest.bind`.
    attempt = max(newest + 1, time.time_ns() // 1000)
    db.execute("INSERT INTO attempts VALUES (1, ?)", (attempt,))
    db.execute("DROP TABLE temp.tally")
    db.execute("COMMIT")
    return Restored(finished + unfinished, tally.rows, unfinished, tally.unknown)


class _Tally:
    """Writes documents and chunks as their rows come, mostly a document's together."""

    def __init__(self, db: sqlite3.Connection, listed_at: str) -> None:
        self.rows = self.unknown = 0
        self._db = db
        # When a folder was last listed is not known. That it was listed at all is the safe guess:
        # without it, `index` of a folder inside would store its documents a second time.
        self._listed_at = listed_at
        self._document = ""
        self._number: int | None = None
        self._id = DocumentId(b"")
        self._counted: dict[ChunkKey, int] = {}
        self._chunks: list[tuple[int, int, bytes, int]] = []
        self._found: DocumentRows | None = None
        names = [field.name for field in fields(DocumentRows)]
        db.execute(
            f"CREATE TEMP TABLE tally (number INTEGER PRIMARY KEY, {', '.join(names)}, content)"
        )

    def add(self, row: StoredRow) -> None:
        """Take a row in."""
        if row.document_id != self._document:
            self.settle()
            self._begin(row)
        key, name = digest(row.chunk_key), digest(row.id)
        content = digest(row.content_hash)
        if self._number is None or key is None or name is None or content is None:
            self.unknown += 1
            return
        chunk = ChunkKey(key)
        guess = self._counted.get(chunk, 0)
        place = occurrence(RowId(name), self._id, chunk, row.ordinal, guess)
        if place is None:
            self.unknown += 1
            return
        if len(self._counted) < OCCURRENCES_COUNTED:
            self._counted[chunk] = guess + 1
        self.rows += 1
        self._chunks.append((self._number, row.attempt, key, place))
        self._book(row, content)
        if len(self._chunks) >= _PAGE:
            self._write_chunks()

    def _book(self, row: StoredRow, content: bytes) -> None:
        found = self._found
        if found is None:
            self._content = content
            found = self._found = DocumentRows(
                0, 0, row.ordinal, -1, row.attempt, row.attempt, same_content=True
            )
        found.rows += 1
        found.ordinals += row.ordinal
        found.highest = max(found.highest, row.ordinal)
        if is_last(row.position):
            found.last = max(found.last, row.ordinal)
        found.least_attempt = min(found.least_attempt, row.attempt)
        found.attempt = max(found.attempt, row.attempt)
        found.same_content = found.same_content and content == self._content

    def settle(self) -> None:
        """Add what was counted of the document to what was counted of it before."""
        self._write_chunks()
        if self._found is None:
            return
        self._db.execute(
            "INSERT INTO tally VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (number) DO UPDATE SET rows = rows + excluded.rows,"
            " ordinals = ordinals + excluded.ordinals, highest = max(highest, excluded.highest),"
            " last = max(last, excluded.last), attempt = max(attempt, excluded.attempt),"
            " least_attempt = min(least_attempt, excluded.least_attempt),"
            " same_content ="
            " same_content AND excluded.same_content AND content = excluded.content",
            (self._number, *astuple(self._found), self._content),
        )
        self._found = None

    def _write_chunks(self) -> None:
        self._db.executemany("INSERT OR IGNORE INTO chunks VALUES (?, ?, ?, ?)", self._chunks)
        self._chunks = []

    def _begin(self, row: StoredRow) -> None:
        self._document = row.document_id
        self._number = None
        self._counted = {}
        document = digest(row.document_id)
        if document is None:
            return
        self._id = DocumentId(document)
        known = self._db.execute("SELECT number FROM documents WHERE id = ?", (document,))
        if (found := known.fetchone()) is not None:
            (self._number,) = found
        elif (place := named(self._id, row.source, row.path)) is not None:
            source, relative = place
            self._number = self._db.execute(
                "INSERT INTO documents (id, source, path) VALUES (?, ?, ?)",
                (document, self._source(source), relative),
            ).lastrowid

    def _source(self, source: str) -> int:
        name = encoded(source)
        base = name if name.startswith(b"/") else None  # a name of its own does not say where
        self._db.execute(
            "INSERT OR IGNORE INTO sources (name, base, listed_at) VALUES (?, ?, ?)",
            (name, base, self._listed_at if base else None),
        )
        (number,) = self._db.execute(
            "SELECT number FROM sources WHERE name = ?", (name,)
        ).fetchone()
        return int(number)


def _judge(db: sqlite3.Connection, reader: str) -> tuple[int, int, int]:
    """Give every document its version; returns those that are whole, the others, the attempt."""
    whole = others = newest = after = 0
    names = ", ".join(field.name for field in fields(DocumentRows))
    query = f"SELECT number, content, {names} FROM tally WHERE number > ? ORDER BY number LIMIT ?"
    while page := db.execute(query, (after, _PAGE)).fetchall():
        for number, content, *counted in page:
            rows = DocumentRows(*counted)
            if not rows.whole:
                # All of its rows pass for its good version: if reading it fails, they stay.
                db.execute(
                    "UPDATE OR REPLACE chunks SET attempt = ?1 WHERE document = ?2"
                    " AND attempt <> ?1",
                    (rows.attempt, number),
                )
            db.execute(
                "UPDATE documents SET attempt = ?1, size = ?2, mtime_ns = ?3, ctime_ns = ?4,"
                " inode = ?5, seen_ns = 0, content_hash = ?6, reader = ?7, pending = ?8, chunks ="
                " (SELECT count(*) FROM chunks c WHERE c.document = ?9) WHERE number = ?9",
                (
                    rows.attempt,
                    *_NOTHING_KNOWN,
                    content if rows.whole else b"",
                    reader,
                    None if rows.whole else rows.attempt,
                    number,
                ),
            )
            whole += rows.whole
            others += not rows.whole
            newest = max(newest, rows.attempt)
        after = page[-1][0]
    db.execute("DELETE FROM documents WHERE attempt IS NULL")  # no row of theirs was one of ours
    return whole, others, newest


def _without_indexes(db: sqlite3.Connection) -> Iterator[str]:
    """Drop the indexes on chunks, which cost more to keep than to make; how to make them again."""
    made = db.execute(
        "SELECT name, sql FROM sqlite_master"
        " WHERE type = 'index' AND tbl_name = 'chunks' AND sql IS NOT NULL"
    ).fetchall()
    for name, _ in made:
        db.execute(f"DROP INDEX {name}")
    return iter([sql for _, sql in made])


def _put_in_place(new: Path, path: Path) -> None:
    """Durably, and so that no log of the old file is taken for one of the new."""
    with new.open("rb") as file:
        os.fsync(file.fileno())
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    kill_point("manifest.restoring")
    new.replace(path)
    kill_point("manifest.restored")
    _remove(new)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def digest(text: str) -> bytes | None:
    """The bytes of an id as it stands in a row; None where it is none of ours."""
    try:
        found = bytes.fromhex(text)
    except (ValueError, TypeError):
        return None
    return found if len(found) == DIGEST_BYTES and found.hex() == text else None
