"""A page of a PDF as it was found: its raw text, and what stands near its edges. Plain data."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """A line near an edge, on one line; `down` of the page's height below its upper edge."""

    text: str
    down: float
    top: bool


@dataclass(slots=True)
class Page:
    """A page's number, which counts from 1, and its text, cleaned.

    `outer` are the lines nearest to its upper and lower edges, the outermost first, where their
    places are known. `picture`: pictures cover a good part of it. `columns`: it has some that
    the PDF gives row by row.
    """

    number: int
    text: str
    outer: Sequence[Line] = ()
    picture: bool = False
    columns: bool = False

    def without(self, lines: Sequence[Line]) -> "Page":
        """The page without some of its outer lines."""
        if not lines:
            return self
        found = self.text.split("\n")
        known: dict[str, list[int]] = {}
        for at, each in enumerate(found):
            known.setdefault(one_line(each), []).append(at)
        gone = set()
        for line in lines:
            places = known.get(line.text)
            if places:
                gone.add(places.pop(0 if line.top else -1))
        text = "\n".join(each for at, each in enumerate(found) if at not in gone)
        return Page(self.number, text, (), self.picture)


def one_line(text: str) -> str:
    """The text with single spaces, and none around it."""
    return " ".join(text.split())
