"""The documents under way: how many rows of each are in a slot, and how many in the database."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from vecstream_cli.core.ids import ChunkKey
from vecstream_cli.core.plan import Stamp
from vecstream_cli.pipeline.messages import Job, JobId, Sealed
from vecstream_cli.pipeline.slots import APPEND, MERGE, SKIP, Slot
from vecstream_cli.state.entries import AcknowledgedRow

MOST_TRIES = 2  # a document that costs two parsers is the one to blame


@dataclass(slots=True)
class Document:
    """A document between being admitted and being committed or failed.

    `job` is its latest attempt; `source` the name of its source, which need not be UTF-8 as the
    one in `job` is; `fresh` whether its rows may be appended; `good_attempt` the
    attempt of its last good version; `pending` whether an earlier run may have left rows of an
    unfinished attempt; `tries` how often reading it was begun in vain.
    """

    job: Job
    source: str
    stamp: Stamp
    fresh: bool
    good_attempt: int | None
    pending: bool
    sealed: Sealed | None = None
    filled: int = 0
    handed: int = 0  # rows handed to the writer
    acknowledged: int = 0
    tries: int = 0
    worker: int = -1  # the number of the parser that has it, or had it

    @property
    def begun(self) -> bool:
        """A parser may have made rows of it, so that its attempt cannot be used again."""
        return self.tries > 0 or self.filled > 0 or self.sealed is not None

    def renew(self, job: JobId, attempt: int, *, fresh: bool) -> None:
        """Begin a new attempt under a new job; what it left behind is skipped from now on."""
        self.job = replace(self.job, id=job, attempt=attempt)
        self.fresh = fresh
        self.sealed = None
        self.filled = self.acknowledged = 0

    @property
    def all_filled(self) -> bool:
        """Every row of it is in a slot that the supervisor knows of."""
        return self.sealed is not None and self.filled == self.sealed.chunks

    @property
    def complete(self) -> bool:
        """Every row of it is in the database."""
        return self.sealed is not None and self.acknowledged == self.sealed.chunks


@dataclass(slots=True)
class Documents:
    """Every document under way, by its job. A job that is not here is dead: its rows are
    skipped, wherever they turn up."""

    _live: dict[JobId, Document] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._live)

    def __iter__(self) -> Iterator[Document]:
        return iter(self._live.values())

    def get(self, job: JobId) -> Document | None:
        """The document of a live job."""
        return self._live.get(job)

    def add(self, document: Document) -> None:
        """A document was admitted, or is tried again as a new job."""
        self._live[document.job.id] = document

    def drop(self, document: Document) -> None:
        """Its job is over."""
        self._live.pop(document.job.id, None)

    def count_filled(self, slot: Slot, rows: int) -> list[Document]:
        """Book a filled slot; the documents in it."""
        found = []
        for job, count in _jobs(slot, rows):
            if (document := self._live.get(job)) is not None:
                document.filled += count
                found.append(document)
        return found

    def mark(self, slot: Slot, rows: int) -> bool:
        """Write into the slot's `mode` what is to become of each row; False: of none anything."""
        modes = slot["mode"]
        modes[:rows] = SKIP
        column = slot["job"][:rows]
        anything = False
        for job, count in _jobs(slot, rows):
            if (document := self._live.get(job)) is not None:
                modes[:rows][column == job] = APPEND if document.fresh else MERGE
                document.handed += count
                anything = True
        return anything

    def count_written(self, slot: Slot, rows: int) -> tuple[list[AcknowledgedRow], list[Document]]:
        """Book an acknowledged slot: its live rows, and the documents that it completes."""
        acknowledged: list[AcknowledgedRow] = []
        touched: dict[JobId, Document] = {}
        columns = (slot[name][:rows].tolist() for name in ("job", "mode", "occurrence"))
        keys = slot["chunk_key"][:rows].tobytes().decode("ascii", "replace")
        for at, (job, mode, occurrence) in enumerate(zip(*columns, strict=True)):
            document = self._live.get(job)
            if document is None or mode == SKIP:
                continue
            touched[job] = document
            document.acknowledged += 1
            key = ChunkKey(bytes.fromhex(keys[32 * at : 32 * at + 32]))
            acknowledged.append(
                AcknowledgedRow(document.job.document, document.job.attempt, key, occurrence)
            )
        return acknowledged, [document for document in touched.values() if document.complete]


def _jobs(slot: Slot, rows: int) -> list[tuple[JobId, int]]:
    import numpy as np  # late: deciding that nothing is to be read needs none

    jobs, counts = np.unique(slot["job"][:rows], return_counts=True)
    return [(JobId(job), count) for job, count in zip(jobs.tolist(), counts.tolist(), strict=True)]
