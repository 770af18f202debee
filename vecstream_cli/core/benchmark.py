"""What a benchmark found: plain records that become JSON and come back the same.

Sizes are bytes, times seconds, shares go from 0 to 1. Fields may be added; none changes meaning.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median

RING, RECOMMENDED, SEQUENTIAL = "ring", "recommended", "sequential"
WAYS = RING, RECOMMENDED, SEQUENTIAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One figure measured several times; more of it is better, but in seconds and bytes."""

    name: str
    unit: str
    values: tuple[float, ...]

    @property
    def middle(self) -> float:
        """The median; 0 where nothing was measured."""
        return float(median(self.values)) if self.values else 0.0

    @property
    def spread(self) -> float:
        """How far the largest value is from the smallest, as a share of the median."""
        return (max(self.values) - min(self.values)) / self.middle if self.middle else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """The machine; `cgroup_bytes` is the container's limit, `load` that of before the start."""

    cpu: str
    cores: int
    memory_bytes: int
    cgroup_bytes: int | None = None
    system: str
    python: str
    gpu: str | None = None
    load: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """The documents of one format."""

    name: str
    documents: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lengths:
    """The tokens of the chunks: `counts[i]` chunks have `edges[i]` to `edges[i + 1]` of them."""

    chunks: int
    tokens: int
    p5: int
    p50: int
    p95: int
    edges: tuple[int, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """What was indexed. `digest` covers names and contents; `whole` is False for a sample."""

    name: str
    generated: bool
    whole: bool
    digest: str
    documents: int
    bytes: int
    formats: tuple[Format, ...]
    lengths: Lengths


@dataclass(frozen=True, slots=True, kw_only=True)
class StageAlone:
    """A stage measured by itself: ``parse`` of ``pdf``, ``write`` of ``lance append``.

    `chunks_per_second` is what the whole stage (all of its processes) could do for the ring with
    these documents, None where that is not to be said.
    """

    stage: str
    of: str
    work: str
    measures: tuple[Measure, ...]
    chunks_per_second: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A moment of a run; what a way of indexing does not have stays 0."""

    seconds: float
    memory_bytes: int
    chunks_embedded: int = 0
    chunks_written: int = 0
    tokens: int = 0
    slots_free: int = 0
    slots_parsing: int = 0
    slots_embedding: int = 0
    slots_writing: int = 0
    parse_busy: float = 0.0
    embed_busy: float = 0.0
    write_busy: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A part of a sequential run."""

    name: str
    start: float
    end: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """All documents indexed once: `seconds` ends when every row is durable and was counted.

    `rows` is what a new reader of the database found; `first_rows_seconds` is when the first of
    them could be found. `embed_seconds` goes from the first batch to the last one.
    """

    way: str
    seconds: float
    rows: int
    documents: int
    failed: int
    chunks: int
    tokens: int
    padded_tokens: int
    peak_memory_bytes: int
    max_memory_bytes: int = 0
    model_load_seconds: float | None = None
    first_rows_seconds: float | None = None
    embed_seconds: float | None = None
    parse_busy: float = 0.0
    embed_busy: float = 0.0
    write_busy: float = 0.0
    limited_by: str | None = None
    phases: tuple[Phase, ...] = ()
    samples: tuple[Sample, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """A setting to use on this machine: its key in a configuration file, its value and why."""

    key: str
    value: str | int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A whole benchmark; `settings` is what ran, `advice` what did as well or better when tried.

    `limit` is the stage that holds the others back, empty where there was too little to do to say.
    """

    vecstream: str
    started: str
    seconds: float
    host: Host
    versions: Mapping[str, str]
    settings: Mapping[str, str | int]
    corpus: Corpus
    stages: tuple[StageAlone, ...]
    runs: tuple[Run, ...]
    limit: str
    advice: tuple[Advice, ...] = field(default=())
    schema: int = 1

    def of(self, way: str) -> tuple[Run, ...]:
        """The runs that went this way, in order."""
        return tuple(run for run in self.runs if run.way == way)

    def shown(self, way: str) -> Run | None:
        """The run of median length, to draw: its curves belong to its figures."""
        runs = sorted(self.of(way), key=lambda run: run.seconds)
        return runs[(len(runs) - 1) // 2] if runs else None
