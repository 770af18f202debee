"""Whole documents of every format, to be broken: real ones where there are any, and made ones."""

import io
import os
import tarfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from readers_harness.child import Document
from vecstream_cli.readers.formats import BY_SUFFIX

_MOST_BYTES = 100_000
_MOST_OF_A_SUFFIX = 25

_TEXTS: Mapping[str, str] = {
    "a.txt": "A title\n=======\n\nSome text.\n\n- one\n- two\n",
    "a.rst": "Title: x\nAuthor: y\n\nTitle\n=====\n\n::\n\n    code\n\n.. note:: n\n",
    "a.md": "---\ntitle: T\ntags: [a, b]\ndate: 2024-01-01\n---\n\n# H\n\n"
    "| a | b |\n|---|---|\n| 1 | 2 |\n"
    "\n```py\nx = 1\n```\n\n> quote\n\n1. one\n   - two\n",
    "a.html": "<!doctype html><html lang=en><head><title>T</title><meta charset=utf-8></head><body>"
    "<h1>H</h1><p>Text &amp; more</p><table><tr><th>a</th></tr><tr><td>1</td></tr></table></body>",
    "a.json": '{"title": "T", "items": [{"text": "one", "n": 1.5e3}, null, true], "o": {"k": "v"}}',
    "a.jsonl": '{"text": "one", "id": 1}\n{"text": "two", "id": 2}\n',
    "a.csv": "name,role\nAlice,admin\n\"Bob, Jr\",\"a\"\"b\"\n",
    "a.tsv": "name\trole\nAlice\tadmin\n",
    "a.xml": '<?xml version="1.0"?><!DOCTYPE r [<!ENTITY e "x">]>'
    '<r a="1"><p>Text &e;</p><!-- c --></r>',
    "a.tex": "\\documentclass{article}\\title{T}\\begin{document}\\section{S} Text $x^2$ % c\n"
    "\\begin{itemize}\\item one\\end{itemize}\\end{document}",
    "a.ipynb": '{"cells": [{"cell_type": "markdown", "metadata": {}, "source": ["# H\\n", "t"]},'
    ' {"cell_type": "code", "execution_count": 1, "metadata": {}, "outputs": [{"output_type":'
    ' "stream", "name": "stdout", "text": ["out"]}], "source": "x = 1"}], "metadata":'
    ' {"kernelspec": {"language": "python"}}, "nbformat": 4, "nbformat_minor": 5}',
    "a.py": '"""Doc."""\n\nclass A:\n    def b(self, c=1):\n        """D."""\n        return [c]\n',
    "a.c": "#include <x.h>\n/* c */\nint main(void) {\n  return 0;\n}\n",
    "a.srt": "1\n00:00:01,000 --> 00:00:02,500\n<i>Hello</i>\n\n"
    "2\n00:00:03,000 --> 00:00:04,000\nBye\n",
    "a.vtt": "WEBVTT\n\n00:01.000 --> 00:02.000 align:start\n<v Ann>Hello\n",
    "a.rtf": "{\\rtf1\\ansi{\\fonttbl\\f0 Arial;}{\\info{\\title T}}"
    "\\f0 Hello \\b bold\\b0\\par \\u8364? x}",
    "a.eml": "From: Ann <a@example.org>\nTo: b@example.org\nSubject: =?utf-8?q?S=C3=A9?=\n"
    "Date: Mon, 1 Jan 2024 10:00:00 +0000\nMessage-ID: <1@example.org>\nMIME-Version: 1.0\n"
    "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nHello\n--b\n"
    "Content-Type: text/html\nContent-Transfer-Encoding: base64\n\nPHA+aGk8L3A+\n--b\n"
    'Content-Disposition: attachment; filename="x.txt"\n\nattached\n--b--\n',
    "a.mhtml": "MIME-Version: 1.0\nContent-Type: multipart/related; boundary=b\n\n--b\n"
    "Content-Type: text/html\nContent-Location: http://x/\n\n<html><body><p>Hi</p></body></html>\n--b--\n",
}  # fmt: skip


def seeds(corpora: Path | None) -> dict[str, list[Document]]:
    """Documents by their suffix."""
    found: dict[str, list[Document]] = {}
    for document in (*_made(), *(() if corpora is None else _real(corpora))):
        suffix = Path(os.fsdecode(document.name)).suffix.lower()
        found.setdefault(suffix, []).append(document)
    return found


