"""PDFium's view of a PDF: opened with or without a password, and read or drawn page by page."""

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from vecstream_cli.core.blocks import ReaderWarning
from vecstream_cli.errors import DocumentError
from vecstream_cli.readers.failures import document_errors
from vecstream_cli.readers.pdf_columns import Box, reading_order
from vecstream_cli.readers.pdf_page import Page
from vecstream_cli.readers.pdf_places import outer_lines, runs
from vecstream_cli.readers.pdf_text import cleaned
from vecstream_cli.readers.source import Progress, SourceFile
from vecstream_cli.secret import Secret

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from pypdfium2 import PdfDocument, PdfPage, PdfTextPage  # type: ignore[import-untyped]

FATAL = frozenset({"changed-while-reading", "unreadable", "out-of-memory"})
"""Reasons that cost the document, not the page."""

FEW_CHARS = 40
"""Below this, a page may be one whose text PDFium finds only without regard to the page's box; or
a scan with a stamp on it."""

_MAX_WARNINGS = 50
_MAX_LOST_IN_A_ROW = 1000
_MAX_OBJECTS = 2000
_PICTURE = 0.3  # of the page: what the pictures of a scan cover at least
# So many pages are looked at for columns out of order, at first and after each that has some; then
# one of so many: it takes a third of a page's time.
_LOOKED_AT = 3
_EVERY = 10


class Tap:
    """The file as PDFium reads it: an error cannot pass through C, so it is kept for `check`."""

    def __init__(self, file: SourceFile) -> None:
        self.file = file
        self.seek = file.seek
        self.tell = file.tell
        self.read = file.read
        self._error: DocumentError | None = None

    def readinto(self, buffer: "WriteableBuffer") -> int:
        try:
            return self.file.readinto(buffer)
        except DocumentError as error:
            self._error = error
            return 0

    def check(self) -> None:
        """Raise what went wrong while PDFium was reading."""
        if self._error is not None:
            raise self._error


def opened(tap: Tap, password: Secret | None) -> "PdfDocument":
    """The document. Raises DocumentError ``encrypted`` where neither an empty password nor the
    given one opens it, ``malformed`` where PDFium cannot read it."""
    from pypdfium2 import PdfDocument, PdfiumError
    from pypdfium2.raw import (  # type: ignore[import-untyped]
        FPDF_ERR_PASSWORD,
        FPDF_ERR_SECURITY,
    )

    told = "The PDF is encrypted and asks for a password; give it by --pdf-password-file."
    for each in ["", *([] if password is None else [password.reveal()])]:
        try:
            return PdfDocument(tap, password=each)
        except PdfiumError as error:
            if error.err_code == FPDF_ERR_SECURITY:
                told = "The PDF is encrypted in a way that cannot be read."
            elif error.err_code != FPDF_ERR_PASSWORD:
                raise
            elif each:
                told = (
                    "The PDF is encrypted, and not with the password that was given; correct it, "
                    "and run `vecstream retry`."
                )
    raise DocumentError("encrypted", told)


def pages(
    document: "PdfDocument", tap: Tap, progress: Progress, warnings: list[ReaderWarning]
) -> Iterator[Page]:
    """Every page that can be read, those without text too; the others are in `warnings`."""
    lost = 0
    looked_at = _LOOKED_AT
    for number in range(1, len(document) + 1):
        progress()
        page = None
        columns = number <= looked_at or number % _EVERY == 0
        try:
            with document_errors(f"page {number}"):
                page = _page(document, number, columns=columns)
            lost = 0
            if page.columns:
                looked_at = number + _LOOKED_AT
        except DocumentError as error:
            tap.check()
            if error.reason in FATAL:
                raise
            lost += 1
            if len(warnings) < _MAX_WARNINGS:
                warnings.append(ReaderWarning("page", error.message, number))
        tap.check()
        if page is not None:
            yield page
        if lost >= _MAX_LOST_IN_A_ROW:
            warnings.append(
                ReaderWarning("page", f"page {number} and all after it were given up", number)
            )
            return


def drawn(document: "PdfDocument", number: int, dpi: int, most: int) -> tuple[int, int, bytes, int]:
    """A page as grey pixels: width, height, a byte for each, and the dots per inch they came to.

    Those are `dpi`, or fewer where the page would have more than `most` pixels.
    """
    page = document[number - 1]
    try:
        width, height = page.get_size()
        scale = dpi / 72
        pixels = width * height * scale * scale
        if pixels > most:
            scale *= (most / pixels) ** 0.5
        bitmap = page.render(scale=scale, grayscale=True, may_draw_forms=False)
        try:
            rows = memoryview(bitmap.buffer).cast("B")
            stride, wide, high = bitmap.stride, bitmap.width, bitmap.height
            data = b"".join(bytes(rows[y * stride : y * stride + wide]) for y in range(high))
            return wide, high, data, max(1, round(scale * 72))
        finally:
            bitmap.close()
    finally:
        page.close()


def _page(document: "PdfDocument", number: int, *, columns: bool) -> Page:
    """Page `number`; `columns`: look whether it has some that are out of order."""
    page = document[number - 1]
    try:
        textpage: PdfTextPage = page.get_textpage()
        try:
            return _read(page, textpage, number, columns=columns)
        finally:
            textpage.close()
    finally:
        page.close()


def _read(page: "PdfPage", textpage: "PdfTextPage", number: int, *, columns: bool) -> Page:
    text = cleaned(_text(textpage))
    if len(text) < FEW_CHARS:
        return Page(number, text, picture=_is_picture(page))
    if page.get_rotation():
        return Page(number, text)
    box = Box(*page.get_bbox())
    regions = _regions(textpage, box) if columns else None
    if regions is not None:
        text = "\n".join(
            each for region in regions if (each := cleaned(textpage.get_text_bounded(*region)))
        )
    return Page(number, text, outer_lines(textpage, box), columns=regions is not None)


def _text(textpage: "PdfTextPage") -> str:
    text: str = textpage.get_text_bounded()
    if len(text) < FEW_CHARS:
        text = max(text, textpage.get_text_range(), key=len)
    return text


def _regions(textpage: "PdfTextPage", page: Box) -> list[Box] | None:
    from pypdfium2.raw import FPDFText_GetBoundedText

    def is_empty(each: Box) -> bool:
        left, bottom, right, top = each
        # Its length alone: every call looks at every character of the page.
        count: int = FPDFText_GetBoundedText(textpage, left, top, right, bottom, None, 0)
        return count <= 0 or not textpage.get_text_bounded(*each).strip()

    return reading_order(runs(textpage), page, is_empty)


def _is_picture(page: "PdfPage") -> bool:
    """Pictures cover a good part of the page."""
    from pypdfium2.raw import FPDF_PAGEOBJ_IMAGE

    width, height = page.get_size()
    covered = 0.0
    each: Any
    for each in islice(page.get_objects(max_depth=3), _MAX_OBJECTS):
        if each.type == FPDF_PAGEOBJ_IMAGE:
            left, bottom, right, top = each.get_bounds()
            covered += abs((right - left) * (top - bottom))
    return bool(covered >= _PICTURE * width * height)
