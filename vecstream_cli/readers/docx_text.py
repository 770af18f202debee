"""The text inside a paragraph of a Word document, as a person sees it, and what hangs on it."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from vecstream_cli.readers.safe_xml import Element, attribute, child, local, related

# Deleted and moved text, field codes, properties, readings above characters, and pictures for
# programs that cannot show what stands in the choice before them.
_UNSEEN = frozenset(
    {
        "del", "moveFrom", "pPr", "rPr", "instrText", "delText", "delInstrText", "fldData",
        "rt", "sectPr", "ruby_pr", "sdtPr", "sdtEndPr", "tblPr", "tblGrid", "trPr", "tcPr",
    }
)  # fmt: skip
_CHARACTERS = {"tab": "\t", "ptab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "\u2011"}
_OFF = ("0", "false", "off", "none")


@dataclass(slots=True)
class Inline:
    """What a run of elements shows: its text, its notes as (kind, id), its boxes and diagrams."""

    text: list[str] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)
    boxes: list[Element] = field(default_factory=list)
    drawings: list[tuple[str, str]] = field(default_factory=list)


def inline(element: Element) -> Inline:
    """What a paragraph, or any other element, shows."""
    found = Inline()
    _gather(element, found)
    return found


def gathered(element: Element) -> Inline:
    """What the paragraphs in an element show, one line each: in a note, or in a cell of a table."""
    found = Inline()
    for paragraph in paragraphs(element):
        _gather(paragraph, found)
        found.text.append("\n")
    for box in found.boxes:
        found.text.append(plain(box))
    found.boxes.clear()
    return found


def plain(element: Element) -> str:
    """The text alone, paragraphs parted by line ends."""
    return "\n".join(filter(str.strip, "".join(gathered(element).text).split("\n")))


def paragraphs(element: Element) -> Iterator[Element]:
    """The paragraphs in an element, in tables too, but not those in a text box."""
    for each in element:
        name = local(each)
        if name == "p":
            yield each
        elif name not in _UNSEEN and name != "txbxContent":
            yield from paragraphs(each)


def alternative(element: Element) -> Element | None:
    """Which of several ways to show the same thing is the document's: the first."""
    first = child(element, "Choice")
    return first if first is not None else child(element, "Fallback")


def is_on(properties: Element | None, name: str) -> bool:
    """Whether a toggle such as `vanish` is set in a run's or a paragraph's properties."""
    toggle = None if properties is None else child(properties, name)
    return toggle is not None and (attribute(toggle, "val") or "1").lower() not in _OFF


def _gather(element: Element, found: Inline) -> None:
    for each in element:
        name = local(each)
        if name == "t":
            found.text.append(each.text or "")
        elif name == "r":
            if not is_on(child(each, "rPr"), "vanish"):
                _gather(each, found)
        elif name in _CHARACTERS:
            found.text.append(_CHARACTERS[name])
        elif name == "sym":
            found.text.append(_symbol(attribute(each, "char") or ""))
        elif name in ("footnoteReference", "endnoteReference", "commentReference"):
            found.notes.append((name.removesuffix("Reference"), attribute(each, "id") or ""))
            if name != "commentReference":
                found.text.append(f"[{attribute(each, 'id')}]")
        elif name == "txbxContent":
            found.boxes.append(each)
        elif name == "relIds":
            found.drawings.append(("diagram", related(each, "dm")))
        elif name == "chart":
            found.drawings.append(("chart", related(each)))
        elif name == "AlternateContent":
            chosen = alternative(each)
            if chosen is not None:
                _gather(chosen, found)
        elif name not in _UNSEEN:
            _gather(each, found)


def _symbol(code: str) -> str:
    """A character of a symbol font, where its number means the same in every font."""
    try:
        number = int(code, 16)
    except ValueError:
        return ""
    return "" if 0xD800 <= number <= 0xF8FF or number > 0x10FFFF else chr(number)
