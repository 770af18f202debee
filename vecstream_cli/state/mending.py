"""The manifest as the verbs that look after a collection change it, outside of any run."""

from collections.abc import Iterable, Sequence

from vecstream_cli.core.ids import DocumentId, RowId
from vecstream_cli.state.database import explained, transaction
from vecstream_cli.state.entries import DocumentPath
from vecstream_cli.state.manifest import Manifest
from vecstream_cli.state.view import encoded, with_row_id


class MendableManifest(Manifest):
    """A manifest with what only `check`, `prune` and `retry` do to it."""

    @property
    @explained
    def intact(self) -> bool:
        """Whether SQLite finds nothing wrong with the file."""
        return self._row("PRAGMA quick_check(1)") == ("ok",)

    @explained
    def read_again(self, documents: Sequence[DocumentId]) -> None:
        """Leave an attempt open at each, so that the next run reads them, whatever their files."""
        with transaction(self._db):
            row = self._row("SELECT next FROM attempts")
            first = row[0] if row else 0
            self._db.execute("UPDATE attempts SET next = next + ?", (len(documents),))
            self._db.executemany(
                "UPDATE documents SET pending = ? WHERE id = ?",
                [(first + i, document) for i, document in enumerate(documents)],
            )

    @explained
    def forget_row(self, document: DocumentId, row: RowId) -> None:
        """The row is not, or no longer, in the database, so that nothing is taken from it."""
        with_row_id(self._db)
        self._db.execute(
            "DELETE FROM chunks WHERE document = (SELECT number FROM documents WHERE id = ?1)"
            " AND row_id(?1, key, occurrence) = ?2",
            (document, row),
        )

    @explained
    def forget_failures(self, documents: Iterable[DocumentPath]) -> None:
        """The next run tries these documents again."""
        with transaction(self._db):
            self._db.executemany(
                "DELETE FROM failures WHERE document = (SELECT number FROM documents WHERE id = ?)",
                [(each.id,) for each in documents],
            )

    @explained
    def forget_source(self, name: str) -> None:
        """No document of this source is left, and nothing of it is to be remembered."""
        with transaction(self._db):
            self._db.execute(
                "DELETE FROM sources WHERE name = ?"
                " AND NOT EXISTS (SELECT 1 FROM documents WHERE source = number)",
                (encoded(name),),
            )
            self._sources.clear()
