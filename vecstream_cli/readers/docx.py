"""Word documents (.docx): what a person reads, in order, with notes and comments where they hang.

Deleted and hidden text is not part of it; headers and footers come once, at the end.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from vecstream_cli.core.blocks import BlockKind, OpenDocument, ReaderWarning
from vecstream_cli.readers import drawings, ooxml, safe_xml
from vecstream_cli.readers.docx_numbers import Numbering
from vecstream_cli.readers.docx_styles import Styles
from vecstream_cli.readers.docx_tables import is_layout, marked_rows, table_cells, table_rows
from vecstream_cli.readers.docx_text import Inline, alternative, gathered, inline, plain
from vecstream_cli.readers.failures import document_errors, silenced
from vecstream_cli.readers.metadata import bounded
from vecstream_cli.readers.parts import Part, blocks
from vecstream_cli.readers.reading import Reading
from vecstream_cli.readers.safe_xml import Element, attribute, local
from vecstream_cli.readers.silence import noticed
from vecstream_cli.readers.source import SourceFile
from vecstream_cli.readers.tables import table_parts
from vecstream_cli.readers.zip_guard import checked_zip

if TYPE_CHECKING:
    from docx.opc.part import Part as PackagePart

# As a tree, XML takes 12 to 20 times its size: the most that was measured for this was 300 MiB.
MAX_XML_BYTES = 16 << 20

_MAIN = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"


def read_docx(file: SourceFile, reading: Reading) -> OpenDocument:
    """Open a Word document. Raises DocumentError ``too-large`` beyond `MAX_XML_BYTES` of XML."""
    archive = checked_zip(file)
    reading.progress()
    with document_errors("the Word document"), silenced("docx"):
        from docx.package import Package

        facts = ooxml.facts(archive)
        copy = ooxml.package(archive, _MAIN, MAX_XML_BYTES)
        reading.progress()
        main = Package.open(copy).main_document_part
        document = _Document(main)
    facts.setdefault("language", document.styles.language)
    found = noticed(blocks(document.parts(), reading.progress), document.warnings)
    return OpenDocument(bounded(facts), found, document.warnings)


class _Document:
    """A Word document's main part and the parts it refers to."""

    def __init__(self, main: "PackagePart") -> None:
        self.warnings: list[ReaderWarning] = []
        self._main = main
        self._tables = 0
        self._told: set[tuple[str, str]] = set()
        self.styles = Styles(self._related("styles"))
        self._numbering = Numbering(self._related("numbering"))
        self._notes = {
            (kind, attribute(each, "id") or ""): each
            for kind in ("footnote", "endnote", "comment")
            for each in self._related(f"{kind}s") or ()
            if local(each) == kind
        }

    def parts(self) -> Iterator[Part]:
        """All of the document, from top to bottom; then its headers and footers."""
        root = safe_xml.child(_element(self._main), "body")
        yield from self._content(_element(self._main) if root is None else root)
        for kind in ("header", "footer"):
            seen = set()
            for part in self._parts_of(kind):
                text = plain(part)
                if any(map(str.isalpha, text)) and text not in seen:
                    seen.add(text)
                    yield Part(BlockKind.PARAGRAPH, f"{kind.title()}: {text}", heading=())

    def _content(self, element: Element) -> Iterator[Part]:
        for each in element:
            match local(each):
                case "p":
                    yield from self._paragraph(each)
                case "tbl":
                    yield from self._table(each)
                case "sdt" | "sdtContent" | "ins" | "moveTo" | "customXml" | "smartTag":
                    yield from self._content(each)
                case "AlternateContent":
                    chosen = alternative(each)
                    yield from () if chosen is None else self._content(chosen)
                case "altChunk":
                    message = "A document that is inserted by reference is not read."
                    self.warnings.append(ReaderWarning("part", message))

    def _paragraph(self, element: Element) -> Iterator[Part]:
        shown = inline(element)
        text = "".join(shown.text)
        if text.strip():
            style = self.styles.of(element)
            number = "" if style.list is None else self._numbering.next(*style.list)
            if style.level is not None:
                text = " ".join(text.split())
                numbered = f"{number} {text}" if number not in ("", "-") else text
                yield Part(BlockKind.HEADING, numbered, style.level)
            elif style.code:
                yield Part(BlockKind.CODE, text)
            elif style.list is not None:
                yield Part(BlockKind.LIST, f"{number} {text.strip()}")
            else:
                yield Part(BlockKind.PARAGRAPH, text)
        yield from self._attached(shown)

    def _attached(self, shown: Inline) -> Iterator[Part]:
        """What hangs on a paragraph: its text boxes, drawings, notes and comments."""
        for box in shown.boxes:
            yield from self._content(box)
        for kind, identity in shown.drawings:
            part = self._main.related_parts.get(identity)
            if part is not None:
                root = self._read(part)
                yield from () if root is None else drawings.parts(kind, root)
        for note in shown.notes:
            if note not in self._notes or note in self._told:
                continue
            self._told.add(note)
            text = plain(self._notes[note])
            author = attribute(self._notes[note], "author")
            if text and note[0] == "comment":
                text = f"Comment by {author}: {text}" if author else f"Comment: {text}"
                yield Part(BlockKind.PARAGRAPH, text)
            elif text:
                yield Part(BlockKind.PARAGRAPH, f"[{note[1]}] {text}")

    def _table(self, table: Element) -> Iterator[Part]:
        if is_layout(table):
            for cell in table_cells(table):
                yield from self._content(cell)
            return
        self._tables += 1
        shown: list[Inline] = []

        def text(cell: Element) -> str:
            found = gathered(cell)
            if found.notes or found.drawings:
                shown.append(found)
            return "".join(found.text)

        rows = list(table_rows(table, text))
        yield from table_parts(rows, {"table": self._tables}, marked=marked_rows(table))
        for each in shown:
            yield from self._attached(each)

    def _related(self, kind: str) -> Element | None:
        return next(self._parts_of(kind), None)

    def _parts_of(self, kind: str) -> Iterator[Element]:
        """The roots of the parts that the main part has such a relation to, readable ones."""
        for relation in list(self._main.rels.values()):
            if not relation.is_external and relation.reltype.rpartition("/")[2] == kind:
                root = self._read(relation.target_part)
                if root is not None:
                    yield root

    def _read(self, part: "PackagePart") -> Element | None:
        try:
            return _element(part)
        except SyntaxError as error:
            message = f"{part.partname} cannot be read: {error.msg}"
            self.warnings.append(ReaderWarning("part", message))
            return None


def _element(part: "PackagePart") -> Element:
    """The root of a part's XML, which python-docx has parsed for some kinds of part only."""
    root = getattr(part, "element", None)
    return safe_xml.tree(part.blob) if root is None else root
