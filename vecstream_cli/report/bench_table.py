"""A benchmark as a person reads it: the verdict first, then the runs, the stages, the advice."""

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.text import Text

from vecstream_cli.core.benchmark import (
    RECOMMENDED,
    RING,
    SEQUENTIAL,
    WAYS,
    Bench,
    Measure,
    Run,
    StageAlone,
)
from vecstream_cli.core.comparison import Comparison, Difference, run_figures
from vecstream_cli.report.escape import printable
from vecstream_cli.report.figures import count, duration, plural, rate, size
from vecstream_cli.report.layout import print_indented

DOING = {"parse": "Reading", "chunk": "Reading", "embed": "Embedding", "write": "Writing"}
_UNSTEADY = 0.25  # from the shortest run of a kind to the longest, as a share of the median
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
    print_indented(console, Text(tried(bench)), 2)
    for each in bench.advice:
        text = Text.assemble((f"--{each.key} {each.value}", "cyan"), f"  {each.why}")
        print_indented(console, text, 4, first=Text("  "))


def verdict(bench: Bench) -> str:
    """Which stage limits this machine."""
    if not bench.limit:
        return "These documents are too few to say what limits this machine."
    return f"{DOING.get(bench.limit, bench.limit.capitalize())} limits this machine."


def findings(bench: Bench) -> Iterator[str]:
    """What there is to say of the runs, a sentence each."""
    ring = bench.shown(RING)
    if ring is None or not bench.limit:
        return
    yield (
        f"Between the first batch and the last, inference was busy {ring.embed_busy:.0%} of the "
        f"time, the parsers {ring.parse_busy:.0%}, the writer {ring.write_busy:.0%}."
    )
    kept, alone = way_figures(bench, RING)["tokens while embedding"], _inference_alone(bench)
    if kept.middle and alone is not None:
        yield (
            f"It embedded {rate(kept.middle)} tokens a second meanwhile, "
            f"{kept.middle / alone.middle:.0%} of what inference does alone."
        )
    yield (
        f"Peak memory was {size(ring.peak_memory_bytes)}, under a ceiling of "
        f"{size(ring.max_memory_bytes)}."
    )
    yield from _doubts(bench)
    other = bench.shown(SEQUENTIAL)
    if other is None:
        return
    ours, theirs = (way_figures(bench, way) for way in (RING, SEQUENTIAL))
    held, late, early = (
        middle(each) for each in (theirs["peak memory"], theirs["first rows"], ours["first rows"])
    )
    yield (
        f"The sequential way took {_times_as_long(bench)} times as long, held {held}, and had its "
        f"first rows after {late}; the ring had them after {early}."
    )
    if other.rows == ring.rows:
        yield f"Both wrote the same {plural(ring.rows, 'row')}."
    else:
        yield (
            f"They did not write the same rows: the ring {count(ring.rows)}, "
            f"the sequential way {count(other.rows)}."
        )


def tried(bench: Bench) -> str:
    """How the recommended settings did, or why there are none."""
    if not bench.limit:
        return "None: there was too little to do."
    if not bench.of(RECOMMENDED):
        return "None were tried."
    usual, found = (way_figures(bench, way)["total"].middle for way in (RING, RECOMMENDED))
    if not bench.advice:
        return "Those it ran with: what else was tried was slower, or lost documents."
    return f"Tried on the same documents: {duration(found)}, where the ring took {duration(usual)}."


def _times_as_long(bench: Bench) -> str:
    """Of the sequential way, turn by turn: what drifted did so for both."""
    turns = zip(bench.of(RING), bench.of(SEQUENTIAL), strict=False)
    ratios = sorted(theirs.seconds / max(1e-9, ours.seconds) for ours, theirs in turns)
    least, most = f"{ratios[0]:.2f}", f"{ratios[-1]:.2f}"
    return least if least == most else f"{least} to {most}"


def _doubts(bench: Bench) -> Iterator[str]:
    """What speaks against these figures."""
    spread = max(way_figures(bench, way)["total"].spread for way in WAYS)
    if spread > _UNSTEADY:
        yield (
            f"Runs of the same kind differ by {spread:.0%}: something else was at work on this "
            "machine, so measure again before trusting this."
        )
    if bench.host.load > bench.host.cores / 2:
        yield (
            f"The machine had been busy when it began (load {bench.host.load:.1f} on "
            f"{plural(bench.host.cores, 'core')}); if it still was, it can do more than this."
        )


def _inference_alone(bench: Bench) -> Measure | None:
    stages = [stage for stage in bench.stages if stage.stage == "embed"]
    found = [each for stage in stages for each in stage.measures if each.name == "tokens"]
    return found[0] if found and found[0].middle else None


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
    ways = [way for way in WAYS if bench.of(way)]
    runs = ", median of " + plural(len(bench.of(RING)), "run") if len(bench.of(RING)) > 1 else ""
    console.print(Text(f"Whole runs{runs}", "bold"))
    rows = [["", *ways]]
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
    """What else differs, then figure by figure both medians, their ratio, and what that says."""
    if comparison.unlike:
        console.print(Text("What else differs", "bold yellow"))
        for line in comparison.unlike:
            print_indented(console, Text(printable(line)))
        console.print()
    same = comparison.first.corpus.digest == comparison.second.corpus.digest
    wide = console.width >= _WIDE
    rows = [["", "first", "second", "ratio", ""] if wide else ["", "ratio", ""]]
    for each in comparison.differences:
        first, second = middle(each.first), middle(each.second)
        # Of other documents, nobody can say which is better.
        word = beyond(each) if same or not each.beyond else "differs"
        told = [f"{each.ratio:.2f}", word]
        if wide:
            rows.append([each.what, first, second, *told])
        else:
            rows += [[each.what, *told], [f"  {first}, then {second}"]]
    _print_columns(console, rows)


def beyond(difference: Difference) -> str:
    """The verdict on a ratio in a word or two."""
    if difference.beyond is None:
        return "one value"
    if not difference.beyond:
        return "within spread"
    return "better" if difference.better else "worse"
