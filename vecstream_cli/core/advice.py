"""What the figures of a benchmark say: which stage limits a machine, and what to set there."""

from collections.abc import Sequence
from math import ceil
from statistics import median

from vecstream_cli.core.benchmark import Advice, Run, StageAlone

_STEP = 64 << 20  # ceilings are rounded up to it
_THROTTLED_FROM = 0.92  # of the ceiling: documents are held back above it
_SPARE = 1.3  # parsers for so many times what inference can take: documents are not alike
_LEAST_PARSERS = 2  # one goes on while the other is at a slow document
_LEAST_CHUNKS = 64  # fewer are embedded in one go, and say nothing of a run
_AS_FAST = 1.05  # times as long is no slower: two runs of the same settings differ as much


def limit_of(runs: Sequence[Run], stages: Sequence[StageAlone]) -> str:
    """The stage that holds the others back: as most runs say, or as the stages alone do.

    Empty where the runs were too short to say.
    """
    if any(run.chunks < _LEAST_CHUNKS for run in runs):
        return ""
    told = [run.limited_by for run in runs if run.limited_by]
    if told:
        return max(sorted(set(told)), key=told.count)
    known = [stage for stage in stages if stage.chunks_per_second]
    slowest = min(known, key=lambda stage: stage.chunks_per_second or 0, default=None)
    return slowest.stage if slowest else "embed"


def parsers_for(per_parser: float, embedding: float, cores: int, limit: str) -> int:
    """Parser processes that keep inference busy, by chunks a second of one and of all of it."""
    if limit == "parse":
        return max(_LEAST_PARSERS, cores)
    enough = ceil(_SPARE * embedding / per_parser) if per_parser else 1
    return max(_LEAST_PARSERS, min(enough, cores))


def ceiling_for(peak: int, least: int) -> int:
    """A ceiling under which a run of this peak is not held back, nor one that needs `least`."""
    return ceil(max(peak / _THROTTLED_FROM, least) / _STEP) * _STEP


def advice_of(
    run: Run, *, per_parser: float, embedding: float, parsers: int, ceiling: int
) -> tuple[Advice, ...]:
    """The settings to try, each with its reason."""
    why = f"one parser makes {per_parser:,.0f} chunks/s, inference takes {embedding:,.0f}"
    if parsers == _LEAST_PARSERS and per_parser > _SPARE * embedding:
        why += "; a second goes on beside a slow document"
    return (
        Advice(key="parsers", value=parsers, why=why),
        Advice(
            key="max-memory",
            value=f"{ceiling >> 20}M",
            why=f"the peak was {run.peak_memory_bytes >> 20} MiB; the rest is for larger documents",
        ),
    )


def stood(advice: tuple[Advice, ...], usual: Sequence[Run], tried: Sequence[Run]) -> bool:
    """Whether runs with these settings were no slower, and lost no document."""
    if not advice or not tried:
        return False
    longer = median(run.seconds for run in tried) / median(run.seconds for run in usual)
    failed = max(run.failed for run in tried) > max(run.failed for run in usual)
    return longer <= _AS_FAST and not failed
