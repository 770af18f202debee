"""OpenDocument text and presentations (.odt, .odp): headings, lists, tables, notes, slides."""

import re
from collections.abc import Iterator

from vecstream_cli.core.blocks import NOWHERE, BlockKind, OpenDocument, Position, ReaderWarning
from vecstream_cli.readers import odf_package
from vecstream_cli.readers.failures import document_errors
from vecstream_cli.readers.metadata import bounded
from vecstream_cli.readers.odf_package import OdfStyles, known_styles
from vecstream_cli.readers.odf_text import inline, plain
from vecstream_cli.readers.outline import one_line
from vecstream_cli.readers.parts import Part, blocks
from vecstream_cli.readers.reading import Reading
from vecstream_cli.readers.safe_xml import Element, attribute, local
from vecstream_cli.readers.silence import noticed
from vecstream_cli.readers.source import SourceFile
from vecstream_cli.readers.tables import table_parts

_FURNITURE = ("footer", "header", "date-time", "page-number", "page")
_LENGTH = re.compile(r"(-?\d+(?:\.\d+)?)(cm|mm|in|pt)")
_CENTIMETRES = {"cm": 1.0, "mm": 0.1, "in": 2.54, "pt": 0.0353}
_LINE = 0.6  # centimetres: what starts within them stands side by side
_MAX_REPEATED = 100
_UNSEEN = frozenset(
    {
        "tracked-changes", "annotation", "title", "desc", "forms", "sequence-decls",
    }
)  # fmt: skip


def read_odt(file: SourceFile, reading: Reading) -> OpenDocument:
    """Open a text document. Raises DocumentError: see `odf_package`."""
    return _opened(file, reading, "text")


def read_odp(file: SourceFile, reading: Reading) -> OpenDocument:
    """Open a presentation. Raises DocumentError: see `odf_package`."""
    return _opened(file, reading, "presentation")


def _opened(file: SourceFile, reading: Reading, kind: str) -> OpenDocument:
    archive = odf_package.opened(file)
    reading.progress()
    with document_errors("the document"):
        facts = odf_package.facts(archive)
        root = odf_package.content(archive)
        styles = odf_package.styles(archive)
    reading.progress()
    walker = _Walker(known_styles(styles, root))
    parts = walker.slides(root) if kind == "presentation" else walker.document(root, styles)
    warnings: list[ReaderWarning] = []
    found = noticed(blocks(parts, reading.progress), warnings)
    return OpenDocument(bounded(facts), found, warnings)


