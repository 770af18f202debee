"""The mending that `check --repair` does while it compares."""

from collections.abc import Iterable
from itertools import islice

from vecstream_cli.api.opened import PAGE, Opened
from vecstream_cli.core.differences import Kind, Mending
from vecstream_cli.core.ids import DocumentId
from vecstream_cli.state.comparison import ComparedDocument, UnknownDocument
from vecstream_cli.state.mending import MendableManifest


class Mender:
    """Deletes rows that should not be there, and has documents read again that lack some."""

    def __init__(self, collection: Opened, manifest: MendableManifest) -> None:
        self.manifest = manifest
        self._collection = collection
        self._adapter = collection.adapter
        self._again: list[DocumentId] = []
        self._noted = False

    def delete(self, documents: Iterable[UnknownDocument]) -> None:
        """Rows of documents that nobody knows."""
        rest = iter(documents)
        while page := list(islice(rest, PAGE)):
            self.note_change()
            self._adapter.delete_documents([each.id for each in page])

    def mend(self, document: ComparedDocument, kinds: Iterable[Kind]) -> None:
        """A document that the manifest knows."""
        mendings = {kind.mending for kind in kinds}
        if Mending.DELETE in mendings:
            attempt = document.attempt
            known = [] if attempt is None else self.manifest.chunk_ids(document.id, attempt)
            self.note_change()
            self._adapter.keep_only(document.id.hex(), [row.hex() for row in known])
        if Mending.READ_AGAIN in mendings:
            self.read_again(document.id)

    def read_again(self, document: DocumentId) -> None:
        """The next run reads the document, whatever its file looks like."""
        self._again.append(document)
        if len(self._again) >= PAGE:
            self._mark()

    def note_change(self) -> None:
        """Call it before a row is changed."""
        if not self._noted:
            self._collection.note_change(self.manifest)
            self._noted = True

    def finish(self) -> None:
        """Do what is left to do."""
        self._mark()
        if self._noted:
            self._adapter.maintain(final=True)

    def _mark(self) -> None:
        self.manifest.read_again(self._again)
        self._again = []
