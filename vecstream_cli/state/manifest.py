"""The manifest: what vecstream remembers of every document, within a run and between runs.

Used by the supervisor alone. It is a cache of one collection, named by the collection's UUID,
and void for any other. Memory stays flat: a bit for each document seen in this run, and a few
words for each document under way.
"""

import json
import sqlite3
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import NamedTuple

from vecstream_cli.core.ids import DocumentId
from vecstream_cli.core.plan import Stamp
from vecstream_cli.core.record import CollectionRecord
from vecstream_cli.errors import InternalError
from vecstream_cli.state.database import explained, transaction
from vecstream_cli.state.entries import (
    AcknowledgedRow,
    Attempt,
    CommittedDocument,
    PendingDocument,
)
from vecstream_cli.state.schema import KEY_INDEX, MAKE_KEY_INDEX
from vecstream_cli.state.view import ManifestView, columns, encoded, now

_KEPT_RUNS = 100


class Manifest(ManifestView):
    """A manifest to write to. Every write is one durable transaction.

    Errors are ManifestErrors; an InternalError means that the caller's calls make no sense.
    """

    def __init__(self, path: Path, db: sqlite3.Connection) -> None:
        super().__init__(path, db)
        self._under_way: dict[DocumentId, _UnderWay] = {}
        self._seen_ns = 0

    # The collection and its runs

    @explained
    def bind(self, record: CollectionRecord, *, created: bool = False) -> bool:
        """Make this the manifest of `record`'s collection; True where that voided its content.

        `created`: the collection is about to be made, so it has no rows that this manifest will
        not know of. Call it before the collection is made: a crash between the two then costs
        nothing. Only for such a collection are first attempts `fresh`.

        A collection that another run wrote last than this manifest knows of was restored from a
        copy, or this manifest was: that voids it too.
        """
        same = self.knows(record)
        voided = not same and self._row("SELECT 1 FROM documents LIMIT 1") is not None
        text = as_text(record)
        with transaction(self._db):
            if same:
                self._db.execute("UPDATE collection SET record = ?, writing = NULL", (text,))
            else:
                self._void()
                self._db.execute(
                    "INSERT OR REPLACE INTO collection (only, uuid, record, whole)"
                    " VALUES (1, ?, ?, ?)",
                    (record.uuid, text, created),
                )
                # Rows of attempts that this file never heard of may exist: start above them.
                # Microseconds since 1970 outrun any counter that began there earlier.
                self._db.execute(
                    "INSERT INTO attempts VALUES (1, ?1)"
                    " ON CONFLICT (only) DO UPDATE SET next = max(next, ?1)",
                    (time.time_ns() // 1000,),
                )
        return voided

    @explained
    def start_run(self, *, scan_started_ns: int) -> int:
        """Record that a run begins; nothing has been seen yet. Returns its number.

        `scan_started_ns` is the wall clock before the scan's first look at a file.
        """
        self._seen_ns = scan_started_ns
        self._seen.clear()
        with transaction(self._db):
            run = self._insert("INSERT INTO runs (started_at) VALUES (?)", (now(),))
            self._db.execute("DELETE FROM runs WHERE number <= ?", (run - _KEPT_RUNS,))
        return run

    @explained
    def may_write(self, run: str) -> None:
        """From now on the collection's `last_run` may be `run`."""
        self._db.execute("UPDATE collection SET writing = ?", (run,))

    @explained
    def has_written(self, run: str) -> None:
        """The collection's `last_run` is `run`: an older one would be that of a restored copy."""
        record = self.collection
        assert record is not None
        if record.last_run != run:
            text = as_text(replace(record, last_run=run))
            self._db.execute("UPDATE collection SET record = ?, writing = NULL", (text,))

    @explained
    def keep_state(self, state: str | None) -> None:
        """What the database tells of the collection's state, which this manifest describes."""
        self._db.execute("UPDATE collection SET state = ?", (state,))

    @explained
    def finish_run(self, run: int, summary: Mapping[str, object], exit_code: int) -> None:
        """Record how a run ended."""
        self._db.execute(
            "UPDATE runs SET finished_at = ?, exit_code = ?, summary = ? WHERE number = ?",
            (now(), int(exit_code), json.dumps(dict(summary)), run),
        )

    # The scan

    @explained
    def listed(self, source: str, base: bytes | None, *, complete: bool) -> None:
        """Record where a source lies, and that it was listed completely just now."""
        with transaction(self._db):
            number = self._ensure_source(source)
            self._db.execute("UPDATE sources SET base = ? WHERE number = ?", (base, number))
            if complete:
                self._db.execute(
                    "UPDATE sources SET listed_at = ? WHERE number = ?", (now(), number)
                )

    # Documents under way

    @explained
    def reserve_attempts(self, documents: Sequence[PendingDocument]) -> list[Attempt]:
        """An attempt for each document, in order, recorded before this returns.

        They count as seen. A number is never given twice.
        """
        with transaction(self._db):
            row = self._row("SELECT next, whole FROM attempts, collection")
            if row is None:
                raise InternalError("An attempt was drawn before the manifest was bound.")
            self._db.execute("UPDATE attempts SET next = next + ?", (len(documents),))
            first, whole = row
            inserted = [
                self._reserve(each, attempt) for attempt, each in enumerate(documents, start=first)
            ]
        return [Attempt(first + i, fresh=bool(whole) and new) for i, new in enumerate(inserted)]

    @explained
    def acknowledge(self, rows: Iterable[AcknowledgedRow]) -> None:
        """The database holds these rows; the same row may be acknowledged again."""
        with transaction(self._db):
            self._db.executemany(
                "INSERT OR IGNORE INTO chunks (document, attempt, key, occurrence)"
                " VALUES (?, ?, ?, ?)",
                (
                    (self._open(document).number, attempt, key, occurrence)
                    for document, attempt, key, occurrence in rows
                ),
            )

    @explained
    def index_keys(self) -> None:
        """Make `donors` fast; what is acknowledged from now on costs more."""
        self._db.execute(MAKE_KEY_INDEX)

    @explained
    def commit(self, documents: Sequence[CommittedDocument]) -> None:
        """The documents stand in the database at these attempts, and no older rows of them."""
        with transaction(self._db):
            for each in documents:
                number = self._open(each.id).number
                done = self._db.execute(
                    "UPDATE documents SET pending = NULL, attempt = ?, size = ?, mtime_ns = ?,"
                    " ctime_ns = ?, inode = ?, seen_ns = ?, content_hash = ?, reader = ?,"
                    " chunks = ?, tokens = ?, warnings = ? WHERE number = ? AND pending = ?",
                    (
                        each.attempt,
                        *columns(each.stamp),
                        self._seen_ns,
                        each.content_hash,
                        each.reader,
                        each.chunks,
                        each.tokens,
                        json.dumps(list(each.warnings)) if each.warnings else None,
                        number,
                        each.attempt,
                    ),
                )
                if done.rowcount != 1:
                    raise InternalError(f"Attempt {each.attempt} was committed without being open.")
                self._db.execute(
                    "DELETE FROM chunks WHERE document = ? AND attempt <> ?", (number, each.attempt)
                )
                self._db.execute("DELETE FROM failures WHERE document = ?", (number,))
        self._forget(each.id for each in documents)

    @explained
    def refresh(self, stamps: Sequence[tuple[DocumentId, Stamp]]) -> None:
        """These documents have the content that is stored; only their stamps are new."""
        with transaction(self._db):
            for document, stamp in stamps:
                under_way = self._open(document)
                self._db.execute(
                    "UPDATE documents SET pending = ?, size = ?, mtime_ns = ?, ctime_ns = ?,"
                    " inode = ?, seen_ns = ? WHERE number = ?",
                    (under_way.before, *columns(stamp), self._seen_ns, under_way.number),
                )
                self._db.execute("DELETE FROM failures WHERE document = ?", (under_way.number,))
        self._forget(document for document, _ in stamps)

    @explained
    def fail(
        self,
        document: DocumentId,
        *,
        reason: str,
        message: str,
        stamp: Stamp,
        reader: str | None,
        torn: bool = False,
    ) -> None:
        """The document cannot be indexed; its last good version stays.

        Call it when the rows of the failed attempt are gone from the database. `torn`: it may
        have replaced rows of the good version that have the same text, their places included, so
        that content equal to that version's must be read again.
        """
        number = self._open(document).number
        facts = (reason, message, *columns(stamp), reader)
        with transaction(self._db):
            before = self._row(
                "SELECT count FROM failures WHERE document = ? AND size = ? AND mtime_ns = ?"
                " AND ctime_ns = ? AND inode = ?",
                number,
                *columns(stamp),
            )
            count = 1 if before is None else before[0] + 1
            self._db.execute(
                "INSERT OR REPLACE INTO failures VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (number, *facts, count, now()),
            )
            self._db.execute(
                "UPDATE documents SET pending = NULL,"
                " content_hash = CASE WHEN ? THEN x'' ELSE content_hash END WHERE number = ?",
                (torn, number),
            )
            self._db.execute(
                "DELETE FROM chunks WHERE document = ?1 AND attempt IS NOT"
                " (SELECT attempt FROM documents WHERE number = ?1)",
                (number,),
            )
        self._forget([document])

    @explained
    def abandon(self, documents: Collection[DocumentId]) -> None:
        """The attempts at these documents end without a row of them having been written."""
        with transaction(self._db):
            for document in documents:
                under_way = self._open(document)
                if under_way.inserted:
                    self._delete(under_way.number)
                else:
                    self._db.execute(
                        "UPDATE documents SET pending = ? WHERE number = ?",
                        (under_way.before, under_way.number),
                    )
        self._forget(documents)

    @explained
    def remove(self, documents: Iterable[DocumentId]) -> None:
        """Forget these documents; their rows are gone from the database."""
        with transaction(self._db):
            for document in documents:
                row = self._row("SELECT number FROM documents WHERE id = ?", document)
                if row is not None:
                    self._delete(row[0])
                self._under_way.pop(document, None)

    def _reserve(self, document: PendingDocument, attempt: int) -> bool:
        row = self._row("SELECT number, pending FROM documents WHERE id = ?", document.id)
        if row is None:
            source = self._ensure_source(document.source)
            number = self._insert(
                "INSERT INTO documents (id, source, path, pending) VALUES (?, ?, ?, ?)",
                (document.id, source, document.relative, attempt),
            )
            self._under_way[document.id] = _UnderWay(number, before=None, inserted=True)
        else:
            number, before = row
            self._db.execute("UPDATE documents SET pending = ? WHERE number = ?", (attempt, number))
            self._under_way[document.id] = _UnderWay(number, before, inserted=False)
        self._seen.add(number)
        return row is None

    def _open(self, document: DocumentId) -> "_UnderWay":
        under_way = self._under_way.get(document)
        if under_way is None:
            raise InternalError(f"No attempt at document {document.hex()} is under way.")
        return under_way

    def _forget(self, documents: Iterable[DocumentId]) -> None:
        for document in documents:
            self._under_way.pop(document, None)

    def _delete(self, number: int) -> None:
        self._db.execute("DELETE FROM chunks WHERE document = ?", (number,))
        self._db.execute("DELETE FROM failures WHERE document = ?", (number,))
        self._db.execute("DELETE FROM documents WHERE number = ?", (number,))

    def _ensure_source(self, name: str) -> int:
        number = self._source(name)
        if number is None:
            self._db.execute("INSERT INTO sources (name) VALUES (?)", (encoded(name),))
            number = self._source(name)
            assert number is not None
        return number

    def _void(self) -> None:
        self._db.execute(f"DROP INDEX IF EXISTS {KEY_INDEX}")
        for table in ("chunks", "failures", "documents", "sources", "runs"):
            self._db.execute(f"DELETE FROM {table}")
        self._sources.clear()
        self._under_way.clear()
        self._seen.clear()

    def _insert(self, statement: str, values: tuple[object, ...]) -> int:
        number = self._db.execute(statement, values).lastrowid
        assert number is not None
        return number


class _UnderWay(NamedTuple):
    """A document being worked on: `before` is an older attempt that never ended."""

    number: int
    before: int | None
    inserted: bool


def as_text(record: CollectionRecord) -> str:
    """A collection's record as the manifest keeps it."""
    return json.dumps(asdict(record) | {"facts": dict(record.facts)})
