"""Numbers as a spreadsheet shows them: dates, percent, currencies, as many digits as told."""

import datetime
import re
from functools import lru_cache
from typing import NamedTuple

_SECTION = re.compile(r'(?:"[^"]*"|\\.|[^;"\\])+')
_LITERAL = re.compile(r'"([^"]*)"|\\(.)|\[\$([^\]-]*)[^\]]*\]|_.|\*.|\[[^\]]*\]')
_DIGITS = re.compile(r"[#0?](?:[#0?,. ]*[#0?])?,*")
_MAX_DECIMALS = 15


class _Form(NamedTuple):
    before: str
    after: str
    decimals: int | None  # None: as many as there are
    thousands: bool
    scale: int
    scientific: bool


def shown(value: object, number_format: str) -> str:
    """A cell's value in the format of the cell, dates in ISO 8601 whatever their format."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, datetime.datetime):
        if value.time() == datetime.time():
            return value.date().isoformat()
        return value.replace(microsecond=0).isoformat(" ", "auto").removesuffix(":00")
    if isinstance(value, datetime.time):
        return value.replace(microsecond=0).isoformat()
    if isinstance(value, datetime.timedelta):
        seconds = round(value.total_seconds())
        sign, seconds = "-" if seconds < 0 else "", abs(seconds)
        return f"{sign}{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    if isinstance(value, int | float):
        return _number(value, number_format)
    return str(value)


def _number(value: float, number_format: str) -> str:
    sections = _sections(number_format)
    # Positive, negative, zero: where a format has a section for it, the sign is the section's.
    at = 1 if value < 0 and len(sections) > 1 else 2 if value == 0 and len(sections) > 2 else 0
    form = sections[at]
    if form is None:
        return general(value)
    if at == 1:
        value = -value
    scaled = value * 100**form.scale if form.scale > 0 else value / 1000**-form.scale
    if form.scientific:
        text = f"{scaled:.{form.decimals or 0}E}"
    elif form.decimals is None:
        text = general(scaled)
    else:
        text = f"{scaled:{',' if form.thousands else ''}.{form.decimals}f}"
    return f"{form.before}{text}{form.after}"


def general(value: float) -> str:
    """A number without a format, and without the noise of its binary form."""
    if isinstance(value, int) and abs(value) < 10**15:
        return str(value)
    return f"{value:.12g}"


@lru_cache(maxsize=1024)
def _sections(number_format: str) -> tuple[_Form | None, ...]:
    found = _SECTION.findall(number_format[:200]) or [""]
    return tuple(map(_form, found[:3]))


def _form(section: str) -> _Form | None:
    """None where a format shows a number as it is, or in a way of its own, such as a fraction."""
    literals: list[str] = []

    def kept(found: re.Match[str]) -> str:
        literals.append(found[1] or found[2] or found[3] or "")
        return "\ue000"

    marked = _LITERAL.sub(kept, section.replace("\ue000", ""))
    digits = _DIGITS.search(marked)
    if digits is None or "/" in marked or "General" in marked or "@" in marked:
        return None
    pattern = digits[0]
    rest = marked[digits.end() :]
    scientific = re.match(r"[Ee][+-]?[0#]+", rest)
    if scientific is not None:
        rest = rest[scientific.end() :]
    outside = marked[: digits.start()] + "\ue001" + rest
    percent = outside.count("%")
    whole, _, fraction = pattern.rstrip(",").partition(".")
    thousandths = len(pattern) - len(pattern.rstrip(","))
    words = iter(literals)
    text = "".join(next(words, "") if sign == "\ue000" else sign for sign in outside)
    before, _, after = text.partition("\ue001")
    return _Form(
        before.lstrip(),
        after.rstrip(),
        min(sum(fraction.count(sign) for sign in "0#?"), _MAX_DECIMALS),
        "," in whole,
        percent if percent else -thousandths,
        scientific is not None,
    )
