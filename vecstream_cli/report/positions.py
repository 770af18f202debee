"""Where in its document a hit stands, as a person would say it: ``report.pdf p. 3``."""

import json
from collections.abc import Iterator

from vecstream_cli.report.escape import one_line

_MARK = "last"  # says that a row is its document's last, which is nobody's concern here
_WORDS = {"slide": "slide", "row": "row", "message": ""}
_INSIDE = " » "


def position(stored: str | None) -> dict[str, object] | None:
    """A row's `position` as an object; None where it tells no place."""
    try:
        facts = json.loads(stored or "null")
    except ValueError:
        return None
    if not isinstance(facts, dict):
        return None
    return {name: value for name, value in facts.items() if name != _MARK} or None


def located(document: str, page: int | None, stored: str | None) -> str:
    """`document`, then where in it: ``a.py:10-42``, ``costs.xlsx Costs!A7:D9``, ``x.zip » a.md``.

    Safe to print where `document` is.
    """
    facts = position(stored) or {}
    member = facts.pop("member", None)
    if member is not None:
        document += f"{_INSIDE}{one_line(str(member))}"
        facts.pop("member_end", None)
    if "line" in facts:
        document += f":{_range(facts, 'line', '-')}"
    parts = [document]
    if page is not None:
        label = facts.pop("page_label", None)
        end = facts.pop("page_end", None)
        pages = f"{page}–{end}" if end is not None else f"{page}"
        parts.append(f"p. {pages}" if label is None else f"p. {one_line(str(label))} ({pages})")
    parts += _others(facts)
    return " ".join(parts)


def _others(facts: dict[str, object]) -> Iterator[str]:
    if "sheet" in facts:
        yield _cells(facts)
    for name in list(facts):
        if name in facts and not name.endswith("_end"):
            word = one_line(_WORDS.get(name, name))
            yield f"{word} {_range(facts, name, '–')}".strip()


def _cells(facts: dict[str, object]) -> str:
    """``Costs!A7:D9``, as spreadsheets write it; less where less is known, or several sheets are
    touched."""
    sheet, other = one_line(str(facts.pop("sheet"))), facts.pop("sheet_end", None)
    columns = facts.pop("columns", None)
    facts.pop("columns_end", None)
    if "cell" in facts:
        facts.pop("cell_end", None)
        return f"{sheet}!{one_line(str(facts.pop('cell')))}"
    if columns is None or "row" not in facts:
        return sheet if other is None else f"{sheet} – {one_line(str(other))}"
    first, _, last = one_line(str(columns)).partition(":")
    top, bottom = (one_line(str(each)) for each in _both(facts, "row"))
    if other is not None:
        return f"{sheet}!{first}{top} – {one_line(str(other))} row {bottom}"
    return f"{sheet}!{first}{top}:{last or first}{bottom}"


def _range(facts: dict[str, object], name: str, dash: str) -> str:
    start, end = (one_line(str(each)) for each in _both(facts, name))
    return start if end == start else f"{start}{dash}{end}"


def _both(facts: dict[str, object], name: str) -> tuple[object, object]:
    start = facts.pop(name)
    return start, facts.pop(f"{name}_end", start)
