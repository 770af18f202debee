"""What the figures of a benchmark say: which stage limits a machine, and what to set there."""

from collections.abc import Sequence
from math import ceil

from vecstream_cli.core.benchmark import Advice, Run, StageAlone

_STEP = 64 << 20  # ceilings are rounded up to it
_THROTTLED_FROM = 0.92  # of the ceiling: documents are held back above it
_SPARE = 1.3  # parsers for so many times what inference can take: documents are not alike
_SECONDS_HELD = 5  # the writer writes at the latest after so long
_PIPELINE_SLOTS = 8  # two windows of an inference process


def limit_of(runs: Sequence[Run], stages: Sequence[StageAlone]) -> str:
    """The stage that holds the others back: as most runs say, or as the stages alone do."""
    told = [run.limited_by for run in runs if run.limited_by]
    if told:
        return max(sorted(set(told)), key=told.count)
    known = [stage for stage in stages if stage.chunks_per_second]
    slowest = min(known, key=lambda stage: stage.chunks_per_second or 0, default=None)
    return slowest.stage if slowest else "embed"


def parsers_for(per_parser: float, embedding: float, cores: int, limit: str) -> int:
    """Parser processes that keep inference busy, by chunks a second of one and of all of it."""
    if limit == "parse":
        return max(1, cores)
    enough = ceil(_SPARE * embedding / per_parser) if per_parser else 1
    return max(1, min(enough, cores))


def slots_for(
    embedding: float, rows_per_slot: int, batch_rows: int, parsers: int, *, inferences: int = 1
) -> int:
    """Slots of the ring: for inference, for what the writer holds, and two for each parser."""
    held = min(batch_rows, _SECONDS_HELD * embedding) / max(1, rows_per_slot)
    return 4 * ceil((_PIPELINE_SLOTS * inferences + held + 2 * parsers) / 4)


def ceiling_for(peak: int, least: int) -> int:
    """A ceiling under which a run of this peak is not held back, and that is not refused."""
    return ceil(max(peak / _THROTTLED_FROM, least) / _STEP) * _STEP


def advice_of(
    run: Run,
    *,
    per_parser: float,
    embedding: float,
    parsers: int,
    slots: int,
    ceiling: int,
) -> tuple[Advice, ...]:
    """The settings to keep, each with its reason."""
    return (
        Advice(
            key="parsers",
            value=parsers,
            why=f"one parser makes {per_parser:,.0f} chunks/s, inference takes {embedding:,.0f}",
        ),
        Advice(
            key="buffer",
            value=slots,
            why="slots for two windows of inference, what the writer holds, and the parsers",
        ),
        Advice(
            key="max-memory",
            value=f"{ceiling >> 20}M",
            why=f"the peak was {run.peak_memory_bytes >> 20} MiB; documents are held back at 92 %",
        ),
    )
