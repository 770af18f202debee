"""Office documents are known by what is in them, whatever they are called."""

import docx
import openpyxl
import pptx
import pytest
from office_maker import changed, epub, odf, saved, zipped

from vecstream_cli.errors import DocumentError
from vecstream_cli.readers import formats
from vecstream_cli.readers.sniff import reader_name
from vecstream_cli.readers.source import InnerFile

COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def directory(name: str) -> bytes:
    """The start of a compound file with one entry in its directory."""
    return COMPOUND + bytes(1016) + name.encode("utf-16-le").ljust(64, b"\0") + bytes(64)


MADE = {
    "docx": lambda: saved(docx.Document()),
    "pptx": lambda: saved(pptx.Presentation()),
    "xlsx": lambda: saved(openpyxl.Workbook()),
    "odt": lambda: odf("text", ""),
    "ods": lambda: odf("spreadsheet", ""),
    "odp": lambda: odf("presentation", ""),
    "epub": lambda: epub({"a.xhtml": "<p>words</p>"}),
    "rtf": lambda: rb"{\rtf1 words}",
}


@pytest.mark.parametrize("kind", MADE)
@pytest.mark.parametrize("name", ["a", "a.zip", "a.txt", "a.docx", "a.ods", "a.pdf", "a.doc"])
def test_the_content_tells_whatever_the_name(kind: str, name: str) -> None:
    assert reader_name(InnerFile(MADE[kind](), name.encode())) == kind


@pytest.mark.parametrize("kind", MADE)
def test_the_reader_takes_it(read, kind: str) -> None:
    assert read("a", MADE[kind]()).version == formats.FORMATS[kind].version


@pytest.mark.parametrize(
    ("entry", "reason", "says"),
    [
        ("EncryptedPackage", "encrypted", "password"),
        ("WordDocument", "unsupported", "LibreOffice to .docx"),
        ("Workbook", "unsupported", "LibreOffice to .xlsx"),
        ("PowerPoint Document", "unsupported", "LibreOffice to .pptx"),
        ("Anything", "unsupported", "old compound file"),
    ],
)
@pytest.mark.parametrize("name", ["a.doc", "a.docx", "a"])
def test_a_compound_file_is_told_by_what_is_in_it(
    read, entry: str, reason: str, says: str, name: str
) -> None:
    with pytest.raises(DocumentError) as caught:
        read(name, directory(entry))
    assert caught.value.reason == reason
    assert says in caught.value.message


def test_a_binary_workbook_is_told_what_to_do(read) -> None:
    data = changed(saved(openpyxl.Workbook()), {"xl/workbook.bin": b"", "xl/workbook.xml": None})
    with pytest.raises(DocumentError) as caught:
        read("a.xlsb", data)
    assert caught.value.reason == "unsupported"
    assert ".xlsx" in caught.value.message


@pytest.mark.parametrize("name", ["a.docx", "a.xlsx", "a.odt", "a.epub"])
def test_an_office_document_that_is_cut_short_is_malformed(read, name: str) -> None:
    data = MADE["docx"]()
    with pytest.raises(DocumentError) as caught:
        read(name, data[: len(data) // 2])
    assert caught.value.reason == "malformed"


def test_an_archive_of_files_is_no_office_document() -> None:
    assert reader_name(InnerFile(zipped({"a.md": "# words"}), b"a.bin")) == "archive"
