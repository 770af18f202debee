"""The images on a PDF's pages, as PDFium finds and decodes them."""

from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from vecstream_cli.core.blocks import Picture, ReaderWarning
from vecstream_cli.errors import DocumentError
from vecstream_cli.pixels import ImageInput
from vecstream_cli.readers.embedded import Album, Pixels, decorates
from vecstream_cli.readers.failures import document_errors, silenced
from vecstream_cli.readers.image import refuse_bomb
from vecstream_cli.readers.pdf_pdfium import Tap, opened
from vecstream_cli.readers.pixels import prepared
from vecstream_cli.readers.reading import Reading
from vecstream_cli.readers.source import SourceFile

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfImage, PdfPage  # type: ignore[import-untyped]

_MOST_OBJECTS = 20_000  # of a page that are looked at
_DEPTH = 4  # of forms within forms


def pictures(
    file: SourceFile, reading: Reading, warnings: list[ReaderWarning]
) -> Iterator[Picture]:
    """Each image of each page, in the order they are drawn; a PDF without any has none."""
    wanted = reading.options.image
    assert wanted is not None
    tap = Tap(file)
    try:
        with silenced("pypdfium2"), document_errors("the PDF"):
            document = opened(tap, reading.options.pdf_password)
    except DocumentError as error:
        tap.check()
        if error.reason == "malformed":
            return  # where another library reads its text, its images are lost
        raise
    album = Album(warnings)
    with document:
        for index in range(len(document)):
            reading.progress()
            yield from _of_page(document, index, wanted, album, reading)
            tap.check()
            if album.full:
                return


def _of_page(
    document: "PdfDocument", index: int, wanted: ImageInput, album: Album, reading: Reading
) -> Iterator[Picture]:
    number = index + 1
    try:
        with silenced("pypdfium2"), document_errors(f"page {number}"):
            page = document[index]
    except DocumentError:
        return  # the reader of its text has warned of it
    try:
        for place, image in enumerate(_images(page), start=1):
            reading.progress()
            yield from album.take(partial(_pixels, image, wanted), number, {"image": place})
            if album.full:
                return
    finally:
        page.close()


def _images(page: "PdfPage") -> Iterator["PdfImage"]:
    from pypdfium2.raw import FPDF_PAGEOBJ_IMAGE  # type: ignore[import-untyped]

    found = islice(page.get_objects(max_depth=_DEPTH), _MOST_OBJECTS)
    while True:
        with silenced("pypdfium2"), document_errors("the page"):
            each = next(found, None)
        if each is None:
            return
        if each.type == FPDF_PAGEOBJ_IMAGE:
            yield each


def _pixels(image: "PdfImage", wanted: ImageInput) -> Pixels | None:
    with silenced("pypdfium2", "PIL"), document_errors("the image"):
        width, height = image.get_px_size()
        if decorates(width, height):
            return None
        refuse_bomb(width, height)
        bitmap = image.get_bitmap(render=False)
        try:
            return prepared(bitmap.to_pil(), wanted)
        finally:
            bitmap.close()
