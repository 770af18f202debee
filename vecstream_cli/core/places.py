"""Where in its document a chunk stands: pages, headings and positions of the blocks it touches."""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass

from vecstream_cli.core.blocks import Position
from vecstream_cli.core.windows import Span, Window


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run of document text stands: its first page, its headings, and its position."""

    page: int | None
    heading: tuple[str, ...]
    position: Position


class Places:
    """The blocks that chunks are still cut from, by where they start in the document."""

    __slots__ = ("_spans", "_starts")

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._spans: list[Span] = []

    def add(self, window: Window) -> None:
        """Remember the blocks of a window, which follows those of the windows before it."""
        for span in window.spans:
            self._starts.append(window.start + span.start)
            self._spans.append(span)

    def forget(self, before: int) -> None:
        """Drop the blocks that end at or before a character offset of the document."""
        gone = max(0, bisect_right(self._starts, before) - 1)
        del self._starts[:gone], self._spans[:gone]

    def of(self, start: int, end: int) -> Place:
        """The place of the text from `start` to `end`.

        A chunk that packs several sections stands under the headings they share, or, where
        they share none, under those of its first.
        """
        at = max(0, bisect_right(self._starts, start) - 1)
        after = max(at + 1, bisect_left(self._starts, end))
        first, last = self._spans[at], self._spans[after - 1]
        heading = first.heading
        for other in self._spans[at + 1 : after]:
            if other.heading != heading:
                heading = _shared(heading, other.heading) or first.heading
        return Place(first.page, heading, _from_to(first, last))


def _from_to(first: Span, last: Span) -> Position:
    """The first block's position, and under `…_end` what the last block's has of its own."""
    if first is last:
        return first.position
    position = dict(first.position)
    if last.page is not None and last.page != first.page:
        position["page_end"] = last.page
    for name, value in last.position.items():
        if position.get(name) != value:
            position[f"{name}_end" if name in position else name] = value
    return position


def _shared(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    length = 0
    for mine, theirs in zip(one, other, strict=False):
        if mine != theirs:
            break
        length += 1
    return one[:length]
