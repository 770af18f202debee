"""The article in a page of HTML, found by trafilatura: its body's tree as parts."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from vecstream_cli.core.blocks import BlockKind
from vecstream_cli.readers.failures import silenced
from vecstream_cli.readers.html_parts import LINE_BREAK, Part, part

if TYPE_CHECKING:
    from lxml.etree import _Element  # type: ignore[import-untyped]

_NESTED = frozenset({"list", "quote", "table"})


def parts(markup: str) -> Iterator[Part]:
    """The article's parts in order; none where trafilatura finds no article."""
    with silenced("trafilatura", "htmldate", "courlan", "justext"):
        from trafilatura import bare_extraction

        document = bare_extraction(
            markup, fast=True, include_comments=False, include_tables=True, with_metadata=False
        )
    body = getattr(document, "body", None)
    if body is None:
        return
    for found in _children(body):
        if found is not None:
            yield found


def _children(parent: "_Element") -> Iterator[Part | None]:
    yield part(BlockKind.PARAGRAPH, parent.text or "")
    for element in parent:
        yield from _parts(element)
        yield part(BlockKind.PARAGRAPH, element.tail or "")


def _parts(element: "_Element") -> Iterator[Part | None]:
    match element.tag:
        case "head":
            yield part(BlockKind.HEADING, _text(element), _level(element))
        case "list":
            for item in element:
                yield part(BlockKind.LIST, _text(item))
                yield from _nested(item)
        case "code":
            yield part(BlockKind.CODE, "".join(element.itertext()))
        case "quote" if len(element) > 0 and element[0].tag == "code" and not element.text:
            yield part(BlockKind.CODE, "".join(element.itertext()))
        case "quote":
            yield from _children(element)
        case "table":
            rows = (" | ".join(_text(cell) for cell in row) for row in element.iter("row"))
            yield part(BlockKind.TABLE, LINE_BREAK.join(rows))
        case _:
            yield part(BlockKind.PARAGRAPH, _text(element))
            yield from _nested(element)


def _nested(element: "_Element") -> Iterator[Part | None]:
    for child in element:
        if child.tag in _NESTED:
            yield from _parts(child)


def _text(element: "_Element") -> str:
    """The element's own running text: without the lists, quotes and tables inside it."""
    pieces = [element.text or ""]
    for child in element:
        if child.tag in ("lb", "p"):
            pieces.append(LINE_BREAK)
        if child.tag not in _NESTED:
            pieces.append(_text(child))
        pieces.append(child.tail or "")
    return "".join(pieces)


def _level(head: "_Element") -> int:
    rank = (head.get("rend") or "").removeprefix("h")
    return int(rank) if rank.isdigit() else 2
