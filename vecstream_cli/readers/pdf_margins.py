"""Headers, footers and page numbers that a PDF repeats on its pages are taken out of its text.

A line goes where the outermost lines above (or below) it go too, and the same line stands at the
same place on most of the pages around it, or on most of every second one. Where it has a number,
the number has to count with the pages. Its first appearance stays, so no word is lost, unless it
is a page number and little else. A few pages are looked at ahead, and a few behind.
"""

import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from vecstream_cli.readers.pdf_page import Line, Page

LOOK_AHEAD = 6
"""Pages held back; fewer where they hold more than `MAX_HELD_CHARS`."""
MAX_HELD_CHARS = 1 << 20

_MAX_ROWS = 8
_SAME_PLACE = 0.006  # of the page's height: 5 points on A4
_SAME_HEIGHT = 0.004
_MOST = 0.6
_LEAST = 3
_MAX_LINE_CHARS = 200
_MAX_NUMBERS = 4
_FEW_LETTERS = 12  # "Exercise 7" may be what the page is about

_NUMBER = re.compile(r"(?<![\d.,])\d{1,6}(?![\d.,]*\d)")
_PAGE_WORDS = frozenset(
    (
        *("page", "pages", "p", "pp", "of", "seite", "von", "pagina", "página", "pag", "pág"),
        *("di", "de", "sur", "strona", "z", "sida", "sidan", "side", "av", "blad", "van"),
        *("стр", "страница", "из", "第", "页", "頁", "共", "ページ"),
    )
)
_AROUND = re.compile(r"[\W_]*")
_WORD = re.compile(r"[^\W\d_]+")
_ROMAN = re.compile(r"[ivxlcdm]{1,9}|[IVXLCDM]{1,9}")
_ROMAN_DIGITS = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100, "d": 500, "m": 1000}

# A line's text, or its text without the number and how far that is ahead of the page's own.
_Form = tuple[str, int | None]


@dataclass(frozen=True, slots=True)
class _Outer:
    """A line near an edge of its page, and the forms by which it is known again."""

    line: Line
    row: int  # 0 is the outermost one; several lines may stand beside each other
    forms: tuple[_Form, ...]


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is remembered of a page: where each form stands."""

    number: int
    places: dict[tuple[bool, _Form], list[float]]
    outer: tuple[_Outer, ...]


def without_margins(pages: Iterable[Page]) -> Iterator[Page]:
    """The pages without what is repeated at their edges, `LOOK_AHEAD` pages late."""
    behind: deque[_Seen] = deque(maxlen=LOOK_AHEAD)
    ahead: deque[tuple[Page, _Seen]] = deque()
    held = 0
    for page in pages:
        ahead.append((page, _seen(page)))
        held += len(page.text)
        while len(ahead) > LOOK_AHEAD or (held > MAX_HELD_CHARS and ahead):
            held -= len(ahead[0][0].text)
            yield _bare(behind, ahead)
    while ahead:
        yield _bare(behind, ahead)


def _bare(behind: deque[_Seen], ahead: deque[tuple[Page, _Seen]]) -> Page:
    """The first of the pages ahead, which is then behind."""
    page, seen = ahead.popleft()
    gone = []
    if seen.outer:
        others = [*behind, *(each for _, each in ahead)]
        for top in (True, False):
            gone += _repeated([each for each in seen.outer if each.line.top is top], seen, others)
    behind.append(seen)
    bare = page.without(gone)
    # A page of nothing but such lines says what it says in them.
    return bare if bare.text.strip() else page


def _repeated(outer: Sequence[_Outer], page: _Seen, others: Sequence[_Seen]) -> list[Line]:
    """The lines of one edge that go: from the outermost one inwards, until one is not repeated."""
    gone = []
    for row in range(_MAX_ROWS):
        beside = [each for each in outer if each.row == row]
        forms = [_repeated_form(each, page, others) for each in beside]
        for each, form in zip(beside, forms, strict=True):
            if form is not None and (_is_number(form) or _stood_before(each, form, page, others)):
                gone.append(each.line)
        if None in forms or not forms:
            break
    return gone


def _repeated_form(outer: _Outer, page: _Seen, others: Sequence[_Seen]) -> _Form | None:
    """The form in which most pages around have the line; None where they have not."""
    for form in outer.forms:
        having = [each for each in others if _has(each, outer, form)]
        for step in (1, 2):
            like = [each for each in others if (each.number - page.number) % step == 0]
            count = 1 + sum((each.number - page.number) % step == 0 for each in having)
            if count >= _LEAST and count >= _MOST * (1 + len(like)):
                return form
    return None


def _stood_before(outer: _Outer, form: _Form, page: _Seen, others: Sequence[_Seen]) -> bool:
    return any(each.number < page.number and _has(each, outer, form) for each in others)


def _has(other: _Seen, outer: _Outer, form: _Form) -> bool:
    places = other.places.get((outer.line.top, form), ())
    return any(abs(place - outer.line.down) <= _SAME_PLACE for place in places)


def _is_number(form: _Form) -> bool:
    """A page number, with nothing else but such as "page … of 12"."""
    text, ahead = form
    return ahead is not None and _are_of_pages(_WORD.findall(text))


def _may_count_pages(before: str, after: str) -> bool:
    """A number between these may be the page's: at an end of a header, or called one."""
    words = _WORD.findall(f"{before} {after}")
    if _are_of_pages(words):
        return True
    at_an_end = _AROUND.fullmatch(before) or _AROUND.fullmatch(after)
    called = _are_of_pages(_WORD.findall(before)[-1:]) and _WORD.search(before)
    return bool(at_an_end or called) and sum(map(len, words)) > _FEW_LETTERS


def _are_of_pages(words: Sequence[str]) -> bool:
    return all(word.casefold() in _PAGE_WORDS for word in words)


def _seen(page: Page) -> _Seen:
    outer: list[_Outer] = []
    places: dict[tuple[bool, _Form], list[float]] = {}
    row, last = 0, None
    for line in page.outer:
        if last is None or last.top is not line.top:
            row = 0
        elif abs(line.down - last.down) > _SAME_HEIGHT:
            row += 1
        last = line
        forms = _forms(line.text, page.number)
        outer.append(_Outer(line, row, forms))
        for form in forms:
            places.setdefault((line.top, form), []).append(line.down)
    return _Seen(page.number, places, tuple(outer))


def _forms(text: str, page: int) -> tuple[_Form, ...]:
    if len(text) > _MAX_LINE_CHARS:
        return ()
    forms: list[_Form] = []
    if _ROMAN.fullmatch(text):
        forms.append(("", _roman(text.lower()) - page))
    found = list(_NUMBER.finditer(text))
    for number in found if len(found) <= _MAX_NUMBERS else (found[0], found[-1]):
        before, after = text[: number.start()], text[number.end() :]
        if _may_count_pages(before, after):
            forms.append((f"{before}\0{after}", int(number[0]) - page))
    if any(map(str.isalpha, text)) or not found:
        forms.append((text, None))
    return tuple(forms)


def _roman(text: str) -> int:
    values = [_ROMAN_DIGITS[digit] for digit in text]
    following = [*values[1:], 0]
    return sum(-v if v < after else v for v, after in zip(values, following, strict=True))
