"""The parsers' side of the ring: who reads which document, and what becomes of a lost parser."""

from vecstream_cli.errors import StageDied, VecstreamError
from vecstream_cli.pipeline import messages as msg
from vecstream_cli.pipeline.commits import Commits
from vecstream_cli.pipeline.documents import MOST_TRIES, Document
from vecstream_cli.pipeline.events import Listener, Notice, Summary
from vecstream_cli.pipeline.failure import revived
from vecstream_cli.pipeline.intake import Intake
from vecstream_cli.pipeline.parsers import MOST_STILLBORN, ParserPool, Worker
from vecstream_cli.pipeline.ring import Ring


class Reading:
    """Gives documents and slots to the parsers, hears them, and takes back what a dead one had.

    `broken` is why the run cannot go on, once a parser has said so or none can be had.
    """

    def __init__(
        self,
        ring: Ring,
        pool: ParserPool,
        intake: Intake,
        commits: Commits,
        summary: Summary,
        listener: Listener,
    ) -> None:
        self._ring = ring
        self._pool = pool
        self._intake = intake
        self._commits = commits
        self._summary = summary
        self._listener = listener
        self._closed = False
        self.broken: VecstreamError | None = None

    def close(self) -> None:
        """The run is being wound down: end the parsers, and try nothing again."""
        self._closed = True
        self._pool.kill()

    def admit(self) -> None:
        """Give out the documents that a parser has room for."""
        while (document := self._intake.peek()) is not None:
            isolated = document.tries > 0
            worker = self._pool.taker(document.job, isolated=isolated)
            if worker is None:
                return
            self._intake.pop()
            document.worker = worker.number
            self._ring.documents.add(document)
            self._pool.give(worker, document.job, isolated=isolated)

    def hand_out_slots(self) -> None:
        """Give free slots to the parsers that could use one."""
        for worker in list(self._pool.hungry(lambda worker: self._ring.held_by(worker.holder))):
            ref = self._ring.grant(worker.holder)
            if ref is None:
                return
            self._pool.served(worker)
            worker.child.outbox.send(msg.Grant(ref))

    def hear(self, worker: Worker, message: msg.Message) -> None:
        """What a parser said."""
        match message:
            case msg.Ready():
                self._pool.ready(worker)
            case msg.Started(job):
                self._pool.started(worker, job)
            case msg.Filled(ref, rows):
                self._ring.filled(ref, rows, worker.holder)
            case msg.Returned(ref):
                self._ring.returned(ref, worker.holder)
            case msg.Sealed(job) | msg.Unchanged(job) | msg.Vanished(job) | msg.Failed(job):
                self._pool.done(worker, job)
                document = self._ring.documents.get(job)
                if document is not None:
                    self._read(document, message)
            case msg.Broken():
                self.broken = revived(message)

    def complete(self, document: Document) -> None:
        """Every row of the document is in the database."""
        self._intake.finished(document)
        self._commits.complete(document)

    def ended(self, worker: Worker) -> None:
        """A parser's process has ended, which none does while it is wanted."""
        if worker.number in self._pool.workers:
            self._lost(worker, "crashed", f"its parser was {worker.child.epitaph()}")

    def end_overdue(self, elapsed: float, timeout: float) -> None:
        """End the parsers that got nowhere; `elapsed` is the time since the last look."""
        for worker in self._pool.overdue(elapsed, timeout):
            self._lost(worker, "timeout", f"reading it made no progress for {timeout:.0f} s")

    def recycle(self, number: int) -> None:
        """End the parser that took too much memory."""
        why = "it took more memory than the ceiling left"
        self._lost(self._pool.workers[number], "out-of-memory", why)

    def _read(
        self, document: Document, message: msg.Sealed | msg.Unchanged | msg.Vanished | msg.Failed
    ) -> None:
        match message:
            case msg.Sealed():
                document.sealed = message
                self._summary.chunks_retokenized += message.retokenized
                if document.complete:  # it has no chunks at all
                    self._ring.documents.drop(document)
                    self.complete(document)
            case msg.Unchanged():
                self._ring.documents.drop(document)
                self._intake.unchanged(document, message.stamp)
            case msg.Vanished():
                self._ring.documents.drop(document)
                self._intake.vanished(document)
            case msg.Failed(reason="changed-while-reading") if document.tries + 1 < MOST_TRIES:
                self._try_again(document)
            case msg.Failed():
                self._give_up(document, message.reason, message.message, message.reader or None)

    def _lost(self, worker: Worker, reason: str, why: str) -> None:
        """Take back what a parser had; the document it was reading is tried once more, alone."""
        self._pool.bury(worker)
        for message in worker.child.inbox.drain():
            self.hear(worker, message)
        worker.child.close()
        self._ring.reclaim(worker.holder)
        if self._closed:
            return
        for document in list(self._ring.documents):
            if document.worker != worker.number or document.all_filled:
                continue
            if document.job.id != worker.current:
                self._ring.documents.drop(document)
                self._intake.put_back(document)
            elif document.tries + 1 < MOST_TRIES:
                self._listener(Notice(document.job.path, reason, f"Tried once more: {why}."))
                self._try_again(document)
            else:
                self._give_up(document, reason, why, None)
        if self._pool.stillborn < MOST_STILLBORN:
            self._pool.replaced += 1
            self._pool.start()
        else:
            epitaph = worker.child.epitaph()
            self.broken = StageDied(f"No parser lives long enough to read ({epitaph}).")

    def _try_again(self, document: Document) -> None:
        document.tries += 1
        self._ring.documents.drop(document)
        self._intake.put_back(document)

    def _give_up(self, document: Document, reason: str, text: str, reader: str | None) -> None:
        self._ring.documents.drop(document)
        self._intake.finished(document)
        self._commits.fail(document, reason, text, reader)
