"""Search results on a terminal or in a pipe: rank, place, headings, score, snippet."""

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from vecstream_cli.adapters.base import Hit
from vecstream_cli.report.escape import one_line
from vecstream_cli.report.layout import print_indented
from vecstream_cli.report.places import place
from vecstream_cli.report.snippet import snippet

_INDENT = 4


def print_hits(console: Console, hits: Sequence[Hit], query: str) -> None:
    """The hits, best first, or one line that there are none."""
    if not hits:
        console.print(Text("Nothing found: the collection is empty."))
        return
    for rank, hit in enumerate(hits, start=1):
        if rank > 1:
            console.print()
        console.print(_title(rank, hit))
        if hit.heading:
            print_indented(console, Text(one_line(hit.heading), "cyan"), _INDENT)
        print_indented(console, snippet(hit.text, query), _INDENT)


def _title(rank: int, hit: Hit) -> Text:
    return Text.assemble(
        (f"{rank:>2}. ", "dim"),
        (place(hit.source, hit.path), "bold"),
        "" if hit.page is None else f", page {hit.page}",
        (f"  {hit.score:.3f}", "dim"),
    )
