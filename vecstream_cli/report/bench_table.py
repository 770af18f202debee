"""A benchmark as a person reads it: the verdict first, then the runs, the stages, the advice."""

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.text import Text

from vecstream_cli.core.benchmark import RING, SEQUENTIAL, Bench, Measure, Run, StageAlone
from vecstream_cli.core.comparison import Comparison, Difference, run_figures
from vecstream_cli.report.escape import printable
from vecstream_cli.report.figures import count, duration, plural, rate, size
from vecstream_cli.report.layout import print_indented

WAYS = {RING: "ring", SEQUENTIAL: "sequential"}
DOING = {"parse": "Reading", "chunk": "Reading", "embed": "Embedding", "write": "Writing"}
_WIDE = 78  # columns that the widest lines need


def print_bench(console: Console, bench: Bench) -> None:
    """All of it."""
    console.print(Text(verdict(bench), "bold"))
    for sentence in findings(bench):
        print_indented(console, Text(sentence))
    _print_about(console, bench)
    console.print()
    _print_runs(console, bench)
    console.print()
    _print_stages(console, bench)
    console.print()
    console.print(Text("Recommended settings", "bold"))
    for each in bench.advice:
        text = Text.assemble((f"--{each.key} {each.value}", "cyan"), f"  {each.why}")
        print_indented(console, text, 4, first=Text("  "))


def verdict(bench: Bench) -> str:
    """Which stage limits this machine."""
    return f"{DOING.get(bench.limit, bench.limit.capitalize())} limits this machine."


def findings(bench: Bench) -> Iterator[str]:
    """What there is to say of the runs, a sentence each."""
    ring = bench.shown(RING)
    if ring is None:
        return
    yield (
        f"Between the first batch and the last, inference was busy {ring.embed_busy:.0%} of the "
        f"time, the parsers {ring.parse_busy:.0%}, the writer {ring.write_busy:.0%}."
    )
    yield (
        f"Peak memory was {size(ring.peak_memory_bytes)}, under a ceiling of "
        f"{size(ring.max_memory_bytes)}."
    )
    other = bench.shown(SEQUENTIAL)
    if other is None:
        return
    ours, theirs = (way_figures(bench, way) for way in (RING, SEQUENTIAL))
    longer = theirs["total"].middle / ours["total"].middle
    held, late, early = (
        middle(each) for each in (theirs["peak memory"], theirs["first rows"], ours["first rows"])
    )
    yield (
        f"The sequential way took {longer:.2f} times as long, held {held}, and had its first rows "
        f"after {late}; the ring had them after {early}."
    )
    if other.rows == ring.rows:
        yield f"Both wrote the same {plural(ring.rows, 'row')}."
    else:
        yield (
            f"They did not write the same rows: the ring {count(ring.rows)}, "
            f"the sequential way {count(other.rows)}."
        )


def stage_name(stage: StageAlone) -> str:
    """``parse pdf``, ``write lance append``."""
    return f"{stage.stage} {stage.of}".strip()


def figure(measure: Measure) -> str:
    """``412 pages/s ±3%``: the median, and half of the spread where there is one."""
    text = {
        "s": lambda: duration(measure.middle),
        "B": lambda: size(round(measure.middle)),
        "%": lambda: f"{measure.middle:.1f} % {measure.name}",
        "MB/s": lambda: f"{rate(measure.middle)} MB/s",
    }.get(measure.unit, lambda: f"{rate(measure.middle)} {measure.name}{measure.unit}")()
    if len(measure.values) > 1 and measure.unit != "%":
        text += f" ±{measure.spread / 2:.0%}"
    return text


def bare(measure: Measure) -> str:
    """The figure without its name, which stands at the head of the line."""
    return figure(measure).replace(f" {measure.name}/s", "/s")


def middle(measure: Measure) -> str:
    """The same without its spread."""
    return bare(measure).split(" ±")[0]


def way_figures(bench: Bench, way: str) -> dict[str, Measure]:
    """The figures of the runs that went this way, by their names."""
    return {each.name: each for each in run_figures(bench.of(way))}


def corpus_line(bench: Bench) -> str:
    """The documents in a line."""
    corpus = bench.corpus
    kinds = ", ".join(f"{count(f.documents)} {f.name}" for f in corpus.formats)
    part = "" if corpus.whole else ", a sample"
    return (
        f"{printable(corpus.name)}{part}: {plural(corpus.documents, 'document')} ({kinds}), "
        f"{size(corpus.bytes)}, digest {corpus.digest}"
    )


