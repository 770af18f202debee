"""Two benchmarks side by side: figure by figure, and whether they differ by more than chance."""

from collections.abc import Iterator
from dataclasses import dataclass

from vecstream_cli.core.benchmark import WAYS, Bench, Measure, Run

_LESS_IS_BETTER = frozenset({"s", "B", "%"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A figure of both. `beyond` says whether no value of one lies among those of the other,
    None where one of them was measured only once and nobody can tell."""

    what: str
    unit: str
    first: Measure
    second: Measure
    ratio: float
    beyond: bool | None

    @property
    def better(self) -> bool:
        """The second one is the better one."""
        return (self.ratio < 1) == (self.unit in _LESS_IS_BETTER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The figures that both have, and what else differs, so that ratios are read with care."""

    first: Bench
    second: Bench
    differences: tuple[Difference, ...]
    unlike: tuple[str, ...]


def compare(first: Bench, second: Bench) -> Comparison:
    """Tell the two apart."""
    theirs = dict(_figures(second))
    found = []
    for what, mine in _figures(first):
        other = theirs.get(what)
        if other is not None and mine.middle and other.middle:
            found.append(
                Difference(
                    what=what,
                    unit=mine.unit,
                    first=mine,
                    second=other,
                    ratio=other.middle / mine.middle,
                    beyond=_beyond(mine, other),
                )
            )
    return Comparison(
        first=first,
        second=second,
        differences=tuple(found),
        unlike=tuple(_unlike(first, second)),
    )


def run_figures(runs: tuple[Run, ...]) -> Iterator[Measure]:
    """What is told of runs that went the same way."""

    def measure(name: str, unit: str, values: list[float]) -> Measure:
        return Measure(name=name, unit=unit, values=tuple(values))

    yield measure("total", "s", [run.seconds for run in runs])
    yield measure("first rows", "s", [run.first_rows_seconds or 0.0 for run in runs])
    yield measure("model load", "s", [run.model_load_seconds or 0.0 for run in runs])
    yield measure("chunks", "/s", [run.rows / run.seconds for run in runs if run.seconds])
    yield measure("tokens", "/s", [run.tokens / run.seconds for run in runs if run.seconds])
    embedding = [run.tokens / run.embed_seconds for run in runs if run.embed_seconds]
    yield measure("tokens while embedding", "/s", embedding)
    yield measure("peak memory", "B", [float(run.peak_memory_bytes) for run in runs])


def _figures(bench: Bench) -> Iterator[tuple[str, Measure]]:
    for stage in bench.stages:
        for each in stage.measures:
            yield " ".join(filter(None, (stage.stage, stage.of, each.name))), each
    for way in WAYS:
        for each in run_figures(bench.of(way)):
            if each.values:
                yield f"{way} {each.name}", each


def _beyond(first: Measure, second: Measure) -> bool | None:
    if len(first.values) < 2 or len(second.values) < 2:
        return None
    return max(first.values) < min(second.values) or max(second.values) < min(first.values)


def _unlike(first: Bench, second: Bench) -> Iterator[str]:
    if first.corpus.digest != second.corpus.digest:
        yield (
            f"other documents: {first.corpus.name} ({first.corpus.documents:,}, "
            f"{first.corpus.digest}) and {second.corpus.name} ({second.corpus.documents:,}, "
            f"{second.corpus.digest}); totals cannot be compared, speeds with care"
        )
    for name in ("cpu", "cores", "memory_bytes", "gpu", "python"):
        mine, other = getattr(first.host, name), getattr(second.host, name)
        if mine != other:
            yield f"{name.removesuffix('_bytes')}: {mine} and {other}"
    for kind, mine, other in (
        ("", first.versions, second.versions),
        ("--", first.settings, second.settings),
    ):
        for key in sorted({*mine, *other}):
            if mine.get(key) != other.get(key):
                yield f"{kind}{key}: {mine.get(key, 'none')} and {other.get(key, 'none')}"
