"""What `vecstream adapters` shows."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from vecstream_cli.adapters.facts import AdapterFacts
from vecstream_cli.report.escape import printable
from vecstream_cli.report.figures import count, size


def print_adapters(console: Console, found: Sequence[AdapterFacts]) -> None:
    """A line for each: its name, what it is, and how to get it where it is not there."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column()
    for each in found:
        state = Text(each.summary)
        if each.trouble is not None:
            state = Text(printable(each.trouble), "red")
        elif each.install is not None:
            state.append(f"\nnot installed: {each.install}", "yellow")
        table.add_row(Text(printable(each.name), "bold"), state)
    console.print(table)


def print_adapter(console: Console, found: AdapterFacts) -> None:
    """One of them with its options and limits."""
    print_adapters(console, [found])
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column()
    for name, option in (found.options or {}).items():
        default = "" if option.default is None else f" (default: {option.default})"
        table.add_row(f"--db-option {name}=", Text(f"{option.help}{default}"))
    for name, value in _limits(found):
        table.add_row(name, value)
    console.print()
    console.print(table)


def as_json(found: AdapterFacts) -> dict[str, object]:
    """The same for a program."""
    limits = found.limits
    return {
        "name": found.name,
        "summary": found.summary,
        "installed": not found.missing and found.trouble is None,
        "missing": list(found.missing),
        "install": found.install,
        "trouble": found.trouble,
        "options": {
            name: {"help": option.help, "default": option.default}
            for name, option in (found.options or {}).items()
        },
        "limits": None
        if limits is None
        else {
            "target_rows": limits.target_rows,
            "max_rows": limits.max_rows,
            "max_bytes": limits.max_bytes,
            "in_flight": limits.in_flight,
            "max_row_bytes": limits.max_row_bytes,
            "max_dimension": limits.max_dimension,
        },
        "keeps_locks": found.keeps_locks,
    }


def _limits(found: AdapterFacts) -> list[tuple[str, str]]:
    limits = found.limits
    if limits is None:
        return []
    told = [("rows of a batch", count(limits.target_rows))]
    if limits.max_rows is not None:
        told.append(("rows of a request, at most", count(limits.max_rows)))
    if limits.max_bytes is not None:
        told.append(("bytes of a request, at most", size(limits.max_bytes)))
    told.append(("requests at once", count(limits.in_flight)))
    if limits.max_row_bytes is not None:
        told.append(("bytes of a row, its vector aside, at most", size(limits.max_row_bytes)))
    if limits.max_dimension is not None:
        told.append(("numbers of a vector, at most", count(limits.max_dimension)))
    if limits.naming:
        told.append(("names", limits.naming))
    return told
