"""The bytes decide which reader takes a file where its name lies."""

import subprocess
import sys

import pytest
from pdf_maker import pdf

from vecstream_cli.core.blocks import Block, OpenDocument
from vecstream_cli.errors import DocumentError
from vecstream_cli.readers import formats, text

PDF = pdf([["Words on a page."]])
PAGE = "<!DOCTYPE html><html><body><p>Words on a page.</p></body></html>"


@pytest.mark.parametrize(
    ("name", "content", "reader"),
    [
        ("a.md", "# Words", "markdown"),
        ("A.MARKDOWN", "# Words", "markdown"),
        ("a.txt", "Words", "text"),
        ("a.rst", "Words", "rst"),
        ("a.html", PAGE, "html"),
        ("a.pdf", PDF, "pdf"),
        ("a.txt", PDF, "pdf"),
        ("a.html", PDF, "pdf"),
        ("a.pdf", PAGE, "html"),
        ("a.pdf", b"junk before " + PDF, "pdf"),
        ("README", "Words", "text"),
        ("page", PAGE, "html"),
        (".md", "Words", "text"),
        ("a.md", "about %PDF-1.7 headers", "markdown"),
        ("a.txt", PAGE, "text"),
        ("folder.pdf/notes", "Words", "text"),
    ],
)
def test_the_right_reader_takes_the_file(read, name: str, content, reader: str) -> None:
    found = read(name, content)
    assert found.version == formats.FORMATS[reader].version
    assert found.text.strip()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "a PNG image"),
        (b"PK\x03\x04" + bytes(50), "a ZIP archive"),
    ],
)
@pytest.mark.parametrize("name", ["a.md", "a.pdf", "a"])
def test_what_no_reader_takes_is_named(read, name: str, content: bytes, says: str) -> None:
    with pytest.raises(DocumentError) as caught:
        read(name, content)
    assert caught.value.reason == "unsupported"
    assert says in caught.value.message


@pytest.mark.parametrize("name", ["a.md", "a.txt", "a.rst", "a.html", "a.pdf"])
def test_an_empty_file_has_no_blocks_whatever_its_name(read, name: str) -> None:
    assert read(name, b"").blocks == []


@pytest.mark.parametrize(
    ("raised", "reason"),
    [
        (MemoryError(), "out-of-memory"),
        (RecursionError(), "malformed"),
        (KeyError("x"), "malformed"),
        (DocumentError("encrypted", "x"), "encrypted"),
    ],
)
def test_only_document_errors_leave_a_reader(read, monkeypatch, raised, reason: str) -> None:
    def failing():
        yield Block("before")
        raise raised

    monkeypatch.setattr(text, "read_text", lambda file, reading: OpenDocument({}, failing()))
    with pytest.raises(DocumentError) as caught:
        read("a.txt", "x")
    assert caught.value.reason == reason


def test_importing_the_readers_imports_no_library() -> None:
    code = (
        "import sys, vecstream_cli.readers.registry;"
        "heavy = {'torch', 'transformers', 'lancedb', 'pyarrow', 'pypdfium2', 'trafilatura',"
        " 'pdfminer', 'selectolax', 'lxml', 'markdown_it', 'chardet', 'yaml', 'numpy'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert ran.stdout == "[]\n"
