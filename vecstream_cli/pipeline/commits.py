"""From "all its rows are acknowledged" to "the manifest says so": the end of every document."""

import os
import time
from collections.abc import Callable, Iterator
from itertools import islice

from vecstream_cli.core.ids import DocumentId
from vecstream_cli.killpoints import kill_point
from vecstream_cli.pipeline.documents import Document
from vecstream_cli.pipeline.events import DocumentDone, Listener, Notice, Outcome, Summary
from vecstream_cli.pipeline.messages import (
    Discard,
    Discarded,
    Message,
    Remove,
    Removed,
    Supersede,
    Superseded,
)  # fmt: skip
from vecstream_cli.state.entries import CommittedDocument, DocumentPath, PendingDocument
from vecstream_cli.state.manifest import Manifest

# One delete statement costs the database about the same for one document as for 64.
SUPERSEDE_BATCH = 64
SUPERSEDE_SECONDS = 2.0
REMOVE_BATCH = 256


class Commits:
    """Orders the deletes that a document's end needs, then records it.

    A document that was never attempted has no other rows: it is committed at once. Of any other,
    the rows of older attempts go first, then the manifest is told; a crash in between repeats
    the work and loses nothing.
    """

    def __init__(
        self,
        manifest: Manifest,
        any_reader: str,
        send: Callable[[Message], object],
        summary: Summary,
        listener: Listener,
    ) -> None:
        self._manifest = manifest
        self._any_reader = any_reader
        self._send = send
        self._summary = summary
        self._listener = listener
        self._ready: list[Document] = []
        self._superseding: dict[DocumentId, Document] = {}  # asked of the writer
        self._older: dict[DocumentId, Document] = {}  # not asked yet
        self._older_since = 0.0
        self._discarding: dict[DocumentId, tuple[Document, str, str, str | None]] = {}
        self._removing: dict[DocumentId, DocumentPath] = {}
        self._gone: Iterator[DocumentPath] = iter(())

    @property
    def idle(self) -> bool:
        """Nothing is left to be said to the writer or to the manifest."""
        return not (
            self._ready or self._superseding or self._older or self._discarding or self._removing
        )

    def complete(self, document: Document) -> None:
        """Every row of the document is in the database."""
        if document.fresh:
            self._ready.append(document)
            return
        if not self._older:
            self._older_since = time.monotonic()
        self._older[document.job.document] = document

    def fail(self, document: Document, reason: str, message: str, reader: str | None) -> None:
        """The document cannot be indexed: its partial rows go, its last good version stays."""
        job = document.job
        if document.handed or document.pending:
            good = document.good_attempt
            keep = [] if good is None else self._manifest.chunk_ids(job.document, good)
            self._discarding[job.document] = (document, reason, message, reader)
            self._send(Discard(job.document, tuple(keep)))
        else:
            self._record_failure(document, reason, message, reader)

    def remove(self, gone: Iterator[DocumentPath]) -> None:
        """These documents' files are gone; consumed as fast as the writer deletes them."""
        self._gone = gone
        self._remove_more()

    def remove_no_more(self) -> None:
        """Leave the deletions that the writer was not asked for to the next run."""
        self._gone = iter(())

    def _remove_more(self) -> None:
        batch = list(islice(self._gone, REMOVE_BATCH))
        if batch:
            # Should this run be killed between the rows and the manifest, and the file be there
            # again as it was (a disk is mounted, an --exclude is dropped): an open attempt makes
            # the next run read it.
            self._manifest.reserve_attempts(
                [PendingDocument(each.id, each.source, each.relative) for each in batch]
            )
            kill_point("removals.reserved")
            self._removing = {each.id: each for each in batch}
            self._send(Remove(tuple(self._removing)))

    def settle(self, *, now: bool) -> None:
        """Commit what is ready; ask for the deletes that are due, or with `now` for all."""
        if self._ready:
            self._commit(self._ready)
            self._ready = []
        waited = time.monotonic() - self._older_since
        while self._older and (
            now or waited > SUPERSEDE_SECONDS or len(self._older) >= SUPERSEDE_BATCH
        ):
            batch = list(self._older.items())[:SUPERSEDE_BATCH]
            for key, document in batch:
                del self._older[key]
                self._superseding[key] = document
            self._send(Supersede(tuple((key, d.job.attempt) for key, d in batch)))

    def heard(self, message: Superseded | Discarded | Removed) -> None:
        """The writer has done what it was asked."""
        match message:
            case Superseded(pairs, deleted):
                self._summary.chunks_deleted += deleted
                self._commit([self._superseding.pop(document) for document, _ in pairs])
            case Discarded(document):
                self._record_failure(*self._discarding.pop(document), torn=True)
            case Removed(documents, deleted):
                self._summary.chunks_deleted += deleted
                self._manifest.remove(documents)
                kill_point("removals.forgotten")
                for each in documents:
                    gone = self._removing.pop(each)
                    self._summary.documents_removed += 1
                    source, shown = shown_path(os.fsencode(gone.source)), shown_path(gone.relative)
                    self._listener(DocumentDone(source, shown, Outcome.REMOVED))
                self._remove_more()

    def _commit(self, documents: list[Document]) -> None:
        committed = []
        for document in documents:
            sealed = document.sealed
            assert sealed is not None
            committed.append(
                CommittedDocument(
                    id=document.job.document,
                    attempt=document.job.attempt,
                    stamp=sealed.stamp,
                    content_hash=sealed.content_hash,
                    reader=sealed.reader,
                    chunks=sealed.chunks,
                    tokens=sealed.tokens,
                    warnings=tuple(loss.message for loss in sealed.losses),
                )
            )
        kill_point("documents.committing")
        self._manifest.commit(committed)
        kill_point("documents.committed")
        for document in documents:
            self._tell(document)

    def _tell(self, document: Document) -> None:
        job, sealed = document.job, document.sealed
        assert sealed is not None
        changed = document.good_attempt is not None
        if changed:
            self._summary.documents_changed += 1
        else:
            self._summary.documents_new += 1
        for loss in sealed.losses:
            self._listener(Notice(job.path, loss.reason, loss.message))
        if sealed.chunks == 0:
            self._summary.documents_empty += 1
            if not sealed.losses:
                self._listener(Notice(job.path, "empty", "It has no text to index."))
        outcome = Outcome.CHANGED if changed else Outcome.NEW
        self._listener(DocumentDone(job.source, job.path, outcome, sealed.chunks))

    def _record_failure(
        self,
        document: Document,
        reason: str,
        message: str,
        reader: str | None,
        *,
        torn: bool = False,
    ) -> None:
        job = document.job
        self._manifest.fail(
            job.document,
            reason=reason,
            message=message,
            stamp=document.stamp,
            reader=reader or self._any_reader,
            torn=torn,
        )
        kill_point("failure.recorded")
        self._summary.documents_failed += 1
        self._listener(
            DocumentDone(job.source, job.path, Outcome.FAILED, reason=reason, message=message)
        )


def shown_path(relative: bytes) -> str:
    """A file's path for people and for the row: what is not UTF-8 is escaped."""
    return relative.decode("utf-8", "backslashreplace")
