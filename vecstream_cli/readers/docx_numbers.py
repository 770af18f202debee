"""The numbers that Word writes before headings and items: they stand nowhere in the text."""

import re
from dataclasses import dataclass

from vecstream_cli.readers.safe_xml import Element, attribute, child, local

_PLACE = re.compile(r"%([1-9])")
_MAX_DEPTH = 9
_MAX_NUMBER = 1 << 31
_ROMAN = (
    (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"),
    (50, "l"), (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Level:
    form: str = "decimal"
    text: str = "%1."
    start: int = 1


class Numbering:
    """The lists of a document, and how far each has come."""

    def __init__(self, root: Element | None) -> None:
        abstract: dict[str, dict[int, _Level]] = {}
        self._levels: dict[str, dict[int, _Level]] = {}
        self._shared: dict[str, str] = {}  # several lists may go on with one another's numbers
        self._counts: dict[str, list[int]] = {}
        for each in () if root is None else root:
            if local(each) == "abstractNum":
                abstract[attribute(each, "abstractNumId") or ""] = _levels(each)
        for each in () if root is None else root:
            if local(each) == "num":
                identity = attribute(each, "numId") or ""
                link = child(each, "abstractNumId")
                base = "" if link is None else attribute(link, "val") or ""
                own = _overrides(each)
                self._levels[identity] = {**abstract.get(base, {}), **own}
                self._shared[identity] = f"{base}/{identity}" if own else base

    def next(self, identity: str, depth: int) -> str:
        """What stands before the next item at `depth` of a list: ``2.1.``, ``b)``, or ``-``."""
        depth = min(depth, _MAX_DEPTH - 1)
        levels = self._levels.get(identity, {})
        level = levels.get(depth, _Level("bullet"))
        counts = self._counts.setdefault(self._shared.get(identity, identity), [0] * _MAX_DEPTH)
        counts[depth] = counts[depth] + 1 if counts[depth] else level.start
        counts[depth + 1 :] = [0] * (_MAX_DEPTH - depth - 1)
        if level.form == "bullet":
            return "-"
        if level.form == "none":
            return ""

        def shown(found: re.Match[str]) -> str:
            at = int(found[1]) - 1
            other = levels.get(at, _Level())
            return _written(counts[at] or other.start, other.form)

        return _PLACE.sub(shown, level.text).strip()


def _levels(element: Element) -> dict[int, _Level]:
    found = {}
    for each in element:
        if local(each) == "lvl":
            form, text, start = (child(each, name) for name in ("numFmt", "lvlText", "start"))
            found[_number(attribute(each, "ilvl"), 0)] = _Level(
                "decimal" if form is None else attribute(form, "val") or "decimal",
                "" if text is None else attribute(text, "val") or "",
                1 if start is None else _number(attribute(start, "val"), 1),
            )
    return found


def _overrides(element: Element) -> dict[int, _Level]:
    found: dict[int, _Level] = {}
    for each in element:
        if local(each) == "lvlOverride":
            found.update(_levels(each))
    return found


def _written(number: int, form: str) -> str:
    if form in ("lowerLetter", "upperLetter"):
        letter = chr(ord("a") + (number - 1) % 26) * min((number - 1) // 26 + 1, 4)
        return letter.upper() if form == "upperLetter" else letter
    if form in ("lowerRoman", "upperRoman") and 0 < number < 4000:
        roman = ""
        for value, sign in _ROMAN:
            roman += sign * (number // value)
            number %= value
        return roman.upper() if form == "upperRoman" else roman
    return f"{number:02}" if form == "decimalZero" else str(number)


def _number(value: str | None, otherwise: int) -> int:
    return min(int(value), _MAX_NUMBER) if value is not None and value.isdecimal() else otherwise
