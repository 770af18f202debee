"""Every message of the ring: small, frozen, and with one sender and one receiver.

Text, ids and vectors never travel in a message; they lie in the slot that it names. A failure
travels as plain strings, never as a pickled exception.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NewType

from vecstream_cli.core.ids import ContentHash, DocumentId, RowId
from vecstream_cli.core.leases import SlotRef
from vecstream_cli.core.plan import Stamp
from vecstream_cli.core.record import CollectionRecord

JobId = NewType("JobId", int)


# Supervisor → parser


@dataclass(frozen=True, slots=True)
class Job:
    """Supervisor → parser: read, chunk and tokenize this document.

    `known_hash` is the content hash of the version in the database; where the file still has it,
    only its stamp is refreshed. None: parse in any case.
    """

    id: JobId
    document: DocumentId
    attempt: int
    source: str
    path: str  # for people and for the row; escaped where the name is not UTF-8
    relative: bytes
    absolute: bytes
    size: int
    known_hash: ContentHash | None


@dataclass(frozen=True, slots=True)
class Grant:
    """Supervisor → parser: this slot is yours to fill."""

    ref: SlotRef


# Supervisor → any child


@dataclass(frozen=True, slots=True)
class Stop:
    """Supervisor → any child: end; `drain` first finishes what was handed over."""

    drain: bool = True


# Parser → supervisor


@dataclass(frozen=True, slots=True)
class Started:
    """Parser → supervisor, sent before a document is opened: a killed parser names it."""

    job: JobId


@dataclass(frozen=True, slots=True)
class Filled:
    """Parser → supervisor: the slot holds `rows` chunks and goes on to inference."""

    ref: SlotRef
    rows: int


@dataclass(frozen=True, slots=True)
class Returned:
    """Parser → supervisor: it has no document, so this slot is of no use to it."""

    ref: SlotRef


@dataclass(frozen=True, slots=True)
class Lost:
    """A part of a document that could not be read, such as a page; in `Sealed`."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Sealed:
    """Parser → supervisor: the document was read to its end and has `chunks` rows in all."""

    job: JobId
    chunks: int
    tokens: int
    retokenized: int
    content_hash: ContentHash
    stamp: Stamp
    reader: str
    losses: tuple[Lost, ...]


@dataclass(frozen=True, slots=True)
class Unchanged:
    """Parser → supervisor: the content hash is the known one; nothing was parsed."""

    job: JobId
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Vanished:
    """Parser → supervisor: the file was gone when it was opened."""

    job: JobId


@dataclass(frozen=True, slots=True)
class Failed:
    """Parser → supervisor: the document cannot be read; `reason` is a stable code.

    After `out-of-memory` the parser ends, and another takes its place.
    """

    job: JobId
    reason: str
    message: str
    reader: str


# Supervisor → inference, and back


@dataclass(frozen=True, slots=True)
class Embed:
    """Supervisor → inference: of the slot's first `rows` rows, embed those that `embed` marks."""

    ref: SlotRef
    rows: int


@dataclass(frozen=True, slots=True)
class Embedded:
    """Inference → supervisor: the slot's `embedded` rows that had none now have their vectors.

    `pictures` of them are images; `tokens` are those of the others.
    """

    ref: SlotRef
    rows: int
    embedded: int
    tokens: int
    pictures: int = 0


# Supervisor → writer, and back


@dataclass(frozen=True, slots=True)
class Opened:
    """Writer → supervisor, once: what the database says of the collection (None: there is none)."""

    record: CollectionRecord | None


@dataclass(frozen=True, slots=True)
class Create:
    """Supervisor → writer: make the collection."""

    record: CollectionRecord


@dataclass(frozen=True, slots=True)
class Drop:
    """Supervisor → writer: delete the collection; it is made again."""


@dataclass(frozen=True, slots=True)
class Write:
    """Supervisor → writer: write the slot's rows as its `mode` column says.

    A row with a `donor` first gets the vector of that row in the database.
    """

    ref: SlotRef
    rows: int


@dataclass(frozen=True, slots=True)
class Flush:
    """Supervisor → writer: write what you hold now; the ring waits for slots."""


@dataclass(frozen=True, slots=True)
class Written:
    """Writer → supervisor: the database acknowledged these slots' rows; no view of them is left.

    `reused` vectors came from donors.
    """

    slots: tuple[tuple[SlotRef, int], ...]
    rows: int
    reused: int


@dataclass(frozen=True, slots=True)
class Missed:
    """Writer → supervisor: in each of these slots a donor is gone, and none was written.

    The rows that have no vector are marked in `embed`; `reused` others got theirs.
    """

    slots: tuple[tuple[SlotRef, int], ...]
    reused: int


@dataclass(frozen=True, slots=True)
class Supersede:
    """Supervisor → writer: of each document keep only the rows of this attempt."""

    pairs: tuple[tuple[DocumentId, int], ...]


@dataclass(frozen=True, slots=True)
class Superseded:
    """Writer → supervisor: done, in the order asked."""

    pairs: tuple[tuple[DocumentId, int], ...]
    deleted: int


@dataclass(frozen=True, slots=True)
class Discard:
    """Supervisor → writer: reading it failed; delete the document's rows but those in `keep`."""

    document: DocumentId
    keep: tuple[RowId, ...]


@dataclass(frozen=True, slots=True)
class Discarded:
    """Writer → supervisor: done."""

    document: DocumentId


@dataclass(frozen=True, slots=True)
class Remove:
    """Supervisor → writer: delete all rows of these documents."""

    documents: tuple[DocumentId, ...]


@dataclass(frozen=True, slots=True)
class Removed:
    """Writer → supervisor: done."""

    documents: tuple[DocumentId, ...]
    deleted: int


@dataclass(frozen=True, slots=True)
class Replace:
    """Supervisor → writer: the collection `live` becomes what was built; go on with that one."""

    live: str


@dataclass(frozen=True, slots=True)
class Replaced:
    """Writer → supervisor: done."""


# Any child → supervisor


@dataclass(frozen=True, slots=True)
class Ready:
    """Child → supervisor: loaded, after so many seconds; `facts` say what, for tests."""

    seconds: float
    facts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Broken:
    """Child → supervisor: the stage cannot go on; `error` names a class of errors.py."""

    error: str
    message: str
    hint: str
    details: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """Child → supervisor, its last word: what it counted."""

    counters: Mapping[str, int]


Message = (
    Job | Grant | Stop | Started | Filled | Returned | Sealed | Unchanged | Vanished | Failed
    | Embed | Embedded | Opened | Create | Drop | Write | Flush | Written | Missed | Supersede
    | Superseded | Discard | Discarded | Remove | Removed | Replace | Replaced | Ready | Broken
    | Stopped
)  # fmt: skip
