"""Which paragraphs of a Word document are headings, items of lists or code, and their numbers."""

import re
from dataclasses import dataclass, replace

from vecstream_cli.readers.safe_xml import Element, attribute, child, local

_HEADING = re.compile(r"(?:box)?head(?:ing)?[ _-]?([1-9a-f])", re.IGNORECASE)
_TITLE = re.compile(r"(?:(?:document|book|part|chapter)[ _-]?)?title", re.IGNORECASE)
_CODE = re.compile(r"code|listing|preformatted|verbatim|macro text|source", re.IGNORECASE)
_NOT_CODE = re.compile(r"caption|label|title|head|number", re.IGNORECASE)
_MAX_CHAIN = 20
_BODY_LEVEL = 9  # "outline level 10" of Word's menus: body text


@dataclass(frozen=True, slots=True)
class Style:
    """`level` of the heading it makes, from 0 for a title; `list` is (numbering id, depth)."""

    level: int | None = None
    list: tuple[str, int] | None = None
    code: bool = False


class Styles:
    """The paragraph styles of a document, each with what it takes over from those it is based on.

    Word's own headings carry their level; what a publisher's own styles are is told by their
    names, as in ``HeadA`` or ``ChapterTitle``.
    """

    def __init__(self, root: Element | None) -> None:
        self._elements: dict[str, Element] = {}
        self._known: dict[str, Style] = {}
        self.language: str | None = None
        self.default = ""
        for each in () if root is None else root:
            if local(each) == "style" and attribute(each, "type") in ("paragraph", None):
                identity = attribute(each, "styleId") or ""
                self._elements.setdefault(identity, each)
                if attribute(each, "default") in ("1", "true"):
                    self.default = identity
            elif local(each) == "docDefaults":
                languages = [found for found in each.iter() if local(found) == "lang"]
                self.language = attribute(languages[0], "val") if languages else None

    def of(self, paragraph: Element) -> Style:
        """The style a paragraph has, with what its own properties change."""
        properties = child(paragraph, "pPr")
        named = None if properties is None else child(properties, "pStyle")
        identity = self.default if named is None else attribute(named, "val") or ""
        if identity not in self._known:
            self._known[identity] = self._resolved(identity)
        found = self._known[identity]
        return found if properties is None else _changed(found, properties)

    def _resolved(self, identity: str) -> Style:
        chain: list[Element] = []
        while identity in self._elements and len(chain) < _MAX_CHAIN:
            chain.append(self._elements[identity])
            based = child(chain[-1], "basedOn")
            identity = "" if based is None else attribute(based, "val") or ""
        style = Style()
        for element in reversed(chain):
            named = child(element, "name")
            name = "" if named is None else attribute(named, "val") or ""
            if heading := _HEADING.fullmatch(name):
                style = replace(style, level=int(heading[1], 16) - (9 if heading[1] > "9" else 0))
            elif _TITLE.fullmatch(name):
                style = replace(style, level=0)
            elif _CODE.search(name) and not _NOT_CODE.search(name):
                style = replace(style, code=True)
            properties = child(element, "pPr")
            if properties is not None:
                style = _changed(style, properties)
        return style


def _changed(style: Style, properties: Element) -> Style:
    outline, numbering = child(properties, "outlineLvl"), child(properties, "numPr")
    if outline is not None:
        level = _number(outline, _BODY_LEVEL)
        style = replace(style, level=level + 1 if level < _BODY_LEVEL else None)
    if numbering is not None:
        depth, identity = child(numbering, "ilvl"), child(numbering, "numId")
        known = style.list or ("", 0)
        named = known[0] if identity is None else attribute(identity, "val") or ""
        found = (named, known[1] if depth is None else _number(depth, 0))
        style = replace(style, list=None if named in ("", "0") else found)
    return style


def _number(element: Element, otherwise: int) -> int:
    value = attribute(element, "val") or ""
    return int(value) if value.isdecimal() and len(value) < 4 else otherwise
