"""What comes into the ring: the scan, the plan for each file, and the documents to read."""

import os
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, groupby
from operator import attrgetter
from types import TracebackType
from typing import Self

from vecstream_cli.core.ids import DocumentId, document_id
from vecstream_cli.core.plan import Decision, KnownDocument, Stamp, decide
from vecstream_cli.errors import DatabaseError, ExitCode, VecstreamError
from vecstream_cli.killpoints import kill_point
from vecstream_cli.pipeline.commits import shown_path
from vecstream_cli.pipeline.documents import Document
from vecstream_cli.pipeline.events import Listener, Notice, Summary
from vecstream_cli.pipeline.gone import Gone
from vecstream_cli.pipeline.messages import Job, JobId
from vecstream_cli.state.entries import DocumentPath, PendingDocument
from vecstream_cli.state.manifest import Manifest
from vecstream_cli.state.scan import Scan, ScannedFile, ScanProblem
from vecstream_cli.state.view import MOST_PATHS

BACKLOG = 2048  # documents known to be read later; more are left in the scan
RESERVED = 64  # documents whose attempts are drawn in one transaction
SCAN_SECONDS = 0.02  # of scanning in one turn of the loop
_REFRESH_BATCH = 500


class Intake:
    """Scans lazily and plans each file; hands out documents, their attempts recorded before.

    As a context, it records in the manifest how the run ended. Nothing here grows with the
    number of files: unchanged ones are only counted and marked.
    """

    def __init__(
        self,
        scan: Scan,
        manifest: Manifest,
        summary: Summary,
        listener: Listener,
        *,
        readers: Mapping[str, str],
        checksum: bool,
        allow_mass_delete: bool,
    ) -> None:
        self._scan = scan
        self._manifest = manifest
        self._summary = summary
        self._listener = listener
        self._checksum = checksum
        self._allow_mass_delete = allow_mass_delete
        self._readers = readers
        self._found: Iterator[ScannedFile | ScanProblem] = iter(scan)
        self._next_job = 0
        self._planned: deque[Document] = deque()  # their attempts are not drawn yet
        self._queue: deque[Document] = deque()
        self._refreshed: list[tuple[DocumentId, Stamp]] = []
        self._run: int | None = None
        self._gone = self._all_gone()
        self._is_first_run = manifest.collection is None
        self.has_more = True
        self.scanned = 0
        self.bytes_admitted = self.bytes_done = 0

    def open(self, *, voided: bool = False) -> None:
        """The manifest is bound, which may have `voided` it: the run begins, if it has not yet."""
        if self._run is None:
            self._run = self._manifest.start_run(scan_started_ns=time.time_ns())
        elif voided:  # what was decided so far rests on what is void
            raise DatabaseError(
                "The collection was replaced by another program while this run began.",
                hint="Run it again: every document is then read anew.",
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Record how the run ended, if it began."""
        skipped = (listing.skipped.total() for listing in self._scan.listings.values())
        self._summary.documents_skipped = sum(skipped)
        if self._run is None:
            return
        self.settle(now=True)
        code = ExitCode.FAILED
        if error is None:
            code = ExitCode(self._summary.exit_code)
        elif isinstance(error, VecstreamError):
            code = error.exit_code
        elif isinstance(error, KeyboardInterrupt):
            code = ExitCode.INTERRUPT
        self._manifest.finish_run(self._run, self._summary.as_dict(), code)

    @property
    def queued(self) -> int:
        """Documents that wait for a parser."""
        return len(self._queue) + len(self._planned)

    @property
    def surely_busy(self) -> bool:
        """There will be something to read."""
        return self._is_first_run or self.queued > 0

    @property
    def exhausted(self) -> bool:
        """Nothing is left to be scanned or to be given out."""
        return not self.has_more and not self.queued

    @property
    def hungry(self) -> bool:
        """There is something to scan, and room for what it may find."""
        return self.has_more and self.queued < BACKLOG

    def scan(self) -> None:
        """Scan and plan for a moment, unless enough is waiting already."""
        until = time.monotonic() + SCAN_SECONDS
        while self.hungry and time.monotonic() < until:
            files = self._take(until)
            self.scanned += len(files)
            for source, group in groupby(files, key=attrgetter("source")):
                self._plan(source, list(group))

    def peek(self) -> Document | None:
        """The document to be read next; its attempt is durably recorded."""
        if not self._queue:
            self._reserve()
        return self._queue[0] if self._queue else None

    def pop(self) -> None:
        """The document that `peek` showed was given to a parser."""
        self._queue.popleft()

    def put_back(self, document: Document) -> None:
        """Read it again, before anything else; under a new attempt if it was begun."""
        if document.begun:
            self._draw_attempts([document])
        self._queue.appendleft(document)

    def finished(self, document: Document) -> None:
        """Nothing more is to be done for the document but to record it."""
        self.bytes_done += document.job.size

    def unchanged(self, document: Document, stamp: Stamp) -> None:
        """The document's content is what the database has."""
        self.finished(document)
        self._summary.documents_unchanged += 1
        self._refreshed.append((document.job.document, stamp))

    def vanished(self, document: Document) -> None:
        """The file went away between the scan and the reading; the next run removes it."""
        self.finished(document)
        self._manifest.abandon([document.job.document])
        self._listener(Notice(document.job.path, "vanished", "It went away before it was read."))

    def settle(self, *, now: bool) -> None:
        """Record the new stamps of unchanged documents, many in one transaction."""
        if self._refreshed and (now or len(self._refreshed) >= _REFRESH_BATCH):
            self._manifest.refresh(self._refreshed)
            kill_point("stamps.refreshed")
            self._refreshed = []

    def close(self, unread: Iterable[Document]) -> None:
        """Admit nothing more. No row of `unread` ones, nor of those in the queue, was written."""
        self.has_more = False
        self._manifest.abandon([d.job.document for d in (*self._queue, *unread)])
        self._queue.clear()
        self._planned.clear()

    def anything_gone(self) -> bool:
        """Whether there is any document for `gone` to tell of, once everything was scanned."""
        first = next(self._gone, None)
        if first is not None:
            self._gone = chain([first], self._gone)
        return first is not None

    def gone(self) -> Iterator[DocumentPath]:
        """Documents whose files are gone, below every folder that was listed to its end."""
        return self._gone

    def _all_gone(self) -> Iterator[DocumentPath]:
        for listing in self._scan.listings.values():
            self._manifest.listed(listing.source, listing.base, complete=listing.complete)
            gone = Gone(self._manifest, listing)
            if not gone.possible:
                continue
            held_back = None if self._allow_mass_delete else gone.held_back()
            if held_back is None:
                yield from gone
            else:
                self._summary.deletions_held += sum(1 for _ in gone)
                self._listener(Notice(None, "deletions-held", held_back))

    def _problem(self, problem: ScanProblem) -> None:
        if problem.reason != "vanished":
            self._summary.scan_problems += 1
        path = shown_path(problem.relative) or problem.source
        self._listener(Notice(path, problem.reason, problem.message))

    def _take(self, until: float) -> list[ScannedFile]:
        """The next files, as many as are looked up at once, or as there is time for."""
        files: list[ScannedFile] = []
        while len(files) < MOST_PATHS and time.monotonic() < until:
            found = next(self._found, None)
            if found is None:
                self.has_more = False
                break
            if isinstance(found, ScanProblem):
                self._problem(found)
            else:
                files.append(found)
        return files

    def _plan(self, source: str, files: list[ScannedFile]) -> None:
        readers, checksum = self._readers, self._checksum
        known = self._manifest.look_up(source, [file.relative for file in files])
        for file in files:
            before = known.get(file.relative)
            decision = decide(file.stamp, before, reader_versions=readers, checksum=checksum)
            if decision is Decision.UNCHANGED:
                self._summary.documents_unchanged += 1
            elif decision is Decision.QUARANTINED:
                self._summary.documents_quarantined += 1
            else:
                self._admit(file, before, decision)

    def _admit(self, file: ScannedFile, known: KnownDocument | None, decision: Decision) -> None:
        """The document is to be read."""
        good = None if known is None else known.good
        verify = decision is Decision.VERIFY and good is not None
        job = Job(
            id=JobId(self._next_job),
            document=document_id(file.source, file.relative),
            attempt=0,
            source=shown_path(os.fsencode(file.source)),
            path=shown_path(file.relative),
            relative=file.relative,
            absolute=file.absolute,
            size=file.stamp.size,
            known_hash=good.content_hash if verify and good is not None else None,
        )
        self._planned.append(
            Document(
                job=job,
                source=file.source,
                stamp=file.stamp,
                fresh=False,
                good_attempt=None if good is None else good.attempt,
                pending=known is not None and known.pending,
            )
        )
        self.bytes_admitted += file.stamp.size

    def _reserve(self) -> None:
        """Draw the attempts of the next documents."""
        batch = [self._planned.popleft() for _ in range(min(RESERVED, len(self._planned)))]
        if batch:
            self._draw_attempts(batch)
            self._queue.extend(batch)

    def _draw_attempts(self, batch: list[Document]) -> None:
        """Record the attempts that are about to begin, all in one durable transaction."""
        attempts = self._manifest.reserve_attempts(
            [PendingDocument(d.job.document, d.source, d.job.relative) for d in batch]
        )
        for document, attempt in zip(batch, attempts, strict=True):
            document.renew(JobId(self._next_job), attempt.number, fresh=attempt.fresh)
            self._next_job += 1
        kill_point("attempts.reserved")
