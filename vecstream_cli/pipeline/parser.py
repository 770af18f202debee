"""The parser process: documents in, slots of chunks with token ids out. Imports no torch."""

import contextlib
import os
import resource
import stat
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from vecstream_cli.core.blocks import OpenDocument, ReaderWarning
from vecstream_cli.core.chunking import Chunker
from vecstream_cli.core.ids import ContentHash, Fingerprint, content_hasher
from vecstream_cli.core.plan import Stamp
from vecstream_cli.errors import DocumentError, UsageError
from vecstream_cli.killpoints import kill_point
from vecstream_cli.models.tokenizer import Tokenizer
from vecstream_cli.pipeline.arena import BUSY_NS, HEARTBEAT, WAITING, ArenaHandle
from vecstream_cli.pipeline.failure import broken
from vecstream_cli.pipeline.filling import Filling, Row
from vecstream_cli.pipeline.lifecycle import Inbox, Outbox, loading
from vecstream_cli.pipeline.messages import (
    Failed,
    Filled,
    Grant,
    Job,
    Lost,
    Message,
    Ready,
    Returned,
    Sealed,
    Started,
    Stop,
    Stopped,
    Unchanged,
    Vanished,
)  # fmt: skip
from vecstream_cli.pipeline.parser_rows import Rows
from vecstream_cli.pipeline.sandbox import confine
from vecstream_cli.pipeline.slots import Slot, SlotLayout
from vecstream_cli.pipeline.workclock import WorkClock
from vecstream_cli.readers.registry import open_document
from vecstream_cli.readers.source import SourceFile
from vecstream_cli.settings import ReadingOptions

_HASH_BYTES = 1 << 20
_MAX_LOSSES = 20


@dataclass(frozen=True, slots=True)
class ParserConfig:
    """What a parser is told at spawn. `data_allowance` is what it may allocate after its
    imports, in bytes (None: no limit); `row` is its row in the arena's control page. It runs at
    `niceness` from its first slot on, with `gives_way` from its start."""

    arena: ArenaHandle
    layout: SlotLayout
    row: int
    tokenizer_file: Path | None
    max_tokens: int
    document_prompt: str
    chunk_size: int
    chunk_overlap: int
    vector_fingerprint: Fingerprint
    reading: ReadingOptions
    data_allowance: int | None
    niceness: int
    gives_way: bool = False


def run(inbox: Inbox, outbox: Outbox, config: ParserConfig) -> None:
    """The process's life: receive, parse, send."""
    started = time.monotonic()
    try:
        with loading():
            parser = _Parser(inbox, outbox, config)
        if config.data_allowance is not None:
            limit_data(config.data_allowance)
        confined = confine()
    except Exception as error:  # noqa: BLE001 (the next parser would fail in the same way)
        outbox.send(broken(error, "A parser cannot start"))
        return
    facts = {"pid": str(os.getpid()), "sandbox": confined}
    outbox.send(Ready(time.monotonic() - started, facts))
    while (job := parser.next_job()) is not None:
        parser.work_on(job)
    outbox.send(Stopped({}))


def limit_data(allowance: int) -> None:
    """Cap this process's data segment at its present size plus `allowance` bytes."""
    if not hasattr(resource, "RLIMIT_DATA"):
        return
    with contextlib.suppress(OSError, ValueError):
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
        used = next(int(s.split()[1]) << 10 for s in status.splitlines() if s.startswith("VmData"))
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        limit = used + allowance if hard == resource.RLIM_INFINITY else min(used + allowance, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))


