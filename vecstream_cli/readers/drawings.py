"""The words in charts and diagrams that office documents draw."""

from collections.abc import Iterator

from vecstream_cli.core.blocks import BlockKind
from vecstream_cli.readers.parts import Part
from vecstream_cli.readers.rows import row_line
from vecstream_cli.readers.safe_xml import Element, child, local

_MAX_POINTS = 200


def parts(kind: str, root: Element, heading: tuple[str, ...] | None = None) -> Iterator[Part]:
    """A chart's title and values, or an item for each shape of a diagram."""
    if kind == "chart":
        yield from _chart(root, heading)
    else:
        for each in root.iter():
            if local(each) == "pt":
                text = shape_text(each)
                if text:
                    yield Part(BlockKind.LIST, f"- {text}", heading=heading)


def shape_text(element: Element) -> str:
    """All the words of a drawn shape on one line."""
    return " ".join(lines_of(element).split())


def lines_of(element: Element) -> str:
    """The paragraphs of a drawn shape, one a line, without the empty ones."""
    found = (paragraph_text(each) for each in element.iter() if local(each) == "p")
    return "\n".join(filter(None, found))


def paragraph_text(paragraph: Element) -> str:
    """What a paragraph of a drawing says; a forced line end is a space."""
    runs = (each for each in paragraph.iter() if local(each) in ("t", "br"))
    return " ".join("".join(each.text or " " for each in runs).split())


def _chart(root: Element, heading: tuple[str, ...] | None) -> Iterator[Part]:
    titles = [shape_text(each) for each in root.iter() if local(each) == "title"]
    title = ", ".join(filter(None, titles))
    if title:
        yield Part(BlockKind.PARAGRAPH, f"Chart: {title}", heading=heading)
    names: list[str] = []
    columns: list[dict[int, str]] = []
    categories: dict[int, str] = {}
    for series in root.iter():
        if local(series) == "ser":
            found = {local(each): each for each in series}
            names.append(" ".join(_points(found.get("tx")).values()))
            categories.update(_points(found.get("cat", found.get("xVal"))))
            columns.append(_points(found.get("val", found.get("yVal"))))
    for at in sorted(set(categories).union(*columns))[:_MAX_POINTS]:
        values = [categories.get(at, ""), *(column.get(at, "") for column in columns)]
        yield Part(BlockKind.TABLE, row_line(["", *names], values), heading=heading)


def _points(element: Element | None) -> dict[int, str]:
    """The cached values of a reference to cells, by their index."""
    found: dict[int, str] = {}
    for each in () if element is None else element.iter():
        if local(each) == "pt" and (each.get("idx") or "").isdecimal():
            value = child(each, "v")
            found[int(each.get("idx"))] = "" if value is None else _short(value.text or "")
        elif local(each) == "v" and not found and local(each.getparent()) != "pt":
            found[0] = each.text or ""
    return found


def _short(value: str) -> str:
    """A number without the noise of its binary form."""
    try:
        return f"{float(value):.10g}"
    except ValueError:
        return value
