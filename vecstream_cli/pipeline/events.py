"""What a run tells its listener: plain facts, in order, from the supervisor's own thread."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import Enum

from vecstream_cli.errors import ExitCode


class Outcome(Enum):
    """How a document ended in this run."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REMOVED = "removed"
    FAILED = "failed"
    QUARANTINED = "quarantined"  # failed in an earlier run and has not changed since


class Stage(Enum):
    """A stage of the ring, named by what it does."""

    STARTING = "starting"
    SCAN = "scan"
    WAIT = "wait"  # for the machine's load to fall
    PARSE = "parse"
    EMBED = "embed"
    WRITE = "write"
    FINISH = "finish"


@dataclass(frozen=True, slots=True)
class RunStarted:
    """The plan of the run, made before any child started."""

    database: str
    collection: str
    model: str
    dimension: int
    device: str
    chunk_size: int
    parsers: int
    inferences: int
    slots: int
    slot_bytes: int
    max_memory_bytes: int


@dataclass(frozen=True, slots=True)
class DocumentDone:
    """A document reached its end; `reason` and `message` say why it failed.

    Sent for every outcome but UNCHANGED, which is only counted.
    """

    source: str
    path: str
    outcome: Outcome
    chunks: int = 0
    reason: str | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a person should know that is no document's failure: a page lost, a folder
    that cannot be listed, a recycled parser."""

    path: str | None
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Progress:
    """Where the run stands; sent a few times a second. Bytes count the sources' files."""

    seconds: float
    stage: Stage  # the one that holds the others back
    waiting_for: str  # the same in words, such as "parsing 3 documents"
    scanned: int
    scan_done: bool
    documents_done: int
    documents_pending: int
    documents_failed: int
    bytes_done: int
    bytes_total: int
    chunks_embedded: int
    chunks_written: int
    tokens: int
    slots_free: int
    slots_parsing: int
    slots_embedding: int
    slots_writing: int
    memory_bytes: int
    max_memory_bytes: int
    current: tuple[str, ...]  # paths being read
    # How busy the stages were since the Progress before, from 0 to 1; the mean of a pool.
    parse_busy: float = 0.0
    embed_busy: float = 0.0
    write_busy: float = 0.0
    chunks_reused: int = 0


@dataclass(slots=True)
class Summary:
    """The counts of a run; the closing line of `--json` has these fields."""

    exit_code: int = int(ExitCode.DONE)
    documents_new: int = 0
    documents_changed: int = 0
    documents_unchanged: int = 0
    documents_removed: int = 0
    documents_failed: int = 0
    documents_quarantined: int = 0
    documents_skipped: int = 0
    documents_empty: int = 0
    chunks_embedded: int = 0
    chunks_reused: int = 0
    chunks_written: int = 0
    chunks_deleted: int = 0
    chunks_retokenized: int = 0
    tokens: int = 0
    batches: int = 0
    padded_tokens: int = 0
    seconds: float = 0.0
    first_write_seconds: float | None = None
    first_batch_seconds: float | None = None  # until the first batch began to be embedded
    model_load_seconds: float | None = None  # inference's imports and the weights
    embed_seconds: float = 0.0  # from the first batch's begin to the last one's end
    # Shares of `embed_seconds` spent working, from 0 to 1; the mean of a pool.
    inference_busy: float = 0.0
    parsers_busy: float = 0.0
    writer_busy: float = 0.0
    limited_by: str | None = None  # the `Stage` that the others waited for
    peak_memory_bytes: int = 0
    max_memory_bytes: int = 0
    parsers_replaced: int = 0
    deletions_held: int = 0
    scan_problems: int = 0
    images_embedded: int = 0  # of `chunks_embedded`
    stopped: str | None = None  # the setting that ended the run before its end: "max-duration"

    def as_dict(self) -> dict[str, object]:
        """The fields in their order of declaration."""
        return asdict(self)


class Action(Enum):
    """What a run would do with a document."""

    NEW = "new"
    CHANGED = "changed"
    MAYBE_CHANGED = "maybe-changed"  # its stamp differs; whether its content does, reading tells
    RETRIED = "retried"  # it failed before
    REMOVED = "removed"
    HELD = "held"  # it is gone, but so many are that its rows would be kept


@dataclass(frozen=True, slots=True)
class Planned:
    """A dry run's word on one document that a run would not leave alone."""

    source: str
    path: str
    action: Action
    bytes: int = 0  # of its file; 0 where that is gone


@dataclass(slots=True)
class Preview:
    """What a run would do; the `plan` line of `--json` has these fields.

    Bytes are those of the files. Tokens and seconds are estimates from what earlier runs took,
    None where there were none; those of the documents that may have changed stand apart, since
    they are nothing if their content is the same.
    """

    database: str
    collection: str
    exists: bool = False  # the collection is known here; else every document is new
    run_under_way: bool = False
    documents_new: int = 0
    documents_changed: int = 0
    documents_maybe_changed: int = 0
    documents_retried: int = 0
    documents_removed: int = 0
    documents_unchanged: int = 0
    documents_quarantined: int = 0
    documents_skipped: int = 0
    deletions_held: int = 0
    scan_problems: int = 0
    bytes_new: int = 0
    bytes_changed: int = 0
    bytes_maybe_changed: int = 0
    bytes_retried: int = 0
    tokens: int | None = None
    tokens_maybe: int | None = None
    seconds: float | None = None
    seconds_maybe: float | None = None


Event = RunStarted | DocumentDone | Notice | Progress | Planned | Preview | Summary
Listener = Callable[[Event], None]


def silent(event: Event) -> None:
    """A listener that hears nothing."""
