"""Images inside of documents: each once, with where it stands, and nothing that only decorates."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import source
from PIL import Image

from vecstream_cli.core.blocks import OpenDocument, Picture
from vecstream_cli.errors import DocumentError
from vecstream_cli.pixels import ImageInput
from vecstream_cli.readers.embedded import decorates
from vecstream_cli.readers.formats import FORMATS, suffixes, version
from vecstream_cli.readers.pixels import prepared
from vecstream_cli.readers.registry import open_document
from vecstream_cli.settings import ReadingOptions

WANTED = ImageInput(height=32, width=32)
TAKEN = ReadingOptions(image=WANTED, embedded_images=True)
LEFT = ReadingOptions(image=WANTED)

See = Callable[..., tuple[OpenDocument, list[Picture]]]


@pytest.fixture
def see(tmp_path: Path) -> See:
    def read(
        content: bytes, name: str, options: ReadingOptions = TAKEN
    ) -> tuple[OpenDocument, list[Picture]]:
        path = tmp_path / name
        path.write_bytes(content)
        with source(path, name) as file:
            _, document = open_document(file, progress=lambda: None, options=options)
            blocks = list(document.blocks)
        return document, [block for block in blocks if isinstance(block, Picture)]

    return read


def photo(seed: int, width: int = 160, height: int = 120) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 255, (3, 4, 3), np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def pdf(*pages: Image.Image) -> bytes:
    """A PDF with an image on each page."""
    data = io.BytesIO()
    pages[0].save(data, "PDF", save_all=True, append_images=pages[1:], quality=95)
    return data.getvalue()


def like(picture: Picture, image: Image.Image) -> bool:
    difference = np.abs(picture.pixels.astype(int) - prepared(image, WANTED))
    return bool(difference.mean() < 4)


def test_the_images_of_a_pdf_come_with_their_pages(see: See) -> None:
    photos = [photo(1), photo(2), photo(3)]

    document, found = see(pdf(*photos), "a.pdf")

    assert [(each.page, each.position) for each in found] == [
        (page, {"image": 1}) for page in (1, 2, 3)
    ]
    assert all(map(like, found, photos))
    assert not [warning for warning in document.warnings if warning.reason == "image"]


def test_an_image_on_every_page_is_taken_once(see: See) -> None:
    found = see(pdf(photo(1), photo(2), photo(1), photo(1)), "a.pdf")[1]

    assert [each.page for each in found] == [1, 2]


def test_rules_bullets_and_icons_are_passed_over(see: See) -> None:
    small = [photo(1, 40, 300), photo(2, 90, 90), photo(3, 1200, 60)]

    assert see(pdf(*small, photo(4)), "a.pdf")[1][0].page == 4
    assert not decorates(100, 100)


def test_without_the_switch_no_image_inside_a_document_is_looked_at(see: See) -> None:
    assert see(pdf(photo(1)), "a.pdf", LEFT)[1] == []


def test_a_damaged_image_costs_itself_and_is_told(see: See) -> None:
    data = pdf(photo(1), photo(2))
    start = data.index(b"\xff\xd8\xff", data.index(b"\xff\xd8\xff") + 3)

    document, found = see(data[: start + 20] + bytes(400) + data[start + 420 :], "a.pdf")

    assert [each.page for each in found][:1] == [1]
    assert len(found) + len([w for w in document.warnings if w.reason == "image"]) == 2


def test_the_switch_belongs_to_the_reader_and_makes_it_read_again() -> None:
    assert version(FORMATS["pdf"], LEFT) == FORMATS["pdf"].version
    assert version(FORMATS["pdf"], TAKEN) == f"{FORMATS['pdf'].version};embedded_images=True"


def test_a_model_for_images_alone_looks_for_documents_that_may_hold_some() -> None:
    alone = ReadingOptions(image=WANTED, text=False)
    assert ".pdf" not in suffixes(alone)
    assert ".pdf" in suffixes(ReadingOptions(image=WANTED, text=False, embedded_images=True))


def test_of_a_corpus_of_pdfs_no_image_is_a_surprise(see: See, corpora: Path) -> None:
    refused = set()
    opened = found = 0
    for path in sorted((corpora / "pdf").rglob("*.pdf")):
        options = ReadingOptions(image=WANTED, text=False, embedded_images=True)
        try:
            pictures = see(path.read_bytes(), path.name, options)[1]
        except DocumentError as error:
            refused.add(error.reason)
            continue
        opened += 1
        found += len(pictures)
        for each in pictures:
            assert each.page is not None
    assert opened > 70
    assert refused <= {"encrypted", "malformed"}
    assert found > 25


def png(seed: int, width: int = 160, height: int = 120) -> io.BytesIO:
    data = io.BytesIO()
    photo(seed, width, height).save(data, "PNG")
    data.seek(0)
    return data


def docx(*images: io.BytesIO) -> bytes:
    import docx as library

    document = library.Document()
    document.add_paragraph("Words before the images.")
    for image in images:
        document.add_picture(image)
    data = io.BytesIO()
    document.save(data)
    return data.getvalue()


def test_the_images_of_a_word_document_come_after_its_text(see: See) -> None:
    document, found = see(docx(png(1), png(2), png(3, 20, 20)), "a.docx")

    assert [dict(each.position) for each in found] == [{"image": 1}, {"image": 2}]
    assert like(found[0], photo(1))
    assert not document.warnings


def test_the_images_of_a_presentation_come_with_their_slides(see: See) -> None:
    from pptx import Presentation

    presentation = Presentation()
    for seed in (1, 2, 1):
        slide = presentation.slides.add_slide(presentation.slide_layouts[6])
        slide.shapes.add_picture(png(seed), 0, 0)
    slide.shapes.add_picture(png(3), 0, 0)
    data = io.BytesIO()
    presentation.save(data)

    found = see(data.getvalue(), "a.pptx")[1]

    assert [each.position["slide"] for each in found] == [1, 2, 3]
    assert like(found[2], photo(3))


def test_a_drawing_that_pillow_does_not_read_is_told(see: See) -> None:
    import zipfile

    data = io.BytesIO(docx(png(1)))
    with zipfile.ZipFile(data, "a") as archive:
        archive.writestr("word/media/image9.emf", b"\x01\0\0\0")

    document, found = see(data.getvalue(), "a.docx")

    assert len(found) == 1
    assert ".emf" in next(each.message for each in document.warnings if each.reason == "image")


def test_an_image_that_declares_too_much_costs_itself(see: See) -> None:
    import zipfile

    bomb = png(1).getvalue()
    bomb = bomb[:16] + (60_000).to_bytes(4, "big") * 2 + bomb[24:]
    data = io.BytesIO(docx(png(1)))
    with zipfile.ZipFile(data, "a") as archive:
        archive.writestr("word/media/image9.png", bomb)

    document, found = see(data.getvalue(), "a.docx")

    assert len(found) == 1
    assert [each.reason for each in document.warnings] == ["image"]


def test_a_model_for_images_alone_takes_the_images_of_documents_and_not_their_words(
    see: See,
) -> None:
    alone = ReadingOptions(image=WANTED, text=False, embedded_images=True)
    path_free = docx(png(1))

    document, found = see(path_free, "a.docx", alone)

    assert len(found) == 1
    assert list(document.blocks) == []
