"""The parser pool, seen from the supervisor: who has which documents, who is late, who died."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import psutil

from vecstream_cli.core.leases import Holder, Place
from vecstream_cli.pipeline.arena import HEARTBEAT, WAITING, Arena
from vecstream_cli.pipeline.lifecycle import Child
from vecstream_cli.pipeline.messages import Job, JobId

QUEUED_DOCUMENTS = 16
QUEUED_BYTES = 4 << 20
GRANTED_SLOTS = 2  # one being filled and one to go on with
# Reading as much text takes less time than the start of a parser, half a second of a core.
BYTES_WORTH_A_PARSER = 64 << 10
MOST_STILLBORN = 5  # parsers in a row that died before they could read: more would, too
_MOST_CREDITED = 1.0  # a longer gap between two looks is our own pause, not the parser's work


@dataclass(slots=True)
class Worker:
    """One parser process and what it was given. `number` is never used again, `row` is."""

    number: int
    row: int
    child: Child
    current: JobId | None = None
    jobs: "OrderedDict[JobId, Job]" = field(default_factory=OrderedDict)
    ready: bool = False
    isolating: bool = False
    served: int = 0  # its last slot's place among all that were ever granted
    heartbeat: int = 0
    worked: float = 0.0  # seconds at the current document without progress
    cpu: float | None = None  # its CPU seconds at the last look that found no progress

    @property
    def holder(self) -> Holder:
        """Its name in the ledger."""
        return Holder(Place.PARSER, self.number)


class ParserPool:
    """Keeps `size` parsers fed; spawns, replaces and stops them through `spawn(row)`.

    Only `at_first` of them (None: all) until `grow` is called.
    """

    def __init__(
        self,
        size: int,
        spawn: Callable[[int], Child],
        arena: Arena,
        *,
        at_first: int | None = None,
    ) -> None:
        self._size = size
        self._wanted = size if at_first is None else min(size, at_first)
        self._spawn = spawn
        self._arena = arena
        self._next_number = 0
        self.workers: dict[int, Worker] = {}
        self.replaced = 0
        self.stillborn = 0
        self._served = 0

    def limit(self, documents: int, size: int) -> None:
        """No more is to be read than so many documents of so many bytes: have fewer parsers."""
        self._size = max(1, min(self._size, documents, 1 + size // BYTES_WORTH_A_PARSER))
        self._wanted = min(self._wanted, self._size)

    def start(self) -> None:
        """Spawn what is missing."""
        rows = {worker.row for worker in self.workers.values()}
        for row in range(self._wanted):
            if row not in rows:
                self._arena.control[row, [HEARTBEAT, WAITING]] = 0
                worker = Worker(self._next_number, row, self._spawn(row))
                self.workers[worker.number] = worker
                self._next_number += 1

    def grow(self) -> None:
        """From now on all of them; spawn what is missing, if any was spawned yet."""
        self._wanted = self._size
        if self.workers:
            self.start()

    def taker(self, job: Job, *, isolated: bool) -> Worker | None:
        """Who may take the document now; None: nobody yet.

        A document tried in isolation goes to a parser that has nothing else, which then gets
        nothing else until the document is done.
        """
        for worker in sorted(self.workers.values(), key=_load):
            if worker.isolating:
                continue
            if isolated:
                if not worker.jobs:
                    return worker
            elif len(worker.jobs) < QUEUED_DOCUMENTS and _load(worker) < QUEUED_BYTES:
                return worker
        return None

    def give(self, worker: Worker, job: Job, *, isolated: bool) -> None:
        """Send the document to the parser."""
        worker.jobs[job.id] = job
        worker.isolating = isolated
        worker.child.outbox.send(job)

    def done(self, worker: Worker, job: JobId) -> None:
        """The parser has said its last word about the document."""
        worker.jobs.pop(job, None)
        if worker.current == job:
            worker.current = None
        if not worker.jobs:
            worker.isolating = False

    def started(self, worker: Worker, job: JobId) -> None:
        """The parser is about to open the document."""
        worker.current = job
        worker.worked = 0.0

    def ready(self, worker: Worker) -> None:
        """The parser has loaded what it needs."""
        worker.ready = True
        self.stillborn = 0

    def hungry(self, slots_of: Callable[[Worker], int]) -> Iterator[Worker]:
        """Parsers with documents that could use one more slot, the neediest first.

        Where there are fewer slots than parsers, they take turns.
        """
        needy = [
            (slots_of(worker), worker.served, worker)
            for worker in self.workers.values()
            if worker.jobs
        ]
        for slots, _, worker in sorted(needy, key=lambda item: item[:2]):
            if slots < GRANTED_SLOTS:
                yield worker

    def served(self, worker: Worker) -> None:
        """The parser was given a slot."""
        self._served += 1
        worker.served = self._served

    def overdue(self, elapsed: float, timeout: float) -> list[Worker]:
        """Parsers that worked on one document for `timeout` seconds without any progress.

        `elapsed` is the time since the last look. Waiting for a slot does not count, nor for a
        core, which parsers leave to inference; nor does a gap in which the supervisor itself
        stood still (a suspended laptop, SIGSTOP).
        """
        late = []
        for worker in self.workers.values():
            control = self._arena.control[worker.row]
            heartbeat = int(control[HEARTBEAT])
            if worker.current is None or control[WAITING] or heartbeat != worker.heartbeat:
                worker.worked, worker.cpu = 0.0, None
            else:
                worker.worked += min(_at_work(worker, elapsed), _MOST_CREDITED)
            worker.heartbeat = heartbeat
            if worker.worked > timeout:
                late.append(worker)
        return late

    def bury(self, worker: Worker) -> None:
        """Kill the parser if it lives, and forget it.

        What it said and what it had are the caller's: its pipes stay open.
        """
        worker.child.kill()
        del self.workers[worker.number]
        self.stillborn += not worker.ready

    def kill(self) -> None:
        """End every parser now."""
        for worker in list(self.workers.values()):
            self.bury(worker)
            worker.child.close()

    @property
    def busy(self) -> bool:
        """Some parser has a document that is not read to its end."""
        return any(worker.jobs for worker in self.workers.values())

    @property
    def reading(self) -> list[Job]:
        """The documents that are open now."""
        return [
            worker.jobs[worker.current]
            for worker in self.workers.values()
            if worker.current is not None and worker.current in worker.jobs
        ]


def _at_work(worker: Worker, elapsed: float) -> float:
    """What of the time since the last look counts: for one that would run if it were let, the
    CPU's part of it; for one that waits for something, such as a dead disk, all of it."""
    try:
        process = psutil.Process(worker.child.pid)
        with process.oneshot():
            runs = process.status() == psutil.STATUS_RUNNING
            times = process.cpu_times()
    except psutil.Error:
        return elapsed
    before, worker.cpu = worker.cpu, times.user + times.system
    if not runs or before is None:
        return elapsed if not runs else 0.0
    return min(elapsed, worker.cpu - before)


def _load(worker: Worker) -> int:
    return sum(job.size for job in worker.jobs.values())
