"""The manifest for those who only read it: what can be asked of it without changing it."""

import json
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from vecstream_cli.core.ids import ChunkKey, DocumentId, RowId, row_id
from vecstream_cli.core.plan import KnownDocument, KnownFailure, KnownVersion, Stamp
from vecstream_cli.core.record import CollectionRecord
from vecstream_cli.errors import ManifestError
from vecstream_cli.state.database import (
    check_version,
    connect,
    explained,
    migrate,
    stillness,
)
from vecstream_cli.state.entries import (
    Counts,
    DocumentPath,
    Donor,
    FailedDocument,
    RunRecord,
    SourceRecord,
)
from vecstream_cli.state.schema import MIGRATIONS
from vecstream_cli.state.seen import Seen

MOST_PATHS = 512  # in one look-up; SQLite takes 32,766
_PAGE = 1000
_tuple = tuple.__new__
_INT64 = 1 << 63

KNOWN = """
    SELECT d.number, d.path, d.id, d.pending,
           d.attempt, d.size, d.mtime_ns, d.ctime_ns, d.inode, d.seen_ns, d.content_hash, d.reader,
           f.reason, f.size, f.mtime_ns, f.ctime_ns, f.inode, f.reader, f.count
    FROM documents d LEFT JOIN failures f ON f.document = d.number
    WHERE d.source = ? AND d.path """