def _real(corpora: Path) -> Iterator[Document]:
    taken: Counter[str] = Counter()
    for path in sorted(corpora.rglob("*")):
        suffix = path.suffix.lower()
        if taken[suffix] >= _MOST_OF_A_SUFFIX or not path.is_file():
            continue
        if suffix in BY_SUFFIX and 0 < path.stat().st_size <= _MOST_BYTES:
            taken[suffix] += 1
            yield Document(os.fsencode(path.name), path.read_bytes())


def _made() -> Iterator[Document]:
    for name, text in _TEXTS.items():
        yield Document(name.encode(), text.encode())
    for name, make in _MAKERS.items():
        try:
            yield Document(name.encode(), make())
        except ImportError:
            continue  # the library of an extra


def _pdf() -> bytes:
    parts = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 300]/Contents 4 0 R"
        b"/Resources<</Font<</F 5 0 R>>>>>>",
        b"<</Length 40>>\nstream\nBT /F 12 Tf 20 200 Td (Hello world) Tj ET  \nendstream",
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    out, places = bytearray(b"%PDF-1.4\n"), []
    for number, part in enumerate(parts, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, part)
    start = len(out)
    out += b"xref\n0 6\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % at for at in places)
    out += b"trailer\n<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % start
    return bytes(out)


def _docx() -> bytes:
    from docx import Document as Word

    word = Word()
    word.core_properties.title = "T"
    word.add_heading("H", 1)
    word.add_paragraph("Some text")
    table = word.add_table(2, 2)
    table.cell(0, 0).text = "a"
    return _saved(word.save)


def _pptx() -> bytes:
    from pptx import Presentation

    deck = Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[1])
    slide.shapes.title.text = "T"
    slide.notes_slide.notes_text_frame.text = "note"
    return _saved(deck.save)


def _xlsx() -> bytes:
    from openpyxl import Workbook

    book = Workbook()
    for row in (("name", "role"), ("Alice", 3), ("Bob", "=1+1")):
        book.active.append(row)
    return _saved(book.save)


def _zip() -> bytes:
    def save(file: io.BytesIO) -> None:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a.md", "# H\n\nText")
            archive.writestr("inner/b.txt", "text " * 100)

    return _saved(save)


def _odt() -> bytes:
    text = (
        '<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"'
        ' xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:text>'
        '<text:h text:outline-level="1">H</text:h><text:p>Some text</text:p>'
        "</office:text></office:body></office:document-content>"
    )

    def save(file: io.BytesIO) -> None:
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("mimetype", "application/vnd.oasis.opendocument.text")
            archive.writestr("content.xml", text)

    return _saved(save)


def _epub() -> bytes:
    container = (
        '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container" version="1.0">'
        '<rootfiles><rootfile full-path="c.opf" media-type="application/oebps-package+xml"/>'
        "</rootfiles></container>"
    )
    package = (
        '<package xmlns="http://www.idpf.org/2007/opf" version="3.0"><metadata'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>T</dc:title></metadata><manifest>'
        '<item id="a" href="a.xhtml" media-type="application/xhtml+xml"/></manifest>'
        '<spine><itemref idref="a"/></spine></package>'
    )

    def save(file: io.BytesIO) -> None:
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("mimetype", "application/epub+zip")
            archive.writestr("META-INF/container.xml", container)
            archive.writestr("c.opf", package)
            archive.writestr("a.xhtml", "<html><body><h1>H</h1><p>Text</p></body></html>")

    return _saved(save)


def _tar(mode: str) -> Callable[[], bytes]:
    def made() -> bytes:
        file = io.BytesIO()
        with tarfile.open(fileobj=file, mode=mode) as archive:  # type: ignore[call-overload]
            entry = tarfile.TarInfo("a.txt")
            entry.size = 4
            archive.addfile(entry, io.BytesIO(b"text"))
        return file.getvalue()

    return made


def _image(kind: str) -> Callable[[], bytes]:
    def made() -> bytes:
        from PIL import Image

        return _saved(lambda file: Image.new("RGB", (40, 30), "red").save(file, kind))

    return made


def _saved(save: Callable[[io.BytesIO], object]) -> bytes:
    file = io.BytesIO()
    save(file)
    return file.getvalue()


_MAKERS: Mapping[str, Callable[[], bytes]] = {
    "a.pdf": _pdf, "a.docx": _docx, "a.pptx": _pptx, "a.xlsx": _xlsx, "a.zip": _zip, "a.odt": _odt,
    "a.epub": _epub, "a.tar": _tar("w"), "a.tar.gz": _tar("w:gz"), "a.png": _image("PNG"),
    "a.jpg": _image("JPEG"), "a.gif": _image("GIF"), "a.webp": _image("WEBP"),
    "a.tiff": _image("TIFF"),
}  # fmt: skip
