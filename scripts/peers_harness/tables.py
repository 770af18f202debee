"""A record as the Markdown of docs/benchmarks.md, put between its markers."""

from collections.abc import Sequence
from pathlib import Path

from peers_harness.contenders import CONTENDERS, Contender
from peers_harness.results import (
    AGAIN,
    CHANGED,
    FIRST,
    Record,
    Row,
    Spread,
    by_contender,
    rounds,
    summarize,
)

BEGIN, END = "<!-- peers: begin -->", "<!-- peers: end -->"
_MIB = 1 << 20
_FIRST_HEAD = (
    *("", "seconds", "first rows", "model load", "tokens/s", "÷ vecstream", "chunks/s"),
    *("peak MiB", "CPU s"),
)
_RERUN_HEAD = ("", "nothing changed, s", "rows", "1 % changed, s", "rows", "what it does")
_TEXT_HEAD = ("", "rows", "documents", "tokens", "longest chunk", "smallest cosine", "setting")


def render(record: Record) -> str:
    """Three tables and what is needed to read them."""
    measured = {
        phase: {name: summarize(runs) for name, runs in by_contender(record, phase).items()}
        for phase in (FIRST, AGAIN, CHANGED)
    }
    shown = [c for c in CONTENDERS if c.name in measured[FIRST]]
    ours = measured[FIRST].get("vecstream")
    baseline = ours.tokens_per_second.middle if ours else None
    parts = [
        _preface(record),
        "**A new table.** Seconds are from start to exit, with imports and the model's load.\n",
        _table(_FIRST_HEAD, [_first(c, measured[FIRST][c.name], baseline) for c in shown]),
        f"**The same command again**, {_times(rounds(record, AGAIN))}. Rows are those in the "
        "table afterwards.\n",
        _table(_RERUN_HEAD, [_rerun(c, measured) for c in shown if c.name in measured[AGAIN]]),
        "**What was stored.** The cosine is the smallest of a sample, between the stored vector "
        "and sentence-transformers' own for the stored text.\n",
        _table(_TEXT_HEAD, [_stored(c, measured[FIRST][c.name], record) for c in shown]),
        _failures(record),
        _versions(record, shown),
    ]
    return "\n".join(part for part in parts if part)


def put(document: Path, rendered: str) -> None:
    """Replace what stands between the markers; ValueError where there are none."""
    text = document.read_text("utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{document} has no {BEGIN} … {END}")
    document.write_text(f"{before}{BEGIN}\n{rendered}\n{END}{after}", "utf-8")


def _preface(record: Record) -> str:
    count = rounds(record, FIRST)
    spread = ", interleaved: the middle, and the least to the most in brackets"
    return (
        f"{record.date}, commit {record.commit}; {record.machine}. "
        f"{record.corpus}: {record.files} files, {record.size / 1e6:.2f} MB "
        f"(digest {record.digest}); {record.changed_files} of them changed for the last column of "
        f"the second table. {_times(count).capitalize()} each{spread if count > 1 else ''}.\n"
    )


def _first(contender: Contender, row: Row, baseline: float | None) -> list[str]:
    ratio = row.tokens_per_second.middle / baseline if baseline else None
    return [
        contender.title,
        _figure(row.seconds, 1),
        _figure(row.first_rows_seconds, 1),
        _figure(row.model_load_seconds, 1, spread=False),
        _figure(row.tokens_per_second, 0),
        "–" if ratio is None else f"{ratio:.2f}",
        _figure(row.chunks_per_second, 1, spread=False),
        _figure(_scaled(row.peak_bytes, 1 / _MIB), 0),
        _figure(row.cpu_seconds, 0, spread=False),
    ]


def _rerun(contender: Contender, measured: dict[str, dict[str, Row]]) -> list[str]:
    cells = [contender.title]
    for phase in (AGAIN, CHANGED):
        row = measured[phase].get(contender.name)
        cells += [_figure(row.seconds, 1), _counts(row.rows)] if row else ["failed", "–"]
    return [*cells, contender.reruns]


def _stored(contender: Contender, row: Row, record: Record) -> list[str]:
    cosine = record.agreement.get(contender.name)
    return [
        contender.title,
        _counts(row.rows),
        f"{row.documents:,}",
        f"{row.tokens:,}",
        f"{row.longest:,}",
        "–" if cosine is None else f"{cosine:.5f}",
        contender.setting,
    ]


def _failures(record: Record) -> str:
    lines = [
        f"- {run.contender}, {run.phase}: ended with {run.exit_code}: "
        f"{run.complaint.strip().splitlines()[-1] if run.complaint.strip() else 'no word'}"
        for run in record.runs
        if not run.done
    ]
    return "**Runs that failed**\n\n" + "\n".join(lines) + "\n" if lines else ""


def _versions(record: Record, shown: Sequence[Contender]) -> str:
    """Each package once, with all its versions where the environments differ."""
    found: dict[str, set[str]] = {}
    for contender in shown:
        for package, version in record.versions.get(contender.name, {}).items():
            found.setdefault(package, set()).add(version)
    told = [f"{package} {' and '.join(sorted(vs))}" for package, vs in sorted(found.items())]
    return f"Versions: {', '.join(told)}.\n" if told else ""


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---", *("---:" for _ in head[1:])], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _figure(figure: Spread | None, digits: int, *, spread: bool = True) -> str:
    if figure is None:
        return "–"
    middle = f"{figure.middle:,.{digits}f}"
    least, most = f"{figure.least:,.{digits}f}", f"{figure.most:,.{digits}f}"
    return middle if not spread or least == most else f"{middle} ({least}–{most})"


def _counts(counts: Sequence[int]) -> str:
    return "–".join(f"{count:,}" for count in dict.fromkeys((counts[0], counts[-1])))


def _scaled(figure: Spread, by: float) -> Spread:
    return Spread(figure.middle * by, figure.least * by, figure.most * by)


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")
