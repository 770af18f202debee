"""The text inside OpenDocument elements, as a person sees it, and the notes that hang on it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from vecstream_cli.readers.safe_xml import Element, attribute, local

_SPACE = re.compile(r"[ \t\r\n]+")
_MAX_SPACES = 100
_UNSEEN = frozenset(
    {
        "ruby-text", "tracked-changes", "desc", "title", "image", "script", "event-listeners",
    }
)  # fmt: skip
_BOXES = frozenset(
    {
        "text-box", "table", "object-ole", "object", "plugin",
    }
)  # fmt: skip


@dataclass(slots=True)
class OdfInline:
    """What a paragraph shows: text, notes as (mark, body), comments as (author, body), boxes."""

    text: list[str] = field(default_factory=list)
    notes: list[tuple[str, Element]] = field(default_factory=list)
    comments: list[tuple[str, Element]] = field(default_factory=list)
    boxes: list[Element] = field(default_factory=list)


def inline(paragraph: Element) -> OdfInline:
    """What a paragraph or a heading shows."""
    found = OdfInline()
    _gather(paragraph, found)
    return found


def plain(element: Element) -> str:
    """The paragraphs in an element, one a line, whatever they stand in; no notes, no comments."""
    return "\n".join(filter(str.strip, _lines(element)))


def _lines(element: Element) -> Iterator[str]:
    for each in element:
        name = local(each)
        if name in ("p", "h"):
            found = inline(each)
            yield "".join(found.text)
            for box in found.boxes:
                yield from _lines(box)
        elif name not in _UNSEEN and name not in ("note", "annotation"):
            yield from _lines(each)


def _gather(element: Element, found: OdfInline) -> None:
    found.text.append(_SPACE.sub(" ", element.text or ""))
    for each in element:
        name = local(each)
        if name == "s":
            count = attribute(each, "c") or "1"
            found.text.append(" " * min(int(count) if count.isdecimal() else 1, _MAX_SPACES))
        elif name == "tab":
            found.text.append("\t")
        elif name == "line-break":
            found.text.append("\n")
        elif name == "note":
            _note(each, found)
        elif name == "annotation":
            authors = [one.text or "" for one in each if local(one) == "creator"]
            found.comments.append((authors[0] if authors else "", each))
        elif name in _BOXES:
            found.boxes.append(each)
        elif name not in _UNSEEN and name:
            _gather(each, found)
        found.text.append(_SPACE.sub(" ", each.tail or ""))


def _note(element: Element, found: OdfInline) -> None:
    mark = ""
    for each in element:
        if local(each) == "note-citation":
            mark = "".join(each.itertext())
        elif local(each) == "note-body":
            found.text.append(f"[{mark}]")
            found.notes.append((mark, each))