class _Walker:
    """Goes through a document from top to bottom."""

    def __init__(self, styles: OdfStyles) -> None:
        self._styles = styles
        self._tables = 0

    def document(self, root: Element, styles: Element | None) -> Iterator[Part]:
        """The text, then what stands above and below the pages, once each."""
        for body in (each for each in root.iter() if local(each) == "text" and _is_body(each)):
            yield from self._content(body)
        seen = set()
        for each in () if styles is None else styles.iter():
            kind = local(each).partition("-")[0]
            if local(each) in ("header", "footer", "header-first", "footer-first"):
                text = plain(each)
                if any(map(str.isalpha, text)) and (kind, text) not in seen:
                    seen.add((kind, text))
                    yield Part(BlockKind.PARAGRAPH, f"{kind.title()}: {text}", heading=())

    def slides(self, root: Element) -> Iterator[Part]:
        """The slides, each with its title first and its notes last."""
        pages = (each for each in root.iter() if local(each) == "page" and len(each))
        for number, page in enumerate(pages, 1):
            where: Position = {"slide": number}
            self._tables = 0
            shapes = sorted((each for each in page if local(each) != "notes"), key=_corner)
            titles = (" ".join(plain(each).split()) for each in shapes if _role(each) == "title")
            title = next(filter(None, titles), "")
            heading = (one_line(title),) if title else ()
            yield Part(BlockKind.HEADING, title, 1, where, heading)
            for shape in shapes:
                if _role(shape) not in _FURNITURE and (_role(shape) != "title" or not title):
                    for part in self._content([shape], where):
                        yield Part(part.kind, part.text, 0, part.position, heading)
            for notes in (each for each in page if local(each) == "notes"):
                frames = (each for each in notes if _role(each) == "notes")
                text = "\n".join(filter(None, map(plain, frames)))
                if text:
                    yield Part(BlockKind.PARAGRAPH, f"Notes: {text}", 0, where, heading)

    def _content(
        self, elements: "Element | list[Element]", at: Position = NOWHERE
    ) -> Iterator[Part]:
        for each in elements:
            match local(each):
                case "h":
                    level = attribute(each, "outline-level") or "1"
                    yield from self._paragraph(each, BlockKind.HEADING, _number(level, 1), at)
                case "p":
                    yield from self._paragraph(each, *self._kind(each), at)
                case "list":
                    yield from self._list(each, attribute(each, "style-name") or "", 1, at)
                case "table":
                    yield from self._table(each, at)
                case name if name and name not in _UNSEEN:
                    yield from self._content(each, at)

    def _kind(self, paragraph: Element) -> tuple[BlockKind, int]:
        style = attribute(paragraph, "style-name")
        if self._styles.is_based_on(style, "Title"):
            return BlockKind.HEADING, 0
        if self._styles.is_based_on(style, "Preformatted_20_Text"):
            return BlockKind.CODE, 0
        return BlockKind.PARAGRAPH, 0

    def _paragraph(
        self, element: Element, kind: BlockKind, level: int, at: Position, before: str = ""
    ) -> Iterator[Part]:
        shown = inline(element)
        text = "".join(shown.text)
        if kind is BlockKind.HEADING:
            text = " ".join(text.split())
        if text.strip():
            yield Part(kind, before + text.strip() if before else text, level, at)
        for box in shown.boxes:
            yield from self._content([box], at)
        for mark, body in shown.notes:
            yield Part(BlockKind.PARAGRAPH, f"[{mark}] {plain(body)}", 0, at)
        for author, body in shown.comments:
            label = f"Comment by {author}" if author else "Comment"
            yield Part(BlockKind.PARAGRAPH, f"{label}: {plain(body)}", 0, at)

    def _list(self, element: Element, style: str, depth: int, at: Position) -> Iterator[Part]:
        """The items, numbered where the list's style says so; what follows in an item as it is."""
        counts = depth in self._styles.numbered.get(style, ())
        number = 0
        for item in element:
            if local(item) not in ("list-item", "list-header"):
                continue
            number += local(item) == "list-item"
            before = f"{number}. " if counts else "- "
            for each in item:
                name = local(each)
                if name == "list":
                    own = attribute(each, "style-name") or style
                    yield from self._list(each, own, depth + 1, at)
                elif name == "p":
                    yield from self._paragraph(each, BlockKind.LIST, 0, at, before or "  ")
                    before = ""
                else:
                    yield from self._content([each], at)

    def _table(self, table: Element, at: Position) -> Iterator[Part]:
        rows = list(_rows(table))
        if all(sum(map(bool, row)) < 2 for row in rows):
            for row in rows:
                for text in filter(None, row):
                    yield Part(BlockKind.PARAGRAPH, text, 0, at)
            return
        self._tables += 1
        marked = next((each for each in table if local(each) == "table-header-rows"), None)
        count = 0 if marked is None else sum(local(each) == "table-row" for each in marked)
        yield from table_parts(rows, {**at, "table": self._tables}, marked=count or None)


def _rows(table: Element) -> Iterator[list[str]]:
    """Cells by column; one that is merged over several rows stands in each of them."""
    above: dict[int, tuple[str, int]] = {}
    for row in _elements(table, ("table-row",)):
        values: list[str] = []
        for cell in _elements(row, ("table-cell", "covered-table-cell")):
            repeated = min(_number(attribute(cell, "number-columns-repeated"), 1), _MAX_REPEATED)
            text = plain(cell)
            held, left = above.get(len(values), ("", 0))
            if left and not text:
                text = held
                above[len(values)] = held, left - 1
            spanned = _number(attribute(cell, "number-rows-spanned"), 1)
            if spanned > 1:
                above[len(values)] = text, spanned - 1
            values.extend([text] * repeated)
        yield values


def _elements(element: Element, names: tuple[str, ...]) -> Iterator[Element]:
    """What lies in an element, or in what groups it, but not in another table."""
    for each in element:
        if local(each) in names:
            yield each
        elif local(each) in ("table-header-rows", "table-rows", "table-row-group"):
            yield from _elements(each, names)


def _is_body(element: Element) -> bool:
    parent = element.getparent()
    return parent is not None and local(parent) == "body"


def _role(shape: Element) -> str:
    return attribute(shape, "class") or ""


def _corner(shape: Element) -> tuple[int, float]:
    return int(_length(attribute(shape, "y")) / _LINE), _length(attribute(shape, "x"))


def _length(value: str | None) -> float:
    found = _LENGTH.fullmatch(value or "")
    return float(found[1]) * _CENTIMETRES[found[2]] if found else 0.0


def _number(value: str | None, otherwise: int) -> int:
    return int(value) if value is not None and value.isdecimal() and len(value) < 8 else otherwise
