"""XML of any kind: the text of its elements, under the path of those they stand in.

Parsed as it streams by, and forgotten behind: no entity but XML's own five is expanded, nothing
is fetched, and libxml2's limits on depth and on the length of a text hold.
"""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from vecstream_cli.core.blocks import Block, BlockKind, OpenDocument, ReaderWarning
from vecstream_cli.errors import DocumentError
from vecstream_cli.readers import lines as cutting
from vecstream_cli.readers.encoding import decoded
from vecstream_cli.readers.metadata import bounded
from vecstream_cli.readers.outline import one_line
from vecstream_cli.readers.reading import Reading
from vecstream_cli.readers.silence import noticed
from vecstream_cli.readers.source import SourceFile

if TYPE_CHECKING:
    from lxml.etree import XMLPullParser, _Element  # type: ignore[import-untyped]

_BLOCK_CHARS = 2000
_MAX_PATH = 10
_SHORT = 200
_MAX_MIXED = 5000
# The text of these is prose, and what the element is called says nothing about it.
_PROSE = frozenset({
    "p", "para", "simpara", "text", "t", "li", "item", "listitem", "content", "description",
    "body", "seg", "value", "string", "line", "l", "note", "abstract", "span", "title",
})  # fmt: skip
_TITLES = frozenset({"title", "head", "heading", "name", "label", "caption"})
_READABLE = _TITLES | {
    "alt", "comment", "desc", "description", "displayname", "summary", "text", "tooltip",
}  # fmt: skip
_WORDS = re.compile(r"[^\W\d_]{2,}[,.;:!?]?\s+[^\W\d_]{2,}")
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
_DECLARATION = re.compile(r"\A\s*<\?xml[^>]*>")
_ENTITIES = re.compile(rb"<!ENTITY\s", re.IGNORECASE)


def read_xml(file: SourceFile, reading: Reading) -> OpenDocument:
    """Open XML; what breaks after some text is a warning, before it DocumentError ``malformed``."""
    warnings: list[ReaderWarning] = []
    facts: dict[str, object] = {}
    walk = _Walk(facts)
    blocks = _blocks(file, reading, walk, warnings)
    first = next(blocks, None)  # what the root says of itself is known with the first text
    rest = blocks if first is None else _chained(first, blocks)
    return OpenDocument(bounded(facts), noticed(rest, warnings), warnings)


def _chained(first: Block, rest: Iterator[Block]) -> Iterator[Block]:
    yield first
    yield from rest


def _blocks(
    file: SourceFile, reading: Reading, walk: "_Walk", warnings: list[ReaderWarning]
) -> Iterator[Block]:
    parser = _parser()
    told = declares = False
    pieces: Iterator[bytes | str] = file.pieces()
    while (data := next(pieces, None)) is not None:
        reading.progress()
        declares = declares or (isinstance(data, bytes) and _ENTITIES.search(data) is not None)
        parser.feed(data)
        if not told and _encoding_is_wrong(parser):
            # It is not in the encoding that it names, or in one that the parser has not.
            parser, pieces = _parser(), _characters(file, reading)
            walk.forget()
            continue
        for event, element in parser.read_events():
            for block in walk.take(event, element):
                told = True
                yield block
    wrong = _closed(parser)
    rest = [block for found in parser.read_events() for block in walk.take(*found)]
    rest += walk.close()
    if wrong and not told and not rest:
        raise DocumentError("malformed", f"The file is not well-formed XML: {wrong}.")
    yield from rest
    if wrong:
        warnings.append(ReaderWarning("malformed", f"It is not well-formed XML: {wrong}."))
    if declares:
        warnings.append(ReaderWarning("entities", "Entities it declares are not expanded."))


def _parser() -> "XMLPullParser":
    from lxml.etree import XMLPullParser

    return XMLPullParser(
        events=("start", "end"), resolve_entities=False, no_network=True, load_dtd=False,
        remove_comments=True, remove_pis=True, huge_tree=False, recover=True,
    )  # fmt: skip


def _closed(parser: "XMLPullParser") -> str:
    """What is wrong with the document, or nothing."""
    from lxml.etree import XMLSyntaxError

    try:
        parser.close()
    except XMLSyntaxError as error:
        return one_line(error.msg or "it has no element", 160).rstrip(".")
    found = next(iter(parser.feed_error_log), None)
    return "" if found is None else one_line(f"{found.message}, line {found.line}", 160)


