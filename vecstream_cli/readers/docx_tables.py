"""A Word table as rows of text: merged cells stand in each row they reach, deleted rows nowhere."""

from collections.abc import Callable, Iterator

from vecstream_cli.readers.docx_text import is_on
from vecstream_cli.readers.safe_xml import Element, attribute, child, local

_WRAPPERS = ("sdt", "sdtContent", "ins", "moveTo", "customXml")
_MAX_COLUMNS = 63  # of a table in Word


def is_layout(table: Element) -> bool:
    """Whether a table only places what stands in it: one column, or tables in its cells."""
    rows = list(_rows(table))
    if all(len(list(_cells(row))) < 2 for row in rows):
        return True
    return next(table.iterdescendants("{*}tbl"), None) is not None


def table_cells(table: Element) -> Iterator[Element]:
    """All cells, row by row."""
    for row in _rows(table):
        yield from _cells(row)


def marked_rows(table: Element) -> int | None:
    """How many rows at the top are marked to be repeated on every page; None where none is."""
    count = 0
    for row in _rows(table):
        if not is_on(child(row, "trPr"), "tblHeader"):
            break
        count += 1
    return count or None


def table_rows(table: Element, text: Callable[[Element], str]) -> Iterator[list[str]]:
    """Each row's cells by column. The first row's wide cells stand in all of their columns."""
    above: list[str] = []
    for index, row in enumerate(_rows(table)):
        values: list[str] = [""] * _skipped(row)
        for cell in _cells(row):
            properties = child(cell, "tcPr")
            width = _span(properties)
            merged = None if properties is None else child(properties, "vMerge")
            if merged is not None and attribute(merged, "val") in (None, "continue"):
                value = above[len(values)] if len(values) < len(above) else ""
            else:
                value = text(cell)
            values.append(value)
            values.extend([value if index == 0 else ""] * (width - 1))
        yield values
        above = values


def _rows(element: Element) -> Iterator[Element]:
    for each in element:
        name = local(each)
        if name == "tr":
            properties = child(each, "trPr")
            if properties is None or child(properties, "del") is None:
                yield each
        elif name in _WRAPPERS:
            yield from _rows(each)


def _cells(element: Element) -> Iterator[Element]:
    for each in element:
        name = local(each)
        if name == "tc":
            yield each
        elif name in _WRAPPERS:
            yield from _cells(each)


def _span(properties: Element | None) -> int:
    span = None if properties is None else child(properties, "gridSpan")
    return 1 if span is None else _count(span, 1)


def _skipped(row: Element) -> int:
    """How many columns a row leaves out before its first cell."""
    properties = child(row, "trPr")
    before = None if properties is None else child(properties, "gridBefore")
    return 0 if before is None else _count(before, 0)


def _count(element: Element, least: int) -> int:
    value = attribute(element, "val") or ""
    return max(least, min(int(value), _MAX_COLUMNS)) if value[:9].isdecimal() else least
