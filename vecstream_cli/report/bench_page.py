"""A benchmark as one page of HTML: complete in itself, no script, right in light and in dark."""

from collections.abc import Iterator, Sequence
from html import escape

from vecstream_cli.core.benchmark import RING, SEQUENTIAL, WAYS, Bench
from vecstream_cli.core.comparison import run_figures
from vecstream_cli.report.bench_plots import Plot, plots_of
from vecstream_cli.report.bench_style import STYLE
from vecstream_cli.report.bench_table import (
    bare,
    corpus_line,
    figure,
    findings,
    lengths_line,
    machine_line,
    middle,
    stage_name,
    tried,
    verdict,
    way_figures,
)
from vecstream_cli.report.figures import count, duration, plural, size


def page_of(bench: Bench) -> str:
    """The page. Loads nothing: style and drawings are in it."""
    return "\n".join(
        (
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            f"<title>vecstream bench, {_text(bench.started[:10])}</title>",
            f"<style>{STYLE}</style>",
            "</head>",
            "<body>",
            *_header(bench),
            "<main>",
            *_tiles(bench),
            '<section class="plots" aria-label="Plots">',
            *(line for plot in plots_of(bench) for line in _figure(plot)),
            "</section>",
            '<div class="pair">',
            *_runs(bench),
            *_advice(bench),
            "</div>",
            *_stages(bench),
            *_facts(bench),
            "</main>",
            f"<footer>vecstream {_text(bench.vecstream)}, {_text(bench.started)}</footer>",
            "</body>",
            "</html>",
            "",
        )
    )


def _header(bench: Bench) -> Iterator[str]:
    yield "<header>"
    yield f'<p class="eyebrow">vecstream bench · {_text(bench.started[:10])}</p>'
    yield f"<h1>{_text(verdict(bench))}</h1>"
    for sentence in findings(bench):
        yield f"<p>{_text(sentence)}</p>"
    yield "</header>"


def _tiles(bench: Bench) -> Iterator[str]:
    ring, other = bench.shown(RING), bench.shown(SEQUENTIAL)
    if ring is None:
        return
    yield '<section class="tiles" aria-label="In figures">'
    ours, theirs = way_figures(bench, RING), way_figures(bench, SEQUENTIAL)
    for label, name in (
        ("throughput", "tokens"),
        ("whole run", "total"),
        ("until the first rows", "first rows"),
        ("peak memory", "peak memory"),
    ):
        under = f"sequential: {middle(theirs[name])}" if other is not None else ""
        if name == "peak memory" and other is None:
            under = f"of {size(ring.max_memory_bytes)}"
        value = middle(ours[name]).replace("/s", " tokens/s")
        yield from _tile(label, value, under)
    yield from _tile("rows written", count(ring.rows), f"from {plural(ring.documents, 'document')}")
    yield "</section>"


def _tile(label: str, value: str, under: str) -> Iterator[str]:
    yield (
        f'<div class="tile"><p class="label">{_text(label)}</p>'
        f'<p class="value">{_text(value)}</p><p class="under">{_text(under)}</p></div>'
    )


def _figure(plot: Plot) -> Iterator[str]:
    yield f'<figure id="{plot.name}">'
    yield f"<h2>{_text(plot.title)}</h2>"
    yield f"<figcaption>{_text(plot.caption)}</figcaption>"
    if plot.legend:
        keys = "".join(
            f'<li><span class="key {name}" style="--key: var(--{name})"></span>{_text(words)}</li>'
            for name, words in plot.legend
        )
        yield f'<ul class="legend">{keys}</ul>'
    yield f'<div class="plot wide">{plot.wide}</div>'
    yield f'<div class="plot narrow">{plot.narrow}</div>'
    yield "</figure>"


def _runs(bench: Bench) -> Iterator[str]:
    ways = [way for way in WAYS if bench.of(way)]
    measures = [list(run_figures(bench.of(way))) for way in ways]
    rows = [[each[0].name, *(bare(m) for m in each)] for each in zip(*measures, strict=True)]
    shown = [run for way in ways if (run := bench.shown(way)) is not None]
    rows.append(["rows", *(count(run.rows) for run in shown)])
    rows.append(["documents failed", *(count(run.failed) for run in shown)])
    repeated = len(bench.of(RING))
    title = "Whole runs" + (f", median of {repeated}" if repeated > 1 else "")
    yield from _table(title, ["", *ways], rows)


def _stages(bench: Bench) -> Iterator[str]:
    rows = []
    for stage in bench.stages:
        figures = " · ".join(figure(measure) for measure in stage.measures) or stage.note
        rows.append([stage_name(stage), figures, stage.work])
    yield from _table("Each stage alone", ["stage", "speed", "measured on"], rows, words=True)


def _advice(bench: Bench) -> Iterator[str]:
    yield '<section class="card"><h2>Recommended settings</h2>'
    yield f"<p>{_text(tried(bench))}</p>"
    lines = []
    for each in bench.advice:
        value = str(each.value) if isinstance(each.value, int) else f'"{each.value}"'
        lines.append(f'<span class="why"># {_text(each.why)}</span>\n{each.key} = {_text(value)}')
    if lines:
        yield "<pre>" + "\n".join(lines) + "</pre>"
    yield "</section>"


def _facts(bench: Bench) -> Iterator[str]:
    facts = [
        ("documents", corpus_line(bench)),
        ("chunks", lengths_line(bench)),
        ("machine", machine_line(bench)),
        ("settings", ", ".join(f"{key} {value}" for key, value in bench.settings.items())),
        ("versions", ", ".join(f"{name} {number}" for name, number in bench.versions.items())),
        ("took", duration(bench.seconds)),
    ]
    yield '<section class="card"><h2>What was measured, and where</h2><dl>'
    for name, text in facts:
        yield f"<dt>{_text(name)}</dt><dd>{_text(text)}</dd>"
    yield "</dl></section>"


def _table(
    title: str, head: Sequence[str], rows: Sequence[Sequence[str]], *, words: bool = False
) -> Iterator[str]:
    kind = ' class="words"' if words else ""
    yield f'<section class="card"><h2>{_text(title)}</h2><div class="scroll"><table{kind}>'
    yield "<thead><tr>" + "".join(f"<th>{_text(cell)}</th>" for cell in head) + "</tr></thead>"
    yield "<tbody>"
    for first, *rest in rows:
        cells = "".join(f"<td>{_text(cell)}</td>" for cell in rest)
        yield f'<tr><th scope="row">{_text(first)}</th>{cells}</tr>'
    yield "</tbody></table></div></section>"


def _text(text: str) -> str:
    """Escaped for HTML; what has no characters (a file name that is not UTF-8) shown as bytes."""
    return escape(text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace"))
