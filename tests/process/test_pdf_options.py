"""Runs that are told how to read PDFs: passwords are used and shown nowhere, OCR insisted on."""

import shutil
from pathlib import Path

import pytest
from conftest import Vecstream
from PIL import Image, ImageDraw, ImageFont

PASSWORD = "tr0ub4dor&3"


def lock(path: Path, password: str) -> None:
    """Write a PDF of one line that asks for a password."""
    from pypdf import PdfWriter
    from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

    writer = PdfWriter()
    page = writer.add_blank_page(612, 792)
    content = DecodedStreamObject()
    content.set_data(b"BT /F1 12 Tf 72 720 Td (keys rotate once a quarter) Tj ET")
    font = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type1"),
            NameObject("/BaseFont"): NameObject("/Helvetica"),
        }
    )
    fonts = DictionaryObject({NameObject("/F1"): font})
    page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
    page[NameObject("/Contents")] = writer._add_object(content)
    writer.encrypt(password, algorithm="RC4-128")
    path.parent.mkdir(exist_ok=True)
    writer.write(path)


@pytest.fixture
def locked(vecstream: Vecstream) -> Vecstream:
    lock(vecstream.folder / "docs" / "locked.pdf", PASSWORD)
    return vecstream


@pytest.mark.parametrize("way", ["value", "file", "command"])
def test_a_locked_pdf_is_read_and_nothing_tells_the_password(locked: Vecstream, way: str) -> None:
    file = locked.folder / "password"
    file.write_text(f"{PASSWORD}\n")
    variable = {
        "value": {"VECSTREAM_PDF_PASSWORD": PASSWORD},
        "file": {"VECSTREAM_PDF_PASSWORD_FILE": str(file)},
        "command": {"VECSTREAM_PDF_PASSWORD_COMMAND": f"cat '{file}'"},
    }[way]

    done = locked.index("docs", "--debug", "--log-file", "log", **variable)

    assert done.code == 0, done.err
    assert [row["text"].strip() for row in locked.rows("text")] == ["keys rotate once a quarter"]
    assert PASSWORD not in done.out + done.err
    assert [
        path
        for path in locked.folder.rglob("*")
        if path.is_file() and path != file and PASSWORD.encode() in path.read_bytes()
    ] == []


def test_a_document_that_was_locked_is_read_once_there_is_a_password(locked: Vecstream) -> None:
    first = locked.index("docs")
    assert first.code == 3
    assert "--pdf-password-file" in first.out

    again = locked.index("docs", VECSTREAM_PDF_PASSWORD=PASSWORD)
    assert again.code == 0, again.err
    assert again.summary["documents_new"] == 1

    without = locked.index("docs")
    assert without.summary["documents_unchanged"] == 1


def test_a_wrong_password_is_a_document_s_failure(locked: Vecstream) -> None:
    done = locked.index("docs", VECSTREAM_PDF_PASSWORD="not-the-right-one")
    assert done.code == 3
    failed = [line for line in done.lines if line.get("outcome") == "failed"]
    assert [line["reason"] for line in failed] == ["encrypted"]
    assert "not-the-right-one" not in done.out + done.err


def test_a_password_that_cannot_be_had_is_a_usage_error(locked: Vecstream) -> None:
    done = locked.index("docs", "--pdf-password-file", "nowhere")
    assert done.code == 2
    assert "nowhere" in done.err


@pytest.mark.parametrize("dry", [True, False])
def test_ocr_without_tesseract_is_refused_at_the_start(locked: Vecstream, dry: bool) -> None:
    done = locked.index("docs", "--ocr", *(["--dry-run"] if dry else []), PATH="/nowhere")
    assert done.code == 2
    assert "tesseract" in done.err
    assert not locked.database.exists()


@pytest.mark.skipif(shutil.which("tesseract") is None, reason="tesseract is not installed")
def test_a_parser_that_may_do_little_may_still_run_tesseract(vecstream: Vecstream) -> None:
    image = Image.new("RGB", (1200, 400), "white")
    font = ImageFont.load_default(size=48)
    ImageDraw.Draw(image).text((60, 60), "keys rotate once a quarter", fill="black", font=font)
    (vecstream.folder / "docs").mkdir()
    image.save(vecstream.folder / "docs" / "scan.pdf", resolution=150)

    without = vecstream.index("docs")
    assert "no text on 1 page" in without.out
    done = vecstream.index("docs", "--ocr")

    assert done.code == 0, done.err
    assert done.summary["documents_changed"] == 1
    assert [row["text"].strip() for row in vecstream.rows("text")] == ["keys rotate once a quarter"]
