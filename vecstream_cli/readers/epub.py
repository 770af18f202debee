"""EPUB books: the chapters in the order in which they are read, each a page of HTML.

All of a chapter is its text: there is no navigation around it that an article had to be found in.
"""

import posixpath
import re
from collections.abc import Iterator
from urllib.parse import unquote

from vecstream_cli.core.blocks import OpenDocument, ReaderWarning
from vecstream_cli.errors import DocumentError
from vecstream_cli.readers import html_page, safe_xml
from vecstream_cli.readers.encoding import decoded
from vecstream_cli.readers.failures import document_errors
from vecstream_cli.readers.metadata import bounded
from vecstream_cli.readers.parts import Part, blocks
from vecstream_cli.readers.reading import Reading
from vecstream_cli.readers.safe_xml import Element, attribute, local
from vecstream_cli.readers.silence import Losses, noticed
from vecstream_cli.readers.source import InnerFile, SourceFile
from vecstream_cli.readers.zip_guard import GuardedZip, checked_zip

MAX_CHAPTER_BYTES = 16 << 20

_MAX_SMALL_BYTES = 8 << 20
_CHAPTERS = (
    "application/xhtml+xml",
    "text/html",
    "application/x-dtbook+xml",
    "text/x-oeb1-document",
)
# On a page of the web these are not the article; in a book they are its notes.
_ASIDE = re.compile(r"(</?)(?:aside|footer|nav)\b", re.IGNORECASE)
_FATAL = ("out-of-memory", "changed-while-reading", "unreadable")


def read_epub(file: SourceFile, reading: Reading) -> OpenDocument:
    """Open a book. Raises DocumentError ``encrypted`` where all of its chapters are."""
    archive = checked_zip(file)
    with document_errors("the book"):
        at = _package(archive)
        root = _tree(archive, at)
        locked = _encrypted(archive)
        chapters = list(_chapters(root, posixpath.dirname(at)))
    if chapters and all(chapter in locked for chapter in chapters):
        raise DocumentError("encrypted", "The book is protected against being read.")
    warnings: list[ReaderWarning] = []
    parts = _parts(archive, chapters, locked, reading, Losses(warnings))
    found = noticed(blocks(parts, reading.progress), warnings)
    return OpenDocument(bounded(_facts(root)), found, warnings)


def _parts(
    archive: GuardedZip, chapters: list[str], locked: set[str], reading: Reading, losses: Losses
) -> Iterator[Part]:
    for chapter in chapters:
        reading.progress()
        try:
            if chapter in locked:
                raise DocumentError("encrypted", "It is protected against being read.")
            with document_errors("it"):
                page = InnerFile(_data(archive, chapter), b"chapter.xhtml")
                markup = "".join(decoded(page, reading.progress))
                for part in html_page.parts(_ASIDE.sub(r"\1div", markup)):
                    yield Part(part.kind, part.text, part.level, {"member": chapter})
        except DocumentError as error:
            if error.reason in _FATAL:
                raise
            losses.add("chapter", f"{chapter}: {error.message}")


def _package(archive: GuardedZip) -> str:
    """The part that lists all others."""
    for each in _tree(archive, "META-INF/container.xml").iter():
        if local(each) == "rootfile" and (path := each.get("full-path")):
            return str(path).lstrip("/")
    raise DocumentError("malformed", "The book does not say what is in it.")


def _chapters(root: Element, folder: str) -> Iterator[str]:
    """The parts that are read one after the other; not the table of contents for programs."""
    items = {each.get("id"): each for each in root.iter() if local(each) == "item"}
    for each in root.iter():
        if local(each) != "itemref":
            continue
        item = items.get(each.get("idref"))
        if item is None or "nav" in (item.get("properties") or "").split():
            continue
        if item.get("media-type") in _CHAPTERS:
            yield posixpath.normpath(posixpath.join(folder, unquote(item.get("href") or "")))


def _encrypted(archive: GuardedZip) -> set[str]:
    if "META-INF/encryption.xml" not in archive.NameToInfo:
        return set()
    root = _tree(archive, "META-INF/encryption.xml")
    return {unquote(e.get("URI") or "") for e in root.iter() if local(e) == "CipherReference"}


def _facts(root: Element) -> dict[str, object]:
    said: dict[str, list[str]] = {}
    modified = None
    for each in root.iter():
        text = " ".join((each.text or "").split())
        if attribute(each, "property") == "dcterms:modified":
            modified = text
        elif text and "/dc/elements/" in str(each.tag):
            said.setdefault(local(each), []).append(text)
    return {
        "title": said.get("title", [None])[0],
        "author": ", ".join(said.get("creator", [])),
        "language": said.get("language", [None])[0],
        "created": said.get("date", [None])[0],
        "modified": modified,
        "subject": ", ".join(said.get("subject", [])),
    }


def _data(archive: GuardedZip, name: str) -> bytes:
    if name not in archive.NameToInfo:
        raise DocumentError("malformed", "It is listed in the book, but not there.")
    if archive.getinfo(name).file_size > MAX_CHAPTER_BYTES:
        raise DocumentError("too-large", f"It has more than {MAX_CHAPTER_BYTES >> 20} MiB of HTML.")
    return archive.read(name)


def _tree(archive: GuardedZip, name: str) -> Element:
    if archive.getinfo(name).file_size > _MAX_SMALL_BYTES:
        raise DocumentError("too-large", "What the book says about itself is out of proportion.")
    return safe_xml.tree(archive.read(name))
