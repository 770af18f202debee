"""Search results on a terminal or in a pipe: place, headings, score, snippet."""

import json
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.text import Text

from vecstream_cli.adapters.base import Hit
from vecstream_cli.report.escape import one_line
from vecstream_cli.report.layout import flow, print_indented, separator
from vecstream_cli.report.places import place
from vecstream_cli.report.positions import located
from vecstream_cli.report.snippet import snippet

_INDENT = 4


def print_hits(
    console: Console, hits: Sequence[Hit], query: str, *, filtered: bool = False
) -> None:
    """The hits, best first, or one line that there are none."""
    if not hits:
        why = "nothing matches the filter" if filtered else "the collection is empty"
        console.print(Text(f"Nothing found: {why}."))
        return
    for rank, hit in enumerate(hits, start=1):
        if rank > 1:
            console.print()
        number = Text(f"{rank:>2}. ", "dim")
        where = located(place(hit.source, hit.path), hit.page, hit.position)
        print_indented(console, Text(where, "bold"), _INDENT, first=number)
        for line in flow(_facts(hit), console.width - _INDENT, separator(console)):
            print_indented(console, line, _INDENT)
        if hit.text:
            print_indented(console, snippet(hit.text, query, heading=hit.heading or ""), _INDENT)


def _facts(hit: Hit) -> Iterator[Text]:
    if hit.heading:
        yield Text(one_line(hit.heading), "cyan")
    if not hit.text:
        yield Text(_image(hit), "cyan")
    yield Text(f"{hit.score:.3f}", "dim")


def _image(hit: Hit) -> str:
    """What the row of an image shows in place of text: its size, where it is a file of its own."""
    facts = json.loads(hit.metadata or "{}")
    size = [facts.get(name) for name in ("width", "height")]
    whole = all(type(each) is int for each in size)
    return f"image, {size[0]:,} × {size[1]:,}" if whole else "image"
