"""Runs as they were recorded, merged, and their middle and spread."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

FIRST, AGAIN, CHANGED = "first", "again", "changed"
PHASES = (FIRST, AGAIN, CHANGED)  # into a new table; nothing changed; 1 % of the files changed


@dataclass(frozen=True, slots=True)
class Run:
    """One measured run; the table's `rows`, `documents` and `tokens` are from after it."""

    contender: str
    phase: str
    round: int
    exit_code: int
    seconds: float
    cpu_seconds: float
    peak_bytes: int
    first_rows_seconds: float | None = None
    model_load_seconds: float | None = None
    rows: int = 0
    documents: int = 0
    tokens: int = 0
    longest: int = 0
    complaint: str = ""

    @property
    def done(self) -> bool:
        return self.exit_code == 0


@dataclass(frozen=True, slots=True)
class Record:
    """All runs of a comparison, with what is needed to read them.

    `versions` are packages by contender, `agreement` the smallest cosine between its stored
    vectors and those of sentence-transformers for the same texts.
    """

    date: str
    machine: str
    commit: str
    corpus: str
    digest: str
    files: int
    changed_files: int
    size: int
    runs: tuple[Run, ...]
    versions: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    agreement: Mapping[str, float] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", "utf-8")

    @classmethod
    def load(cls, path: Path) -> "Record":
        data: dict[str, Any] = json.loads(path.read_text("utf-8"))
        runs = tuple(Run(**run) for run in data.pop("runs"))
        return cls(**data, runs=runs)


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle of some figures, with the least and the greatest."""

    middle: float
    least: float
    most: float

    @classmethod
    def of(cls, figures: Iterable[float | None]) -> "Spread | None":
        """None where there are none."""
        known = [figure for figure in figures if figure is not None]
        return cls(median(known), min(known), max(known)) if known else None


@dataclass(frozen=True, slots=True)
class Row:
    """A contender's figures over all rounds of one phase."""

    seconds: Spread
    cpu_seconds: Spread
    first_rows_seconds: Spread | None
    model_load_seconds: Spread | None
    peak_bytes: Spread
    chunks_per_second: Spread
    tokens_per_second: Spread
    rows: tuple[int, ...]  # all counts that were seen, in order
    documents: int
    tokens: int
    longest: int


class Mismatch(ValueError):
    """Records that cannot be told in one table."""


def merge(records: Iterable[Record]) -> Record:
    """One record of all runs; Mismatch where corpus, machine or commit differ.

    Rounds are counted on, so that the same contender may be measured in several records.
    """
    first, *others = records
    runs = list(first.runs)
    versions, agreement = dict(first.versions), dict(first.agreement)
    for other in others:
        for name in ("digest", "machine", "commit"):
            if getattr(first, name) != getattr(other, name):
                raise Mismatch(
                    f"{name} differs: {getattr(first, name)!r}, {getattr(other, name)!r}"
                )
        start = 1 + max((run.round for run in runs), default=-1)
        runs += [Run(**{**asdict(run), "round": run.round + start}) for run in other.runs]
        versions |= other.versions
        agreement |= other.agreement
    fields = {name: getattr(first, name) for name in Record.__slots__}
    return Record(**{**fields, "runs": tuple(runs), "versions": versions, "agreement": agreement})


def rounds(record: Record, phase: str) -> int:
    """The most times any contender was measured in it."""
    counts = [sum(1 for _ in runs) for runs in by_contender(record, phase).values()]
    return max(counts, default=0)


def by_contender(record: Record, phase: str) -> dict[str, list[Run]]:
    """The runs of one phase that ended well, in the order they were measured."""
    found: dict[str, list[Run]] = {}
    for run in record.runs:
        if run.phase == phase and run.done:
            found.setdefault(run.contender, []).append(run)
    return found


def summarize(runs: list[Run]) -> Row:
    """The figures of one contender in one phase; there is at least one run."""

    def spread(figures: Iterable[float]) -> Spread:
        found = Spread.of(figures)
        assert found is not None
        return found

    return Row(
        seconds=spread(run.seconds for run in runs),
        cpu_seconds=spread(run.cpu_seconds for run in runs),
        first_rows_seconds=Spread.of(run.first_rows_seconds for run in runs),
        model_load_seconds=Spread.of(run.model_load_seconds for run in runs),
        peak_bytes=spread(run.peak_bytes for run in runs),
        chunks_per_second=spread(run.rows / run.seconds for run in runs),
        tokens_per_second=spread(run.tokens / run.seconds for run in runs),
        rows=tuple(sorted({run.rows for run in runs})),
        documents=max(run.documents for run in runs),
        tokens=runs[-1].tokens,
        longest=max(run.longest for run in runs),
    )