def machine_line(bench: Bench) -> str:
    """The machine in a line."""
    host = bench.host
    limit = f", container limit {size(host.cgroup_bytes)}" if host.cgroup_bytes else ""
    card = host.gpu or "no GPU"
    return (
        f"{plural(host.cores, 'core')} of {host.cpu}, {size(host.memory_bytes)}{limit}, {card}; "
        f"{host.system}, {host.python}; load {host.load:.1f} at the start"
    )


def settings_line(bench: Bench) -> str:
    """What ran in a line."""
    return ", ".join(f"{key} {printable(str(value))}" for key, value in bench.settings.items())


def lengths_line(bench: Bench) -> str:
    """The chunks' lengths in a line."""
    lengths = bench.corpus.lengths
    return (
        f"{lengths.p50} tokens in the middle, from {lengths.p5} to {lengths.p95} "
        f"(5 % to 95 %, of {plural(lengths.chunks, 'chunk')})"
    )


def _print_about(console: Console, bench: Bench) -> None:
    console.print()
    for label, text in (
        ("documents", corpus_line(bench)),
        ("chunks", lengths_line(bench)),
        ("machine", machine_line(bench)),
        ("settings", settings_line(bench)),
        ("took", duration(bench.seconds)),
    ):
        head = Text.assemble("  ", (f"{label:<11}", "dim"))
        print_indented(console, Text(text), len(head), first=head)


def _print_runs(console: Console, bench: Bench) -> None:
    ways = [way for way in (RING, SEQUENTIAL) if bench.of(way)]
    runs = ", median of " + plural(len(bench.of(RING)), "run") if len(bench.of(RING)) > 1 else ""
    console.print(Text(f"Whole runs{runs}", "bold"))
    rows = [["", *(WAYS[way] for way in ways)]]
    measures = [list(run_figures(bench.of(way))) for way in ways]
    for each in zip(*measures, strict=True):
        rows.append([each[0].name, *(bare(measure) for measure in each)])
    rows.append(["rows", *(count(run.rows) for run in _shown(bench, ways))])
    rows.append(["failed", *(count(run.failed) for run in _shown(bench, ways))])
    _print_columns(console, rows)


def _shown(bench: Bench, ways: Sequence[str]) -> list[Run]:
    return [run for way in ways if (run := bench.shown(way)) is not None]


def _print_stages(console: Console, bench: Bench) -> None:
    console.print(Text("Each stage alone", "bold"))
    wide = console.width >= _WIDE
    rows = []
    for stage in bench.stages:
        shown = [figure(measure) for measure in stage.measures] or [printable(stage.note)]
        name = stage_name(stage)
        if wide:
            rows.append([name, *shown])
        else:
            rows += [[name, shown[0]], *(["", each] for each in shown[1:])]
    _print_columns(console, rows, right=False)


def _print_columns(console: Console, rows: Sequence[Sequence[str]], *, right: bool = True) -> None:
    columns = max(map(len, rows))
    widths = [max(len(row[c]) if c < len(row) else 0 for row in rows) for c in range(columns)]
    for number, row in enumerate(rows):
        line = Text("  ")
        for column, cell in enumerate(row):
            at_right = right and column > 0
            padded = cell.rjust(widths[column]) if at_right else cell.ljust(widths[column])
            head = right and number == 0
            line.append(padded + "  ", "dim" if column == 0 or head else "")
        line.rstrip()
        console.print(line, no_wrap=True, overflow="ellipsis", crop=False)


def print_comparison(console: Console, comparison: Comparison) -> None:
    """Figure by figure: both medians, their ratio, and whether it is beyond the spread."""
    wide = console.width >= _WIDE
    rows = [["", "first", "second", "ratio", ""] if wide else ["", "ratio", ""]]
    for each in comparison.differences:
        first, second = middle(each.first), middle(each.second)
        told = [f"{each.ratio:.2f}", beyond(each)]
        if wide:
            rows.append([each.what, first, second, *told])
        else:
            rows += [[each.what, *told], [f"  {first}, then {second}"]]
    _print_columns(console, rows)
    if comparison.unlike:
        console.print()
        console.print(Text("What else differs", "bold yellow"))
        for line in comparison.unlike:
            print_indented(console, Text(printable(line)))


def beyond(difference: Difference) -> str:
    """The verdict on a ratio in a word or two."""
    if difference.beyond is None:
        return "one value"
    if not difference.beyond:
        return "within spread"
    return "better" if difference.better else "worse"
