"""What lies over the cells of a sheet: the words of text boxes, charts, diagrams and comments."""

import posixpath
from collections.abc import Iterator

from vecstream_cli.core.blocks import BlockKind, Position
from vecstream_cli.readers import drawings, safe_xml
from vecstream_cli.readers.safe_xml import Element, attribute, local
from vecstream_cli.readers.zip_guard import GuardedZip

_MAX_PART_BYTES = 8 << 20


def texts(archive: GuardedZip, sheet: str) -> Iterator[tuple[Position, BlockKind, str]]:
    """(position in the sheet, kind, text) of all that is drawn on a sheet or said about it."""
    for kind, part in _related(archive, sheet):
        if kind == "comments":
            yield from _comments(_root(archive, part))
        elif kind == "threadedComment":
            for each in _root(archive, part).iter():
                if local(each) == "threadedComment":
                    yield from _comment(each, _words(each))
        elif kind == "drawing":
            for shape in _root(archive, part).iter():
                if local(shape) == "sp" and (text := drawings.lines_of(shape)):
                    yield {}, BlockKind.PARAGRAPH, text
            for drawn, other in _related(archive, part):
                if drawn in ("chart", "diagramData"):
                    found = drawings.parts(drawn.removesuffix("Data"), _root(archive, other))
                    yield from (({}, each.kind, each.text) for each in found)


def _comments(root: Element) -> Iterator[tuple[Position, BlockKind, str]]:
    for each in root.iter():
        if local(each) == "comment":
            yield from _comment(each, _words(each))


def _comment(element: Element, text: str) -> Iterator[tuple[Position, BlockKind, str]]:
    cell = attribute(element, "ref") or ""
    # Where there is a thread, the plain comment only says that this program cannot show it.
    if text and not text.startswith("[Threaded comment]"):
        where = f"Comment on {cell}: " if cell else "Comment: "
        yield {"cell": cell} if cell else {}, BlockKind.PARAGRAPH, where + text


def _words(element: Element) -> str:
    """The words in an element, without the readings above characters."""
    found = []
    for each in element.iter():
        if local(each) in ("t", "text") and local(each.getparent()) != "rPh":
            found.append(each.text or "")
    return " ".join("".join(found).split())


def _related(archive: GuardedZip, part: str) -> Iterator[tuple[str, str]]:
    """(kind, part) of the parts that `part` refers to, those that are there and not too large."""
    folder, name = posixpath.split(part)
    relations = f"{folder}/_rels/{name}.rels"
    if not _has(archive, relations):
        return
    for each in _root(archive, relations):
        target = posixpath.normpath(posixpath.join("/", folder, each.get("Target") or ""))
        target = target.lstrip("/")
        if each.get("TargetMode") != "External" and _has(archive, target):
            yield (each.get("Type") or "").rpartition("/")[2], target


def _has(archive: GuardedZip, name: str) -> bool:
    try:
        return archive.getinfo(name).file_size <= _MAX_PART_BYTES
    except KeyError:
        return False


def _root(archive: GuardedZip, name: str) -> Element:
    return safe_xml.tree(archive.read(name))
