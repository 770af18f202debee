"""The collection's rows beside the manifest's: compared on disk, so that memory stays flat."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, Self

from vecstream_cli.core.differences import Tally
from vecstream_cli.core.ids import DocumentId
from vecstream_cli.state.database import explained
from vecstream_cli.state.restoring import digest
from vecstream_cli.state.view import ManifestView, decoded, with_row_id

_BATCH = 4096


class ComparedRow(NamedTuple):
    """What is read of a row; the columns have these names."""

    id: str
    document_id: str
    source: str
    path: str
    content_hash: str
    attempt: int


class ComparedDocument(NamedTuple):
    """A document that the manifest knows, and how its rows compare."""

    id: DocumentId
    source: str
    relative: bytes
    attempt: int | None
    tally: Tally


class StoredDocument(NamedTuple):
    """A document that is whole: where its file is, as far as that is known, and its content."""

    id: DocumentId
    source: str
    base: bytes | None
    relative: bytes
    content_hash: bytes


class UnknownDocument(NamedTuple):
    """Rows of a document that the manifest does not know, by the id they name."""

    id: str
    source: str
    path: str
    rows: int


class Comparison(ManifestView):
    """A manifest with the rows of its collection beside it, in a scratch file.

    As a context: the file goes with it. Documents with an attempt under way are left out, since
    the next run reads them again.
    """

    @classmethod
    def beside(cls, manifest: Path) -> Self:
        """The manifest at this path, ready to take rows in."""
        comparison = cls.open(manifest, create=False)
        comparison._prepare_scratch()
        return comparison

    def close(self) -> None:
        super().close()
        self._scratch.unlink(missing_ok=True)

    @explained
    def take(self, rows: Iterable[ComparedRow]) -> int:
        """Take in every row of the collection, a document's mostly together; returns how many."""
        document, facts = "", None
        taken: list[tuple[object, ...]] = []
        strangers: list[tuple[str, str, str]] = []
        total = 0
        self._db.execute("BEGIN")
        for row in rows:
            if row.document_id != document:
                document, facts = row.document_id, self._facts(row.document_id)
            total += 1
            if facts is None:
                strangers.append((row.document_id, row.source, row.path))
            else:
                number, attempt, content = facts
                taken.append(
                    (
                        number,
                        digest(row.id) or row.id,
                        row.attempt != attempt,
                        digest(row.content_hash) != content,
                    )
                )
            if len(taken) + len(strangers) >= _BATCH:
                self._write(taken, strangers)
        self._write(taken, strangers)
        self._db.execute("COMMIT")
        return total

    def documents(self) -> Iterator[ComparedDocument]:
        """Every document that is not under way, with its rows compared."""
        rows = self._db.execute(
            "SELECT d.id, s.name, d.path, d.attempt, d.content_hash, ifnull(d.chunks, 0),"
            " count(c.key), count(c.key) - count(r.id),"
            " ifnull(sum(r.other_attempt), 0), ifnull(sum(r.other_content), 0),"
            " (SELECT count(*) FROM scratch.found f WHERE f.document = d.number),"
            " (SELECT ifnull(sum(copies), 0) FROM scratch.found f WHERE f.document = d.number)"
            " FROM documents d JOIN sources s ON s.number = d.source"
            " LEFT JOIN chunks c ON c.document = d.number AND c.attempt = d.attempt"
            " LEFT JOIN scratch.found r ON r.document = d.number"
            " AND r.id = row_id(d.id, c.key, c.occurrence)"
            " WHERE d.pending IS NULL GROUP BY d.number ORDER BY d.number"
        )
        for (
            document, source, path, attempt, content, counted, listed, missing,
            other_attempt, other_content, distinct, copies,
        ) in rows:  # fmt: skip
            tally = Tally(
                listed=listed,
                missing=missing,
                distinct=distinct,
                rows=copies,
                counted=counted,
                other_attempt=other_attempt,
                other_content=other_content,
                torn=content == b"",
            )
            yield ComparedDocument(DocumentId(document), decoded(source), path, attempt, tally)

    def unknown(self) -> Iterator[UnknownDocument]:
        """The documents that rows name and the manifest does not know."""
        rows = self._db.execute("SELECT document, source, path, rows FROM scratch.strangers")
        yield from map(UnknownDocument._make, rows)

    def stored(self) -> Iterator[StoredDocument]:
        """Every document that is not under way and whose content is known."""
        rows = self._db.execute(
            "SELECT d.id, s.name, s.base, d.path, d.content_hash FROM documents d"
            " JOIN sources s ON s.number = d.source"
            " WHERE d.pending IS NULL AND length(d.content_hash) > 0 ORDER BY d.number"
        )
        for document, source, base, path, content in rows:
            yield StoredDocument(DocumentId(document), decoded(source), base, path, content)

    def _facts(self, document: str) -> tuple[int, int | None, bytes | None] | None:
        key = digest(document)
        row = self._row("SELECT number, attempt, content_hash FROM documents WHERE id = ?", key)
        return None if row is None else (row[0], row[1], row[2])

    def _write(
        self, taken: list[tuple[object, ...]], strangers: list[tuple[str, str, str]]
    ) -> None:
        self._db.executemany(
            "INSERT INTO scratch.found VALUES (?, ?, 1, ?, ?)"
            " ON CONFLICT (document, id) DO UPDATE SET copies = copies + 1,"
            " other_attempt = other_attempt OR excluded.other_attempt,"
            " other_content = other_content OR excluded.other_content",
            taken,
        )
        self._db.executemany(
            "INSERT INTO scratch.strangers VALUES (?, ?, ?, 1)"
            " ON CONFLICT (document) DO UPDATE SET rows = rows + 1",
            strangers,
        )
        taken.clear()
        strangers.clear()

    @property
    def _scratch(self) -> Path:
        return self.path.with_name(f"{self.path.stem}.check")

    @explained
    def _prepare_scratch(self) -> None:
        self._scratch.unlink(missing_ok=True)
        self._scratch.touch(0o600)
        with_row_id(self._db)
        self._db.execute("ATTACH ? AS scratch", (str(self._scratch),))
        self._db.execute("PRAGMA scratch.journal_mode = OFF")
        self._db.execute("PRAGMA scratch.synchronous = OFF")
        self._db.execute("PRAGMA scratch.cache_size = -32768")  # KiB
        self._db.execute(
            "CREATE TABLE scratch.found (document INTEGER, id, copies INTEGER,"
            " other_attempt INTEGER, other_content INTEGER, PRIMARY KEY (document, id)"
            ") WITHOUT ROWID"
        )
        self._db.execute(
            "CREATE TABLE scratch.strangers"
            " (document TEXT PRIMARY KEY, source TEXT, path TEXT, rows INTEGER)"
        )
