"""What `check` shows: what was compared, what differs, and what became of it."""

from rich.console import Console
from rich.text import Text

from vecstream_cli.core.differences import Difference, Mending, Report
from vecstream_cli.report.escape import one_line
from vecstream_cli.report.figures import count, plural
from vecstream_cli.report.layout import print_indented, print_row
from vecstream_cli.report.places import place


def print_report(console: Console, report: Report, *, repaired: bool) -> None:
    """The headline, the figures, then each kind of difference."""
    kinds = plural(len(report.differences), "kind")
    if not report.differences:
        headline = Text.assemble(("All agree", "bold green"), ".")
    elif all(difference.mended for difference in report.differences):
        headline = Text.assemble(("Mended", "bold green"), f": {kinds} of difference.")
    else:
        headline = Text.assemble(("Differs", "bold red"), f": {kinds} of difference.")
    console.print(headline)
    if report.compared:
        documents = plural(report.documents, "document")
        print_row(console, "compared", plural(report.rows, "row"), documents)
    if report.unfinished:
        again = "which the next index reads"
        print_row(console, "unfinished", plural(report.unfinished, "document"), again)
    if (sample := report.sample) is not None:
        worst = "" if sample.worst_cosine is None else f"worst cosine {sample.worst_cosine:.6f}"
        where = [] if sample.worst is None else [place(sample.worst.source, sample.worst.path)]
        print_row(console, "sampled", plural(sample.rows, "row"), worst, *where)
        if sample.skipped:
            what = f"{plural(sample.skipped, 'image')} of them not"
            print_row(console, "", what, "their files are not there as they were")
    if report.files is not None:
        print_row(console, "files", f"{count(report.files)} read")
    if report.unplaced:
        print_row(console, "not found", f"the folder of {plural(report.unplaced, 'document')}")
    for difference in report.differences:
        _print_difference(console, difference)
    if report.restored is not None:
        console.print()
        print_indented(console, Text(report.restored), 0)
    if report.differences:
        console.print()
        console.print(Text(_advice(report, repaired=repaired), "dim"))


def difference_as_json(difference: Difference) -> dict[str, object]:
    """One kind of difference, for a program."""
    kind = difference.kind
    return {
        "kind": kind.value,
        "meaning": kind.meaning,
        "count": difference.count,
        "documents": difference.documents,
        "examples": [{"source": each.source, "path": each.path} for each in difference.examples],
        "mended": difference.mended,
        "mending": kind.mending.value,
    }


def closing(report: Report) -> dict[str, object]:
    """The fields of the last of the JSON lines."""
    sample = report.sample
    worst = None if sample is None or sample.worst is None else sample.worst
    return {
        "differences": sum(difference.count for difference in report.differences),
        "rows": report.rows,
        "documents": report.documents,
        "documents_unfinished": report.unfinished,
        "manifest_restored": report.restored is not None,
        "rows_sampled": 0 if sample is None else sample.rows,
        "images_not_sampled": 0 if sample is None else sample.skipped,
        "worst_cosine": None if sample is None else sample.worst_cosine,
        "worst_source": None if worst is None else worst.source,
        "worst_path": None if worst is None else worst.path,
        "files_read": report.files or 0,
        "documents_not_located": report.unplaced,
    }


def _print_difference(console: Console, difference: Difference) -> None:
    kind = difference.kind
    console.print()
    line = Text.assemble((kind.value, "bold yellow"), "  ")
    if difference.documents:
        number = f"{count(difference.count)} {kind.meaning}"
        line.append(f"{number}, in {plural(difference.documents, 'document')}")
    else:
        line.append(kind.meaning)
    if difference.mended:
        line.append(f": {kind.mending.value}", "green")
    print_indented(console, line, 2)
    for example in difference.examples:
        print_indented(console, Text(one_line(place(example.source, example.path)), "dim"), 4)
    if (rest := difference.documents - len(difference.examples)) > 0:
        print_indented(console, Text(f"… and {count(rest)} more", "dim"), 4)


def _advice(report: Report, *, repaired: bool) -> str:
    mendable = any(each.kind.mending is not Mending.NOTHING for each in report.differences)
    if not repaired:
        if mendable:
            return "`vecstream check --repair` mends it."
        return "`vecstream index` takes note of it."
    if any(each.mended and each.kind.mending is Mending.READ_AGAIN for each in report.differences):
        return "`vecstream index` reads again what was marked."
    return "Run `vecstream index` next."
