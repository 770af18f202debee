"""A PDF's bookmarks as headings: each stands before the line that says what it says."""

import re
from collections.abc import Iterator, Sequence

from vecstream_cli.readers.outline import MAX_TITLE_CHARS
from vecstream_cli.readers.pdf_facts import Bookmark

_NOT_WORDS = re.compile(r"[\W_]+")
# "2.1 Results" in the text is "Results" in the bookmarks, or the other way round.
_NUMBERED = re.compile(
    r"(?:chapter|section|appendix|part)?\s*(?:\d+(?:\.\d+)*|[A-Z](?:\.\d+)*|[IVX]+)[.:)]?\s+",
    re.IGNORECASE,
)
_TITLE_LINES = 3
_LONGEST_NUMBER = 20
# A bookmark beyond these is a heading from where it is met, wherever its title stands.
_MOST_LOOKED_FOR = 100
_MOST_LINES = 2000


def parted(text: str, bookmarks: Sequence[Bookmark]) -> Iterator[tuple[tuple[Bookmark, ...], str]]:
    """A page's text in parts that join to it, each with the bookmarks that are entered before it.

    A part begins with the title of the last of its bookmarks; the first part need not.
    """
    lines = text.splitlines(keepends=True)
    start = at = 0
    entered: list[Bookmark] = []
    for place, bookmark in enumerate(bookmarks):
        spellings = _spellings(bookmark.title) if place < _MOST_LOOKED_FOR else frozenset()
        found = _line_of(spellings, lines, at)
        if found is not None:
            if found > start:
                yield tuple(entered), "".join(lines[start:found])
                entered, start = [], found
            at = found + 1
        entered.append(bookmark)
    yield tuple(entered), "".join(lines[start:])


def title_end(text: str, title: str) -> int:
    """How many characters at the start of a text are this title, its line ends among them."""
    lines = text.splitlines(keepends=True)[:_TITLE_LINES]
    return sum(map(len, lines[: _title_lines(_spellings(title), lines, 0)]))


def _spellings(title: str) -> frozenset[str]:
    title = title[:MAX_TITLE_CHARS]
    return frozenset({_words(title), _words(_NUMBERED.sub("", title, count=1))} - {""})


def _line_of(spellings: frozenset[str], lines: Sequence[str], start: int) -> int | None:
    if not spellings:
        return None
    end = min(len(lines), start + _MOST_LINES)
    return next((at for at in range(start, end) if _title_lines(spellings, lines, at)), None)


def _title_lines(spellings: frozenset[str], lines: Sequence[str], at: int) -> int:
    """How many lines from `at` on are the title, and nothing else; 0: they are not."""
    longest = max(map(len, spellings), default=0)
    so_far = ""
    for count, line in enumerate(lines[at : at + _TITLE_LINES], 1):
        if not line.strip():
            return 0
        so_far += line[:MAX_TITLE_CHARS]
        words = _words(so_far)
        if words in spellings or _words(_NUMBERED.sub("", so_far.lstrip(), count=1)) in spellings:
            return count
        if len(words) > longest + _LONGEST_NUMBER:
            return 0
    return 0


def _words(text: str) -> str:
    return _NOT_WORDS.sub("", text).casefold()
