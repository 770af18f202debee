"""The settings on the terminal: a line each, those that somebody gave in full colour."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from vecstream_cli.keys import KEYS, SIZE
from vecstream_cli.layers import Shown
from vecstream_cli.report.escape import printable
from vecstream_cli.report.figures import size


def print_settings(
    console: Console, rows: Sequence[Shown], *, file: str | None, job: str | None
) -> None:
    """The table, below the file and the job that it is of."""
    if file is not None:
        title = f"Settings of {printable(file)}" + (f", job {job}" if job else "")
        console.print(Text(title, "bold"))
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_column(no_wrap=True)
    for row in rows:
        style = "dim" if row.origin == "default" else ""
        table.add_row(
            Text(row.key, style), Text(_worded(row.key, row.value), style), Text(row.origin, style)
        )
    console.print(table)


def _worded(key: str, value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(printable(str(each)) for each in value) or "-"
    return size(value) if KEYS[key] is SIZE else printable(str(value))