class ManifestView:
    """An open manifest; errors are ManifestErrors."""

    def __init__(self, path: Path, db: sqlite3.Connection) -> None:
        self._path = path
        self._db = db
        self._sources: dict[str, int] = {}
        self._seen = Seen()
        self._still: tuple[int, ...] | None = None

    @classmethod
    def open(cls, path: Path, *, create: bool = True, read_only: bool = False) -> Self:
        """The manifest at `path`, migrated to this version; made where it is missing.

        Raises ManifestError, also where a newer vecstream wrote it.
        """
        if not path.exists() and (read_only or not create):
            raise ManifestError(
                f"There is no manifest at {path}.", hint="The next `vecstream index` makes one."
            )
        still = stillness(path) if read_only else None
        manifest = cls(path, connect(path, create=create, read_only=read_only))
        manifest._still = still
        try:
            manifest._prepare(read_only=read_only)
        except BaseException:
            manifest.close()
            raise
        return manifest

    def close(self) -> None:
        """Close the file; twice does no harm."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    @property
    def disturbed(self) -> bool:
        """Somebody has begun to write since it was opened to be read as it lay there."""
        return self._still is not None and self._still != stillness(self._path)

    @property
    def collection(self) -> CollectionRecord | None:
        """The collection this manifest is about; None before the first `bind`."""
        row = self._row("SELECT record FROM collection")
        return None if row is None else CollectionRecord(**json.loads(row[0]))

    @property
    def state(self) -> str | None:
        """What the database told of the collection's state when a run had last ended well."""
        row = self._row("SELECT state FROM collection")
        return None if row is None else row[0]

    def knows(self, record: CollectionRecord) -> bool:
        """Whether this is about the collection that says `record` of itself, as it stands."""
        current = self.collection
        if current is None or current.uuid != record.uuid:
            return False
        (writing,) = self._row("SELECT writing FROM collection") or (None,)
        return record.last_run == current.last_run or (
            writing is not None and record.last_run == writing
        )

    def last_run(self) -> RunRecord | None:
        """The newest run, finished or not."""
        row = self._row(
            "SELECT number, started_at, finished_at, exit_code, summary FROM runs"
            " ORDER BY number DESC LIMIT 1"
        )
        if row is None:
            return None
        number, started_at, finished_at, exit_code, summary = row
        return RunRecord(number, started_at, finished_at, exit_code, json.loads(summary or "{}"))

    def runs(self, most: int = 20) -> list[Mapping[str, object]]:
        """The summaries of the newest runs that have ended."""
        rows = self._rows(
            "SELECT summary FROM runs WHERE summary IS NOT NULL ORDER BY number DESC LIMIT ?", most
        )
        return [json.loads(summary) for (summary,) in rows]

    def read(self) -> list[tuple[str, int, int]]:
        """Each reader's version with the bytes it has read, and the tokens that they held."""
        return self._rows(
            "SELECT reader, sum(size), sum(tokens) FROM documents WHERE attempt IS NOT NULL"
            " GROUP BY reader"
        )

    def counts(self, source: str | None = None) -> Counts:
        """How much there is, in all or of one source."""
        row = self._row(
            "SELECT count(d.attempt), ifnull(sum(d.chunks), 0), ifnull(sum(d.tokens), 0),"
            " count(f.document), count(d.pending), count(*)"
            " FROM documents d LEFT JOIN failures f ON f.document = d.number"
            " WHERE ?1 IS NULL OR d.source = (SELECT number FROM sources WHERE name = ?1)",
            None if source is None else encoded(source),
        )
        assert row is not None
        return Counts(*row)

    def sources(self) -> list[SourceRecord]:
        """Every source, by name."""
        rows = self._rows("SELECT name, base, listed_at FROM sources ORDER BY name")
        return [SourceRecord(decoded(name), base, listed_at) for name, base, listed_at in rows]

    def failures(self) -> Iterator[FailedDocument]:
        """The documents whose newest state could not be indexed."""
        after = 0
        while page := self._rows(
            "SELECT f.document, d.id, s.name, d.path, f.reason, f.message, f.count, f.failed_at,"
            " d.attempt IS NOT NULL FROM failures f JOIN documents d ON d.number = f.document"
            " JOIN sources s ON s.number = d.source WHERE f.document > ?"
            " ORDER BY f.document LIMIT ?",
            after,
            _PAGE,
        ):
            for _, document, source, path, reason, message, count, failed_at, kept in page:
                yield FailedDocument(
                    id=DocumentId(document),
                    source=decoded(source),
                    relative=path,
                    reason=reason,
                    message=message,
                    count=count,
                    failed_at=failed_at,
                    kept=bool(kept),
                )
            after = page[-1][0]

    def documents_under(
        self, source: str | None = None, prefix: bytes = b""
    ) -> Iterator[DocumentPath]:
        """The documents at or below `prefix` of one source, or of all, by path.

        They may be removed while this is consumed.
        """
        names = [source] if source is not None else [each.name for each in self.sources()]
        for name in names:
            for _, document in self._walk(name, prefix):
                yield document

    def known(self, source: str, relative: bytes) -> KnownDocument | None:
        """What is remembered of a document."""
        number = self._source(source)
        row = None if number is None else self._row(KNOWN + "= ?", number, relative)
        return None if row is None else known_document(row)

    @explained
    def look_up(self, source: str, paths: Sequence[bytes]) -> dict[bytes, KnownDocument]:
        """What is remembered of files that the scan found, by path; they count as seen."""
        number = self._source(source)
        if number is None:
            return {}
        found, see = {}, self._seen.add
        for start in range(0, len(paths), MOST_PATHS):
            page = paths[start : start + MOST_PATHS]
            query = f"{KNOWN} IN ({','.join('?' * len(page))})"
            for row in self._db.execute(query, (number, *page)):
                see(row[0])
                found[row[1]] = known_document(row)
        return found

    def any_unseen(self, source: str) -> bool:
        """Whether `unseen` finds one where nothing is protected; cheaper than to list them."""
        # The index alone answers this.
        query = "SELECT number FROM documents WHERE source = ?"
        rows = self._db.execute(query, (self._source(source),))
        return any(number not in self._seen for (number,) in rows)

    def unseen(self, source: str, protected: Collection[bytes] = ()) -> Iterator[DocumentPath]:
        """The source's documents that the scan of this run did not find, by path.

        Nothing at or below a `protected` path counts as gone: it could not be listed. The
        documents may be removed while this is consumed.
        """
        sheltered = frozenset(protected)
        for number, document in self._walk(source, b""):
            if number not in self._seen and not _at_or_below(document.relative, sheltered):
                yield document

    def chunk_ids(self, document: DocumentId, attempt: int) -> list[RowId]:
        """The ids of a document's rows that were acknowledged for this attempt."""
        rows = self._rows(
            "SELECT key, occurrence FROM chunks WHERE attempt = ?"
            " AND document = (SELECT number FROM documents WHERE id = ?)",
            attempt,
            document,
        )
        return [row_id(document, key, occurrence) for key, occurrence in rows]

    def has_rows(self) -> bool:
        """Whether any row of the database is known."""
        return self._row("SELECT 1 FROM chunks LIMIT 1") is not None

    def donors(self, keys: Collection[ChunkKey]) -> dict[ChunkKey, Donor]:
        """For each of these texts that a row in the database has, one such row.

        Slow before `Manifest.index_keys`.
        """
        # One row a key, however many documents have it.
        asked = ",".join(["(?)"] * len(keys))
        rows = self._rows(
            f"WITH asked (key) AS (VALUES {asked}) SELECT asked.key, d.id, c.occurrence FROM asked"
            " JOIN chunks c ON c.key = asked.key AND (c.document, c.attempt, c.occurrence) ="
            " (SELECT document, attempt, occurrence FROM chunks WHERE key = asked.key LIMIT 1)"
            " JOIN documents d ON d.number = c.document",
            *keys,
        )
        return {key: Donor(row_id(d, key, occurrence), d) for key, d, occurrence in rows}

    def _walk(self, source: str, prefix: bytes) -> Iterator[tuple[int, DocumentPath]]:
        """The source's documents at or below `prefix`, each with its number, in pages."""
        number = self._source(source)
        if number is None:
            return
        query = "SELECT number, id, path FROM documents WHERE source = ? AND path "
        # "/" + 1 is "0": every path below a folder lies between the two. A name has at most 255
        # bytes, so no path comes after 256 of the greatest byte.
        below, end = (prefix + b"/", prefix + b"0") if prefix else (b"", b"\xff" * 256)
        page = self._rows(query + "= ?", number, prefix)
        while True:
            for row, document, path in page:
                yield row, DocumentPath(DocumentId(document), source, path)
            if page:
                below = max(below, page[-1][2])
            page = self._rows(
                query + "> ? AND path < ? ORDER BY path LIMIT ?", number, below, end, _PAGE
            )
            if not page:
                return

    def _source(self, name: str) -> int | None:
        number = self._sources.get(name)
        if number is None:
            row = self._row("SELECT number FROM sources WHERE name = ?", encoded(name))
            if row is not None:
                number = self._sources[name] = row[0]
        return number

    @explained
    def _row(self, query: str, *values: object) -> tuple[Any, ...] | None:
        row: tuple[Any, ...] | None = self._db.execute(query, values).fetchone()
        return row

    @explained
    def _rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        return self._db.execute(query, values).fetchall()

    @explained
    def _prepare(self, *, read_only: bool) -> None:
        if not read_only:
            migrate(self._db, self._path, MIGRATIONS)
        elif check_version(self._db, self._path, newest=len(MIGRATIONS)) < len(MIGRATIONS):
            raise ManifestError(
                f"An older vecstream wrote {self._path}.", hint="Run `vecstream index` once."
            )


