"""The plots of a benchmark, drawn by matplotlib as SVG whose colours are the page's own.

Each colour is drawn as a stand-in and replaced by a CSS variable, so that one drawing is right in
light and in dark; text stays text, in the page's font.
"""

import io
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from vecstream_cli.core.benchmark import RING, SEQUENTIAL, Bench, Run
from vecstream_cli.errors import UsageError
from vecstream_cli.report import bench_series as series
from vecstream_cli.report.figures import size

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_Way = tuple[str, Run]
_Legend = tuple[tuple[str, str], ...]

BROAD, WIDE, NARROW = (12.9, 3.3), (6.4, 3.0), (3.7, 2.9)  # inches of 100 pixels
GIB = 1 << 30
_FAR_ABOVE = 2.5  # times the peak
_MARGIN = 1.02  # of a time axis, so that what happens at the end is seen

# name of the CSS variable → its stand-in, a colour that nothing else is drawn in
_STAND_INS = {
    "ink": "#010203", "muted": "#040506", "grid": "#070809", "ring": "#0a0b0c",
    "sequential": "#0d0e0f", "parse": "#101112", "embed": "#131415", "write": "#161718",
    "ceiling": "#191a1b", "panel": "#1c1d1e",
}  # fmt: skip
_RC: Any = {
    "svg.fonttype": "none", "svg.hashsalt": "vecstream", "font.size": 9.0,
    "text.color": _STAND_INS["muted"], "axes.labelcolor": _STAND_INS["muted"],
    "axes.edgecolor": _STAND_INS["grid"], "xtick.color": _STAND_INS["grid"],
    "ytick.color": _STAND_INS["grid"], "xtick.labelcolor": _STAND_INS["muted"],
    "ytick.labelcolor": _STAND_INS["muted"], "grid.color": _STAND_INS["grid"],
    "axes.grid": True, "axes.grid.axis": "y", "axes.spines.top": False,
    "axes.spines.right": False, "axes.spines.left": False, "ytick.left": False,
    "axes.axisbelow": True, "axes.linewidth": 0.8, "grid.linewidth": 0.8,
    "lines.linewidth": 1.8, "lines.solid_joinstyle": "round", "figure.dpi": 100.0,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Plot:
    """A drawing in two widths; `legend` pairs the name of a CSS variable with words."""

    name: str
    title: str
    caption: str
    legend: _Legend
    wide: str
    narrow: str


def must_be_installed() -> None:
    """Raise UsageError where the plotting library is not there."""
    from importlib.util import find_spec

    if find_spec("matplotlib") is None:
        raise UsageError(
            "--report needs matplotlib, which is not installed.",
            hint="Install it with: pip install 'vecstream[report]'",
        )


def plots_of(bench: Bench) -> list[Plot]:
    """Every plot that this benchmark has figures for."""
    ring, sequential = bench.shown(RING), bench.shown(SEQUENTIAL)
    if ring is None or not ring.samples:
        return []
    ring, sequential = series.thinned(ring), sequential and series.thinned(sequential)
    both = (("ring", "ring"), ("sequential", "sequential")) if sequential else (("ring", "ring"),)
    stages = (("parse", "reading"), ("embed", "embedding"), ("write", "writing"))
    runs = [(way, run) for way, run in (("ring", ring), ("sequential", sequential)) if run]
    with _no_traces():
        return _all_plots(bench, ring, runs, both, stages)


def _all_plots(
    bench: Bench, ring: Run, runs: Sequence[_Way], both: _Legend, stages: _Legend
) -> list[Plot]:
    return [
        _plot(
            "memory", "Memory over time", "All processes together, shared memory counted once.",
            (*both, ("ceiling", "ceiling")), lambda a: _memory(a, runs, ring.max_memory_bytes),
            broad=True,
        ),
        _plot(
            "throughput", "Throughput over time", "Real tokens embedded in a second.",
            both, lambda a: _throughput(a, runs),
        ),
        _plot(
            "rows", "Rows that can be searched", "What a reader of the database would find.",
            both, lambda a: _rows(a, runs),
        ),
        _plot(
            "busy", "How busy each stage was",
            "Share of the time that the ring's processes worked; the mean where there are several.",
            stages, lambda a: _busy(a, ring), panels=3,
        ),
        _plot(
            "buffer", "Fill of the buffer", "Slots of the ring, by who has them.",
            stages, lambda a: _buffer(a, ring),
        ),
        _plot(
            "alone", "What each stage could do alone",
            "Chunks a second, on a logarithmic scale; the shortest bar is the limit.",
            stages, lambda a: _alone(a, bench),
        ),
        _plot(
            "lengths", "Lengths of the chunks", "Tokens of a chunk, special ones included.",
            (), lambda a: _lengths(a, bench),
        ),
    ]  # fmt: skip


@contextmanager
def _no_traces() -> Iterator[None]:
    """Keep matplotlib, which lists the fonts when it is first loaded, from saving that list."""
    if "matplotlib" in sys.modules or "MPLCONFIGDIR" in os.environ:
        yield
        return
    with TemporaryDirectory(prefix="vecstream-bench-") as folder:
        os.environ["MPLCONFIGDIR"] = folder
        try:
            yield
        finally:
            del os.environ["MPLCONFIGDIR"]


def _plot(
    name: str,
    title: str,
    caption: str,
    legend: _Legend,
    draw: Callable[[Any], None],
    panels: int = 1,
    broad: bool = False,
) -> Plot:
    wide, narrow = (
        _drawn(f"{name}-{kind}", inches, draw, panels)
        for kind, inches in (("wide", BROAD if broad else WIDE), ("narrow", NARROW))
    )
    return Plot(name, title, caption, legend, wide, narrow)


def _drawn(
    prefix: str, inches: tuple[float, float], draw: Callable[[Any], None], panels: int
) -> str:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context():
        mpl.rcdefaults()  # a user's own style is for the user's own plots
        mpl.rcParams.update(_RC)
        figure: Figure = Figure(figsize=inches, layout="constrained")
        axes = figure.subplots(panels, 1, sharex=True)
        draw(axes)
        out = io.StringIO()
        figure.savefig(out, format="svg", transparent=True, metadata={"Date": None})
    return _embedded(out.getvalue(), prefix)


def _embedded(svg: str, prefix: str) -> str:
    """The drawing as a part of a page: no prologue, ids of its own, the page's colours."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.S)
    svg = re.sub(r'\bid="', f'id="{prefix}-', svg)
    svg = re.sub(r"url\(#", f"url(#{prefix}-", svg)
    svg = re.sub(r'xlink:href="#', f'xlink:href="#{prefix}-', svg)
    for name, colour in _STAND_INS.items():
        svg = svg.replace(colour, f"var(--{name})")
    head = '<svg aria-hidden="true" focusable="false" '
    svg = re.sub(r'<svg ([^>]*?)(width|height)="[^"]*" ', r"<svg \1", svg)
    svg = re.sub(r'<svg ([^>]*?)(width|height)="[^"]*" ', r"<svg \1", svg)
    return svg.replace("<svg ", head, 1)


def _memory(axes: "Axes", runs: Sequence[_Way], ceiling: int) -> None:
    for way, run in runs:
        times = [sample.seconds for sample in run.samples]
        sizes = [sample.memory_bytes / GIB for sample in run.samples]
        axes.plot(times, sizes, color=_STAND_INS[way])
        axes.fill_between(times, sizes, color=_STAND_INS[way], alpha=0.10, linewidth=0)
    axes.set_ylabel("GiB")
    peak = max(sample.memory_bytes for _, run in runs for sample in run.samples)
    if ceiling < _FAR_ABOVE * peak:
        axes.axhline(ceiling / GIB, color=_STAND_INS["ceiling"], linestyle=(0, (4, 3)))
        _from_zero(axes, runs)
        return
    # To scale, all curves would lie at the bottom.
    _from_zero(axes, runs)
    axes.text(
        0.995, 0.96, f"▲ ceiling: {size(ceiling)}, far above", transform=axes.transAxes,
        ha="right", va="top", color=_STAND_INS["ceiling"],
    )  # fmt: skip
    axes.set_ylim(0, 1.25 * peak / GIB)


def _throughput(axes: "Axes", runs: Sequence[_Way]) -> None:
    for way, run in runs:
        times, speeds = series.token_speeds(run)
        axes.plot(times, [speed / 1000 for speed in speeds], color=_STAND_INS[way])
    axes.set_ylabel("thousand tokens/s")
    _from_zero(axes, runs)


def _rows(axes: "Axes", runs: Sequence[_Way]) -> None:
    for way, run in runs:
        times, rows = series.rows_found(run)
        axes.plot(times, rows, color=_STAND_INS[way], drawstyle="steps-post")
        axes.plot(times[-1:], rows[-1:], color=_STAND_INS[way], marker="o", markersize=4.5)
    axes.set_ylabel("rows")
    _from_zero(axes, runs)


def _busy(axes: "Sequence[Axes]", ring: Run) -> None:
    times = [sample.seconds for sample in ring.samples]
    shares = {
        "parse": [sample.parse_busy for sample in ring.samples],
        "embed": [sample.embed_busy for sample in ring.samples],
        "write": [sample.write_busy for sample in ring.samples],
    }
    for panel, (name, values) in zip(axes, shares.items(), strict=True):
        percent = [100 * value for value in series.smoothed(times, values)]
        panel.fill_between(times, percent, color=_STAND_INS[name], alpha=0.30, linewidth=0)
        panel.plot(times, percent, color=_STAND_INS[name])
        panel.set_ylim(0, 108)
        panel.set_yticks([0, 50, 100], ["0", "50", "100 %"])
        panel.set_xlim(0, _MARGIN * max(1.0, ring.seconds))
    axes[-1].set_xlabel("seconds")


def _buffer(axes: "Axes", ring: Run) -> None:
    samples = ring.samples
    times = [sample.seconds for sample in samples]
    names = ("parse", "embed", "write")
    slots = (
        [sample.slots_parsing for sample in samples],
        [sample.slots_embedding for sample in samples],
        [sample.slots_writing for sample in samples],
    )
    colours = [_STAND_INS[name] for name in names]
    axes.stackplot(times, *slots, colors=colours, alpha=0.75, linewidth=0, step="mid")
    total = max(series.slots(sample) for sample in samples)
    most = max(total - sample.slots_free for sample in samples)
    axes.set_ylabel(f"slots, of {total}")
    if total < _FAR_ABOVE * most:
        axes.axhline(total, color=_STAND_INS["muted"], linewidth=1.0, linestyle=(0, (1, 2)))
        _from_zero(axes, [("ring", ring)])
        return
    _from_zero(axes, [("ring", ring)])
    axes.set_ylim(0, 1.35 * max(1, most))
    axes.text(
        0.995, 0.97, f"at most {most} of {total}", transform=axes.transAxes,
        ha="right", va="top", color=_STAND_INS["muted"],
    )  # fmt: skip


def _alone(axes: "Axes", bench: Bench) -> None:
    from matplotlib.ticker import NullLocator

    bars = series.capacities(bench)[::-1]
    places = range(len(bars))
    axes.barh(
        places, [bar.speed for bar in bars], height=0.62,
        color=[_STAND_INS["muted" if bar.stage == "ring" else bar.stage] for bar in bars],
    )  # fmt: skip
    axes.set_yticks(places, [bar.name for bar in bars])
    axes.set_xscale("log")
    low, high = (choose(bar.speed for bar in bars) for choose in (min, max))
    axes.set_xlim(low / 6, high * 6)
    for place, bar in zip(places, bars, strict=True):
        axes.text(bar.speed * 1.12, place, bar.words, va="center", color=_STAND_INS["ink"])
    axes.grid(visible=True, axis="x")
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("chunks/s")
    axes.xaxis.set_major_formatter(lambda v, _: f"{v:g}" if v < 1000 else f"{v / 1000:g}k")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.tick_params(axis="y", labelcolor=_STAND_INS["ink"])


def _lengths(axes: "Axes", bench: Bench) -> None:
    lengths = bench.corpus.lengths
    widths = [b - a for a, b in zip(lengths.edges, lengths.edges[1:], strict=False)]
    axes.bar(
        lengths.edges[:-1], lengths.counts, width=widths, align="edge",
        color=_STAND_INS["embed"], edgecolor=_STAND_INS["panel"], linewidth=1.0,
    )  # fmt: skip
    axes.set_xlabel("tokens")
    axes.set_ylabel("chunks")
    axes.set_xlim(0, max(lengths.edges))


def _from_zero(axes: "Axes", runs: Sequence[_Way]) -> None:
    """Both axes from 0, with room above the highest line."""
    axes.autoscale_view()
    axes.set_ylim(0, 1.08 * max(axes.dataLim.y1, 1e-3))
    axes.yaxis.set_major_formatter("{x:,g}")
    axes.set_xlim(0, _MARGIN * max(1.0, *(run.seconds for _, run in runs)))
    axes.set_xlabel("seconds")
