"""Scans: what Tesseract recognises in them, and how those are reported that stay without text."""

import io
import shutil
import stat
import sys
from pathlib import Path

import pytest
from pdf_maker import pdf
from PIL import Image, ImageDraw, ImageFont

from vecstream_cli.errors import DocumentError, UsageError
from vecstream_cli.readers import ocr

needs_tesseract = pytest.mark.skipif(
    shutil.which("tesseract") is None, reason="the program tesseract is not installed"
)


def picture(text: str, size: tuple[int, int] = (1200, 400)) -> Image.Image:
    image = Image.new("RGB", size, "white")
    ImageDraw.Draw(image).text((60, 60), text, fill="black", font=ImageFont.load_default(size=48))
    return image


def scan(*texts: str) -> bytes:
    """A PDF whose pages are pictures and nothing else."""
    first, *others = [picture(text) for text in texts]
    out = io.BytesIO()
    first.save(out, "PDF", resolution=150, save_all=True, append_images=others)
    return out.getvalue()


def stub(folder: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    """A program named tesseract that does `body`."""
    program = folder / "tesseract"
    program.write_text(f"#!{sys.executable}\nimport sys, os, time\n{body}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}")


def test_without_ocr_a_scan_says_how_many_pages_have_no_text(read) -> None:
    found = read("a.pdf", scan("One", "Two", "Three"))
    assert found.blocks == []
    assert [(each.reason, each.message) for each in found.warnings] == [
        ("no-text", "no text on 3 pages")
    ]


def test_scanned_pages_among_others_are_counted(read) -> None:
    found = read("a.pdf", mixed())
    assert "Typed." in found.text
    assert [each.message for each in found.warnings] == [
        "no text on 2 of 3 pages, which are pictures"
    ]


def mixed() -> bytes:
    """A scanned page, a page of text, and another scan."""
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter()
    for each in (scan("Scanned first"), pdf([["Typed."]]), scan("Scanned last")):
        writer.append(PdfReader(io.BytesIO(each)))
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


@needs_tesseract
def test_a_scan_is_recognised_page_by_page(read) -> None:
    found = read("a.pdf", scan("The quick brown fox", "jumps over the lazy dog"), ocr="eng")
    assert [(block.page, block.text.strip()) for block in found.blocks] == [
        (1, "The quick brown fox"),
        (2, "jumps over the lazy dog"),
    ]
    assert found.warnings == []


@needs_tesseract
def test_scanned_pages_stand_where_they_are_among_others(read) -> None:
    found = read("a.pdf", mixed(), ocr="eng")
    assert found.text.split() == ["Scanned", "first", "Typed.", "Scanned", "last"]
    assert [block.page for block in found.blocks] == [1, 2, 3]


@needs_tesseract
def test_a_scan_of_nothing_has_no_text_either(read) -> None:
    found = read("a.pdf", scan(""), ocr="eng")
    assert [each.message for each in found.warnings] == ["no text on 1 page"]


@needs_tesseract
@pytest.mark.parametrize("mode", ["L", "1", "P", "RGBA", "CMYK"])
def test_a_picture_of_any_kind_is_recognised(mode: str) -> None:
    beats = []
    found = ocr.recognised(picture("Hello there").convert(mode), "eng", lambda: beats.append(1))
    assert found == "Hello there"
    assert beats


@needs_tesseract
def test_what_is_transparent_is_white() -> None:
    image = Image.new("RGBA", (900, 300), (0, 0, 0, 0))
    text = ImageDraw.Draw(image)
    text.text((60, 60), "Hello there", fill="black", font=ImageFont.load_default(size=48))
    assert ocr.recognised(image, "eng", lambda: None) == "Hello there"


@needs_tesseract
def test_a_language_without_data_is_named_at_the_start() -> None:
    ocr.must_be_installed("eng")
    with pytest.raises(UsageError, match="no data for tlh_x") as refusal:
        ocr.must_be_installed("eng+tlh_x")
    assert "tesseract-ocr-tlh-x" in refusal.value.hint


def test_without_the_program_the_package_is_named(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="not installed") as refusal:
        ocr.must_be_installed("eng")
    assert "tesseract-ocr" in refusal.value.hint


def test_a_picture_that_takes_too_long_is_given_up(monkeypatch, tmp_path: Path) -> None:
    beats = []
    stub(tmp_path, monkeypatch, "sys.stdin.buffer.read(); time.sleep(60)")
    monkeypatch.setattr(ocr, "_PICTURE_SECONDS", 1.0)
    with pytest.raises(DocumentError, match="more than 1 s") as caught:
        ocr.recognised(picture("x"), "eng", lambda: beats.append(1))
    assert caught.value.reason == "ocr-failed"
    assert len(beats) >= 2


def test_a_slow_picture_is_waited_for_whole(monkeypatch, tmp_path: Path) -> None:
    stub(tmp_path, monkeypatch, "time.sleep(1.2); print(len(sys.stdin.buffer.read()))")
    noise = Image.effect_noise((2000, 1000), 50)
    assert ocr.recognised(noise, "eng", lambda: None) == str(2_000_000 + len("P5 2000 1000 255\n"))


def test_a_page_that_fails_costs_that_page(read, monkeypatch, tmp_path: Path) -> None:
    stub(tmp_path, monkeypatch, "sys.stderr.write('Out of ink.\\n'); sys.exit(1)")
    found = read("a.pdf", mixed(), ocr="eng")
    assert "Typed." in found.text
    assert [(each.reason, each.page) for each in found.warnings] == [
        ("ocr-failed", 1),
        ("ocr-failed", 3),
        ("no-text", None),
    ]
    assert "Out of ink" in found.warnings[0].message


def test_a_large_picture_is_made_smaller_first(monkeypatch, tmp_path: Path) -> None:
    stub(tmp_path, monkeypatch, "print(*map(int, sys.stdin.buffer.readline().split()[1:3]))")
    image = Image.effect_noise((8000, 4000), 50)
    wide, high = map(int, ocr.recognised(image, "eng", lambda: None).split())
    assert wide * high <= ocr.MAX_PIXELS
    assert wide == pytest.approx(2 * high, abs=2)


def test_it_gets_one_thread_bounded_memory_and_no_file(monkeypatch, tmp_path: Path) -> None:
    stub(
        tmp_path,
        monkeypatch,
        "import resource; print(os.environ['OMP_THREAD_LIMIT'], "
        "resource.getrlimit(resource.RLIMIT_DATA)[0], *sys.argv[1:])",
    )
    told = ocr.recognised(picture("x"), "eng+deu", lambda: None).split()
    assert told == ["1", str(512 << 20), "stdin", "stdout", "-l", "eng+deu"]


def test_the_version_of_the_reader_names_the_languages(read) -> None:
    data = pdf([["Text."]])
    assert read("a.pdf", data, ocr="eng").version.endswith(";ocr=eng")
    assert "ocr" not in read("a.pdf", data).version
