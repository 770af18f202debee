"""The part of a hit that a person wants to see: a few lines, with the query's words marked."""

import re

from rich.text import Text

from vecstream_cli.report.escape import one_line

LENGTH = 280  # characters: three or four lines of a terminal
_LEAD = 60  # characters shown before the first marked word
_MARK = "bold yellow"
_KEEPS_ITS_E = 4  # letters: a word so short would become another one
_WORD = re.compile(r"\w+")
_HEADING = re.compile(r"^ {0,3}#{1,6}\s+")
_ENDINGS = (("ing", 4), ("ed", 4), ("es", 4), ("s", 3))  # each with the shortest stem it leaves
_COMMON_WORDS = """
    a an and are as at be by can do does did for from has have how i in is it its may my of on or
    our should so than that the their them then there these they this to was we were what when
    where which who why will with would you your
"""
_COMMON = frozenset(_COMMON_WORDS.split())


def snippet(text: str, query: str, *, heading: str = "", length: int = LENGTH) -> Text:
    """`text` on one line, cut around where most of the query's words stand together.

    Words match by their beginnings, so that "rotate" marks "rotating"; without a match the
    snippet is the text's beginning. Left out are rulers, and `heading` where the text opens
    with it.
    """
    flat, wanted = one_line(_readable(text, heading)), stems(query)
    marks = [m.span() for m in _WORD.finditer(flat) if _stem(m.group().casefold()) in wanted]
    start, end = _window(flat, marks, length)
    shown = Text(flat[start:end].strip())
    offset = start + len(flat[start:end]) - len(flat[start:end].lstrip())
    for left, right in marks:
        if left >= start and right <= end:
            shown.stylize(_MARK, left - offset, right - offset)
    return Text("…" if start else "").append_text(shown).append("…" if end < len(flat) else "")


def stems(query: str) -> frozenset[str]:
    """The words of a query that are worth marking, without their common English endings."""
    words = (word.casefold() for word in _WORD.findall(query))
    return frozenset(_stem(word) for word in words if word not in _COMMON)


def _readable(text: str, heading: str) -> str:
    """The lines with a word in them, without Markdown's marks of headings and table edges."""
    lines = [_HEADING.sub("", line).strip("| ") for line in text.splitlines() if _WORD.search(line)]
    if lines and heading and lines[0] == heading.rpartition(" > ")[2]:
        lines = lines[1:] or lines
    return "\n".join(lines)


def _stem(word: str) -> str:
    for ending, shortest in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= shortest:
            word = word.removesuffix(ending)
            break
    return word.removesuffix("e") if len(word) > _KEEPS_ITS_E else word


def _window(text: str, marks: list[tuple[int, int]], length: int) -> tuple[int, int]:
    """Where to cut `text`: at word boundaries, around the densest run of marks."""
    if len(text) <= length:
        return 0, len(text)
    best, most = 0, 0
    for left, _ in marks:
        start = max(0, left - _LEAD)
        inside = {text[a:b].casefold() for a, b in marks if start <= a and b <= start + length}
        if len(inside) > most:
            best, most = start, len(inside)
    start = min(best, len(text) - length)
    end = start + length
    if start:
        space = text.find(" ", start, start + _LEAD)
        start = space + 1 if space >= 0 else start
    if end < len(text):
        space = text.rfind(" ", start + length // 2, end)
        end = space if space >= 0 else end
    return start, end