class _Parser:
    def __init__(self, inbox: Inbox, outbox: Outbox, config: ParserConfig) -> None:
        self._inbox = inbox
        self._outbox = outbox
        self._config = config
        self._arena = config.arena.open()
        self._control = self._arena.control[config.row]
        self._slots = self._arena.slots()
        self._jobs: deque[Job] = deque()
        self._grants: deque[Grant] = deque()
        self._stopping = self._spent = self._gives_way = False
        if config.gives_way:
            self._give_way()
        self._clock = WorkClock()
        self._booked = 0
        self._filling: Filling | None = None
        self._chunker = _chunker(config)

    def next_job(self) -> Job | None:
        """The next document; None when it is time to end."""
        while True:
            self._receive_all()
            if self._jobs and not self._spent:
                return self._jobs.popleft()
            self._let_go()
            if self._stopping or self._spent:
                return None
            self._take(self._inbox.recv())

    def _let_go(self) -> None:
        """Without a document no slot is kept: another parser may be waiting for it."""
        self._hand_on()
        if self._filling is not None:
            self._outbox.send(Returned(self._filling.ref))
            self._filling = None
        while self._grants:
            self._outbox.send(Returned(self._grants.popleft().ref))

    def _hand_on(self) -> None:
        """Hand the slot on, however full it is."""
        if self._filling is not None and self._filling.rows:
            kill_point("slot.filled")
            self._outbox.send(Filled(self._filling.ref, self._filling.rows))
            self._filling = None
            self._give_way()

    def _give_way(self) -> None:
        """From the first slot on; until there is one, everybody waits for the parsers."""
        if not self._gives_way:
            self._gives_way = True
            os.nice(self._config.niceness)

    def work_on(self, job: Job) -> None:
        """Read one document; whatever is wrong with it costs only it."""
        self._outbox.send(Started(job.id))
        kill_point("document.started")
        self._booked = self._clock.now()
        self._beat()
        reading = _Reading()
        try:
            # Sent when the document is closed: what a library does then is part of reading it.
            self._outbox.send(self._read(job, reading))
        except DocumentError as error:
            self._fail(job, reading, error.reason, error.message)
        except OSError as error:
            self._fail(job, reading, "unreadable", f"{error.strerror or error}")
        except MemoryError:
            self._fail(job, reading, "out-of-memory", "it needs more memory than a parser may use")
        except RecursionError:
            self._fail(job, reading, "malformed", "it is nested too deeply")
        except Exception as error:  # noqa: BLE001
            # A reader's library failed in a way nobody foresaw: the document's fault.
            self._fail(job, reading, "reader-error", f"{type(error).__name__}: {error}")
        self._book()

    def _fail(self, job: Job, reading: "_Reading", reason: str, message: str) -> None:
        # A library's words may quote the document, whose characters need not be encodable.
        message = message[:300].encode("utf-8", "backslashreplace").decode()
        self._outbox.send(Failed(job.id, reason, message, reading.reader))
        # What libraries still hold of it would count against the next document.
        self._spent = reason == "out-of-memory"

    def _read(self, job: Job, reading: "_Reading") -> Sealed | Unchanged | Vanished:
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK
        try:
            fd = os.open(job.absolute, flags)
        except FileNotFoundError:
            return Vanished(job.id)
        try:
            stamp = reading.stamp = stamp_of(fd)
            reading.content_hash = self._hash(fd, stamp.size)
            if reading.content_hash == job.known_hash:
                return Unchanged(job.id, stamp)
            source = SourceFile(fd, stamp.size, job.relative)
            reading.reader, document = open_document(
                source, progress=self._beat, options=self._config.reading
            )
            print_of = self._config.vector_fingerprint
            rows = Rows(job, document, reading.content_hash, print_of, self._add)
            retokenized = self._make(document, rows)
            if stamp_of(fd) != stamp and self._hash(fd, stamp.size) != reading.content_hash:
                raise DocumentError("changed-while-reading", "it changed while it was being read")
            return _sealed(job, reading, rows, document.warnings, retokenized)
        finally:
            os.close(fd)

    def _make(self, document: OpenDocument, rows: Rows) -> int:
        """Make all rows of the document; returns how many chunks were tokenized twice."""
        chunker, blocks = self._chunker, rows.text(document.blocks)
        if chunker is None:  # the model has no use for text
            for _ in blocks:
                self._beat()
            rows.end()
            return 0
        retokenized = chunker.retokenized
        for chunk in chunker.chunks(blocks, progress=self._beat):
            rows.put(chunk)
        rows.end()
        return chunker.retokenized - retokenized

    def _hash(self, fd: int, size: int) -> ContentHash:
        hasher, at = content_hasher(), 0
        while at < size:
            data = os.pread(fd, min(_HASH_BYTES, size - at), at)
            if not data:
                raise DocumentError("changed-while-reading", "it became shorter while being read")
            hasher.update(data)
            at += len(data)
            self._beat()
        return ContentHash(hasher.digest())

    def _add(self, row: Row) -> None:
        while not (filling := self._filling or self._next_slot()).add(row):
            if not filling.rows:
                raise DocumentError("chunk-too-large", "a chunk of it does not fit into a slot")
            self._hand_on()
        self._beat()

    def _next_slot(self) -> Filling:
        self._book()
        self._control[WAITING] = 1
        while not self._grants:
            self._take(self._inbox.recv())
        self._control[WAITING] = 0
        self._booked = self._clock.now()
        ref = self._grants.popleft().ref
        self._filling = Filling(ref, Slot(self._slots, self._config.layout, ref.slot))
        return self._filling

    def _beat(self) -> None:
        self._control[HEARTBEAT] += 1
        self._book()

    def _book(self) -> None:
        now = self._clock.now()
        self._control[BUSY_NS] += now - self._booked
        self._booked = now

    def _receive_all(self) -> None:
        while self._inbox.poll():
            self._take(self._inbox.recv())

    def _take(self, message: Message) -> None:
        match message:
            case Job():
                self._jobs.append(message)
            case Grant():
                self._grants.append(message)
            case Stop():
                self._stopping = True


def _chunker(config: ParserConfig) -> Chunker | None:
    """None where the model reads no text."""
    if config.tokenizer_file is None:
        return None
    tokenizer = Tokenizer.load(
        config.tokenizer_file, max_tokens=config.max_tokens, prompt=config.document_prompt
    )
    try:
        return Chunker(tokenizer, size=config.chunk_size, overlap=config.chunk_overlap)
    except ValueError as error:
        raise UsageError(f"--chunk-size is too small: {error}.") from error


class _Reading:
    """What is known so far of the document being read."""

    def __init__(self) -> None:
        self.stamp: Stamp | None = None
        self.content_hash = ContentHash(b"")
        self.reader = ""


def _sealed(
    job: Job, reading: _Reading, rows: Rows, warnings: list[ReaderWarning], retokenized: int
) -> Sealed:
    losses = [Lost(w.reason, w.message[:200]) for w in warnings[:_MAX_LOSSES]]
    if len(warnings) > _MAX_LOSSES:
        losses.append(Lost("more", f"and {len(warnings) - _MAX_LOSSES} more"))
    assert reading.stamp is not None
    return Sealed(
        job=job.id,
        chunks=rows.chunks,
        tokens=rows.tokens,
        retokenized=retokenized,
        content_hash=reading.content_hash,
        stamp=reading.stamp,
        reader=reading.reader,
        losses=tuple(losses),
    )


def stamp_of(fd: int) -> Stamp:
    """The descriptor's stamp. Raises DocumentError where it is no regular file."""
    found = os.fstat(fd)
    if not stat.S_ISREG(found.st_mode):
        raise DocumentError("not-a-file", "it is not a regular file")
    return Stamp(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)
