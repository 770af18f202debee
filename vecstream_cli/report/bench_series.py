"""A run's samples as curves: speeds from counts, smoothed as far as a person's eye wants it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from vecstream_cli.core.benchmark import RING, Bench, Run, Sample
from vecstream_cli.report.figures import rate

_LEAST_WINDOW = 2.0  # seconds: counts come in bursts
_MOST_POINTS = 600
_WINDOWS = 30  # of a whole run, where that is longer

Curve = tuple[list[float], list[float]]


@dataclass(frozen=True, slots=True)
class Bar:
    """What a stage could do: `stage` is parse, embed or write."""

    stage: str
    name: str
    speed: float
    words: str


def slots(sample: Sample) -> int:
    """All slots of the ring."""
    return sample.slots_free + sample.slots_parsing + sample.slots_embedding + sample.slots_writing


def thinned(run: Run) -> Run:
    """The same run with at most some hundred samples, the largest memory among them."""
    step = -(-len(run.samples) // _MOST_POINTS)
    if step <= 1:
        return run
    peak = max(range(len(run.samples)), key=lambda i: run.samples[i].memory_bytes)
    kept = [s for i, s in enumerate(run.samples) if i % step == 0 or i == peak]
    return replace(run, samples=(*kept, run.samples[-1]))


def token_speeds(run: Run) -> Curve:
    """Tokens a second, around each sample."""
    times = [0.0, *(sample.seconds for sample in run.samples)]
    return times, _slopes(times, [0.0, *(float(sample.tokens) for sample in run.samples)])


def rows_found(run: Run) -> Curve:
    """Rows in the database at each sample, and at the end all of them."""
    times = [0.0, *(min(sample.seconds, run.seconds) for sample in run.samples)]
    rows = [0.0, *(float(sample.chunks_written) for sample in run.samples)]
    return [*times, run.seconds], [*rows, float(run.rows)]


def smoothed(times: Sequence[float], values: Sequence[float]) -> list[float]:
    """The mean of each value and those before and after it."""
    passed = np.diff(times, prepend=times[:1])
    return _slopes(times, np.cumsum(passed * np.array(values)))


def capacities(bench: Bench) -> list[Bar]:
    """Each stage that has a capacity, and the ring itself."""
    bars = []
    names = {"chunk": "reading", "embed": "embedding"}
    for stage in bench.stages:
        if stage.chunks_per_second:
            kind = "parse" if stage.stage == "chunk" else stage.stage
            name = names.get(stage.stage, f"{stage.of}")
            speed = stage.chunks_per_second
            bars.append(Bar(kind, name, speed, rate(speed)))
    ring = bench.shown(RING)
    if ring is not None and ring.embed_seconds:
        speed = ring.chunks / ring.embed_seconds
        bars.append(Bar("ring", "whole ring", speed, rate(speed)))
    return [bar for bar in bars if bar.speed > 0]


def _slopes(
    times: Sequence[float], totals: "Sequence[float] | npt.NDArray[np.float64]"
) -> list[float]:
    """How fast a total grows around each moment."""
    at = np.array(times)
    half = max(_LEAST_WINDOW, (at[-1] - at[0]) / _WINDOWS) / 2
    early, late = np.maximum(at[0], at - half), np.minimum(at[-1], at + half)
    grown = np.interp(late, at, totals) - np.interp(early, at, totals)
    slopes: list[float] = (grown / np.maximum(late - early, 1e-9)).tolist()
    return slopes