def now() -> str:
    """The time for a person and for a record: ISO 8601 in UTC, whole seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def columns(stamp: Stamp) -> tuple[int, int, int, int]:
    """A stamp for SQLite, whose integers are signed and of 64 bits.

    Inodes are unsigned, and some file systems use all the bits; times past 2262 are cut, so
    that a file with such a time is verified in every run.
    """
    inode = stamp.inode - 2 * _INT64 if stamp.inode >= _INT64 else stamp.inode
    return stamp.size, _clamped(stamp.mtime_ns), _clamped(stamp.ctime_ns), inode


def _clamped(time_ns: int) -> int:
    return max(-_INT64, min(time_ns, _INT64 - 1))


def _stamp(size: int, mtime_ns: int, ctime_ns: int, inode: int) -> Stamp:
    inode = inode if inode >= 0 else inode + 2 * _INT64
    return _tuple(Stamp, (size, mtime_ns, ctime_ns, inode))


def known_document(row: tuple[Any, ...]) -> KnownDocument:
    """What a row of the query `KNOWN` says, behind its number and its path."""
    # Once for every file: unpacked at a stroke, and tuples made without their Python constructors.
    (_, _, document, pending, attempt, size, mtime_ns, ctime_ns, inode, seen_ns, content, reader,
     reason, failed_size, failed_mtime_ns, failed_ctime_ns, failed_inode, failed_reader, count
    ) = row  # fmt: skip
    good = failure = None
    if attempt is not None:
        stamp = _stamp(size, mtime_ns, ctime_ns, inode)
        good = _tuple(KnownVersion, (attempt, stamp, seen_ns, content, reader))
    if reason is not None:
        stamp = _stamp(failed_size, failed_mtime_ns, failed_ctime_ns, failed_inode)
        failure = KnownFailure(reason, stamp, failed_reader, count)
    return _tuple(KnownDocument, (document, good, failure, pending is not None))


def encoded(source: str) -> bytes:
    """A source's name as bytes: a folder's name need not be UTF-8."""
    return source.encode("utf-8", "surrogateescape")


def decoded(source: bytes) -> str:
    """The name again."""
    return source.decode("utf-8", "surrogateescape")


def with_row_id(db: sqlite3.Connection) -> None:
    """Let queries of this connection ask for row_id(document, key, occurrence)."""
    db.create_function("row_id", 3, _row_id, deterministic=True)


def _row_id(document: bytes, key: bytes | None, occurrence: int | None) -> bytes | None:
    if key is None or occurrence is None:
        return None
    return row_id(DocumentId(document), ChunkKey(key), occurrence)


def _at_or_below(path: bytes, folders: frozenset[bytes]) -> bool:
    if not folders:
        return False
    if path in folders or b"" in folders:
        return True
    end = len(path)
    while (end := path.rfind(b"/", 0, end)) > 0:
        if path[:end] in folders:
            return True
    return False
