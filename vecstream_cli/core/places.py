"""Where in its document a chunk stands: the pages and the headings of the blocks it touches."""

from bisect import bisect_left, bisect_right

from vecstream_cli.core.windows import Window


class Places:
    """The starts, pages and headings of the blocks that chunks are still cut from."""

    __slots__ = ("_headings", "_pages", "_starts")

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._pages: list[int | None] = []
        self._headings: list[tuple[str, ...]] = []

    def add(self, window: Window) -> None:
        """Remember the blocks of a window, which follows those of the windows before it."""
        for span in window.spans:
            self._starts.append(window.start + span.start)
            self._pages.append(span.page)
            self._headings.append(span.heading)

    def forget(self, before: int) -> None:
        """Drop the blocks that end at or before a character offset of the document."""
        gone = max(0, bisect_right(self._starts, before) - 1)
        del self._starts[:gone], self._pages[:gone], self._headings[:gone]

    def of(self, start: int, end: int) -> tuple[int | None, int | None, tuple[str, ...]]:
        """First page, last page and heading path of the text from `start` to `end`.

        A chunk that packs several sections stands under the headings they share, or, where
        they share none, under those of its first.
        """
        first = max(0, bisect_right(self._starts, start) - 1)
        last = max(first + 1, bisect_left(self._starts, end))
        heading = self._headings[first]
        for other in self._headings[first + 1 : last]:
            if other != heading:
                heading = _shared(heading, other) or self._headings[first]
        return self._pages[first], self._pages[last - 1], heading


def _shared(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    length = 0
    for mine, theirs in zip(one, other, strict=False):
        if mine != theirs:
            break
        length += 1
    return one[:length]