def _encoding_is_wrong(parser: "XMLPullParser") -> bool:
    return any("ENCODING" in error.type_name for error in parser.feed_error_log)


def _characters(file: SourceFile, reading: Reading) -> Iterator[str]:
    """The text by our own lights, without the declaration."""
    pieces = decoded(file, reading.progress)
    yield _DECLARATION.sub("", next(pieces, ""))
    yield from pieces


class _Walk:
    """From parser events to blocks; elements are dropped from the tree as soon as they are told.

    An element with text of its own beside its children's is told as a whole: `_mixed` is its depth.
    """

    def __init__(self, facts: dict[str, object]) -> None:
        self._facts = facts
        self.forget()

    def forget(self) -> None:
        """Begin anew, with another parser."""
        self._path: list[str] = []
        self._ended: tuple[_Element, tuple[str, ...]] | None = None  # its tail is not known yet
        self._mixed = 0
        self._within = 0  # how many elements the mixed one has had
        self._lines: list[str] = []
        self._size = 0
        self._heading: tuple[str, ...] = ()
        self._line = 0

    def take(self, event: str, element: "_Element") -> Iterator[Block]:
        """The blocks that are whole with this event."""
        if not isinstance(element.tag, str):
            return
        yield from self._settle()
        if event == "start":
            self._enter(element)
            said = "" if self._mixed else _attributes(element)
            if said:
                yield from self._say(said, element, tuple(self._path))
            return
        depth = len(self._path)
        if not self._mixed or depth == self._mixed:
            self._ended, self._mixed = (element, tuple(self._path)), 0
        self._path.pop()
        if self._lines and depth <= len(self._heading):  # one record ends, another may follow
            yield from self.rest()

    def _enter(self, element: "_Element") -> None:
        if not self._path:
            self._facts["language"] = element.get(_LANGUAGE)
        if self._mixed:
            self._within += 1
            if self._within > _MAX_MIXED:
                self._mixed = 0
        elif len(self._path) > 1 and (element.getparent().text or "").strip():
            self._mixed, self._within = len(self._path), 0
        self._path.append(_local(element.tag))

    def _settle(self) -> Iterator[Block]:
        """Tell the element that ended last, or leave it to its parent where text comes after it."""
        if self._ended is None:
            return
        element, path = self._ended
        self._ended = None
        if element.tail and not element.tail.isspace() and len(path) > 2:
            self._mixed, self._within = len(path) - 1, 0
            return
        text = " ".join("".join(element.itertext()).split())
        if text:
            yield from self._told(element, path, text)
        above = element.getparent()
        if above is not None:
            above.remove(element)

    def _told(self, element: "_Element", path: tuple[str, ...], text: str) -> Iterator[Block]:
        own, heading = path[-1], path[:-1]
        if own.lower() in _TITLES and len(text) <= _SHORT and len(path) > 1:
            if own.lower() == "title" and len(path) <= 3:
                self._facts.setdefault("title", text)
            if len(self._path) == len(heading):
                self._path[-1] = one_line(text)
                heading = tuple(self._path)
        if len(text) <= _SHORT and own.lower() not in _PROSE:
            text = f"{own}: {text}"
        yield from self._say(text, element, heading or path)

    def _say(self, text: str, element: "_Element", heading: tuple[str, ...]) -> Iterator[Block]:
        heading = heading[-_MAX_PATH:]
        if heading != self._heading or self._size > _BLOCK_CHARS:
            yield from self.rest()
        if not self._lines:
            self._heading, self._line = heading, element.sourceline or 0
        self._lines.append(text + "\n")
        self._size += len(text)

    def rest(self) -> list[Block]:
        """The blocks of what was gathered."""
        if not self._lines:
            return []
        text = "".join(self._lines) + "\n"
        self._lines, self._size = [], 0
        position = {"line": self._line} if self._line else {}
        return list(cutting.blocks(text, BlockKind.LIST, self._heading, position=position))

    def close(self) -> Iterator[Block]:
        """The blocks of what is left when the document ends, early or not."""
        yield from self._settle()
        yield from self.rest()


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _attributes(element: "_Element") -> str:
    """What the attributes say to a reader: titles, labels, sentences; no ids and no links."""
    said = []
    for name, value in element.attrib.items():
        shown, own = one_line(str(value), 4 * _SHORT), _local(str(name))
        if shown and (own.lower() in _READABLE or _WORDS.search(shown)) and "://" not in shown:
            said.append(f"{own}: {shown}")
    return " | ".join(said)
