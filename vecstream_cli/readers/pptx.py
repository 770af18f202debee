"""Presentations (.pptx): slide by slide, title first, then from top to bottom, then the notes."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from vecstream_cli.core.blocks import BlockKind, OpenDocument, Position, ReaderWarning
from vecstream_cli.errors import DocumentError
from vecstream_cli.readers import drawings, ooxml, safe_xml
from vecstream_cli.readers.failures import document_errors, silenced
from vecstream_cli.readers.metadata import bounded
from vecstream_cli.readers.outline import one_line
from vecstream_cli.readers.parts import Part, blocks
from vecstream_cli.readers.reading import Reading
from vecstream_cli.readers.safe_xml import Element, local
from vecstream_cli.readers.silence import Losses, noticed
from vecstream_cli.readers.source import SourceFile
from vecstream_cli.readers.tables import table_parts
from vecstream_cli.readers.zip_guard import checked_zip

if TYPE_CHECKING:
    from pptx.parts.presentation import PresentationPart
    from pptx.slide import Slide

MAX_XML_BYTES = 16 << 20  # see docx.py

_MAIN = "application/vnd.openxmlformats-officedocument.presentationml.presentation.main+xml"
_FURNITURE = ("dt", "ftr", "sldNum", "hdr")
_TITLES = ("title", "ctrTitle")
_LISTS = ("body", "obj", "subTitle", None)
_LINE = 228_600  # a quarter of an inch: what starts within it stands side by side


def read_pptx(file: SourceFile, reading: Reading) -> OpenDocument:
    """Open a presentation. Raises DocumentError ``too-large`` beyond `MAX_XML_BYTES` of XML."""
    archive = checked_zip(file)
    reading.progress()
    with document_errors("the presentation"), silenced("pptx"):
        from pptx.package import Package

        facts = ooxml.facts(archive)
        copy = ooxml.package(archive, _MAIN, MAX_XML_BYTES)
        reading.progress()
        main = Package.open(copy).main_document_part
        slides = [each for each in main.presentation.element.iter() if local(each) == "sldId"]
    facts["slides"] = len(slides)
    warnings: list[ReaderWarning] = []
    parts = _parts(main, list(map(safe_xml.related, slides)), Losses(warnings))
    found = noticed(blocks(parts, reading.progress), warnings)
    return OpenDocument(bounded(facts), found, warnings)


def _parts(main: "PresentationPart", slides: list[str], losses: Losses) -> Iterator[Part]:
    for number, identity in enumerate(slides, 1):
        try:
            with document_errors(f"slide {number}"):
                found = list(_slide(main.related_slide(identity), number))
        except DocumentError as error:
            if error.reason == "out-of-memory":
                raise
            losses.add("slide", error.message)
            continue
        yield from found


def _slide(slide: "Slide", number: int) -> Iterator[Part]:
    where: Position = {"slide": number}
    shapes = list(_in_order(slide.shapes))
    titles = [each for each in shapes if _role(each) in _TITLES and drawings.shape_text(each)]
    title = drawings.shape_text(titles[0]) if titles else ""
    heading = (one_line(title),) if title else ()
    yield Part(BlockKind.HEADING, title, 1, where, heading)
    tables = 0
    for shape in shapes:
        role = _role(shape)
        if role in _FURNITURE or shape in titles[:1]:
            continue
        kind = local(shape)
        if kind == "tbl":
            tables += 1
            for part in table_parts(_rows(shape), {**where, "table": tables}):
                yield Part(part.kind, part.text, 0, part.position, heading)
        elif kind == "chart" or kind == "relIds":
            yield from _drawn(slide, kind, shape, where, heading)
        else:
            yield from _text(shape, role, where, heading)
    for label, text in _asides(slide):
        yield Part(BlockKind.PARAGRAPH, f"{label}: {text}", 0, where, heading)


def _in_order(shapes: Iterable[Any]) -> Iterator[Element]:
    """What has text, as elements: groups opened, tables and drawings as what they hold."""
    for shape in sorted(shapes, key=_corner):
        element = shape._element  # python-pptx has no public name for it
        if local(element) == "grpSp":
            yield from _in_order(shape.shapes)
            continue
        found = [each for each in element.iter() if local(each) in ("tbl", "chart", "relIds")]
        yield from found or [element]
    tree = getattr(shapes, "_element", None)
    for element in () if tree is None else tree:
        if local(element) == "AlternateContent" and len(element):
            yield element[0]


def _corner(shape: Any) -> tuple[int, int]:
    """Row, then column; python-pptx looks the place of a placeholder up in its layout."""
    try:
        return int(shape.top or 0) // _LINE, int(shape.left or 0)
    except (AttributeError, KeyError, ValueError):
        return 0, 0


def _role(shape: Element) -> str | None:
    """What kind of placeholder a shape is; an empty string where it is none."""
    for each in shape.iter():
        if local(each) == "ph":
            role: str | None = each.get("type")
            return role
    return ""


def _text(
    shape: Element, role: str | None, where: Position, heading: tuple[str, ...]
) -> Iterator[Part]:
    paragraphs = [
        text
        for each in shape.iter()
        if local(each) == "p" and (text := drawings.paragraph_text(each))
    ]
    if role in _LISTS and len(paragraphs) > 1:
        for text in paragraphs:
            yield Part(BlockKind.LIST, f"- {text}", 0, where, heading)
    else:
        yield Part(BlockKind.PARAGRAPH, "\n".join(paragraphs), 0, where, heading)


def _rows(table: Element) -> list[list[str]]:
    """Cells by column; one that is merged over several rows stands in each of them."""
    rows: list[list[str]] = []
    for row in (each for each in table if local(each) == "tr"):
        values: list[str] = []
        for cell in (each for each in row if local(each) == "tc"):
            text = drawings.shape_text(cell)
            above = rows[-1] if rows else []
            if cell.get("vMerge") in ("1", "true") and not text and len(values) < len(above):
                text = above[len(values)]
            values.append(text)
        rows.append(values)
    return rows


def _drawn(
    slide: "Slide", kind: str, element: Element, where: Position, heading: tuple[str, ...]
) -> Iterator[Part]:
    relation = slide.part.rels.get(safe_xml.related(element, "id" if kind == "chart" else "dm"))
    if relation is None or relation.is_external:
        return
    root = safe_xml.tree(relation.target_part.blob)
    for part in drawings.parts("chart" if kind == "chart" else "diagram", root):
        yield Part(part.kind, part.text, 0, where, heading)


def _asides(slide: "Slide") -> Iterator[tuple[str, str]]:
    """What is not on the slide: what the speaker notes, and what others remark."""
    for relation in slide.part.rels.values():
        kind = relation.reltype.rpartition("/")[2]
        if relation.is_external or kind not in ("notesSlide", "comments"):
            continue
        root = safe_xml.tree(relation.target_part.blob)
        if kind == "notesSlide":
            shapes = (each for each in root.iter() if local(each) == "sp")
            texts = [drawings.lines_of(each) for each in shapes if _role(each) == "body"]
            if text := "\n".join(filter(None, texts)):
                yield "Notes", text
            continue
        for comment in (each for each in root.iter() if local(each) == "cm"):
            said = [each.text or "" for each in comment.iter() if local(each) in ("text", "t")]
            if text := " ".join("".join(said).split()):
                yield "Comment", text
