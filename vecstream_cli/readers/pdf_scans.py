"""Pages of a PDF that are pictures: recognised by Tesseract where that is wanted, else counted."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from vecstream_cli.core.blocks import ReaderWarning
from vecstream_cli.errors import DocumentError
from vecstream_cli.readers.failures import document_errors
from vecstream_cli.readers.ocr import MAX_PIXELS, recognised_grey
from vecstream_cli.readers.pdf_page import Page
from vecstream_cli.readers.pdf_pdfium import FATAL, drawn
from vecstream_cli.readers.pdf_text import cleaned, rejoined
from vecstream_cli.readers.reading import Reading

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument  # type: ignore[import-untyped]

_DPI = 300
_MAX_WARNINGS = 20
_MAX_FAILED_IN_A_ROW = 20


class Scans:
    """The pictures among a document's pages; `left` counts those that stay without text."""

    def __init__(
        self, document: "PdfDocument", reading: Reading, warnings: list[ReaderWarning]
    ) -> None:
        self._document = document
        self._languages = reading.options.ocr
        self._progress = reading.progress
        self._warnings = warnings
        self._failed = self._failed_in_a_row = 0
        self.left = 0

    @property
    def wanted(self) -> bool:
        """Whether they are to be recognised."""
        return bool(self._languages)

    def read(self, pages: Iterable[Page]) -> Iterator[Page]:
        """Those of the pages that are found to have text, or had some, with the most of it."""
        for page in pages:
            text = self._recognised(page.number) if self.wanted else ""
            text = max(text, page.text, key=len)
            if text.strip():
                yield Page(page.number, text)
            else:
                self.left += 1

    def _recognised(self, number: int) -> str:
        if self._failed_in_a_row >= _MAX_FAILED_IN_A_ROW:
            return ""
        try:
            with document_errors(f"the picture on page {number}"):
                wide, high, pixels, dpi = drawn(self._document, number, _DPI, MAX_PIXELS)
                self._progress()
                found = recognised_grey(
                    wide, high, pixels, self._languages, self._progress, dpi=dpi
                )
        except DocumentError as error:
            if error.reason in FATAL:
                raise
            self._fail(error, number)
            return ""
        self._failed_in_a_row = 0
        return cleaned(rejoined(found))

    def _fail(self, error: DocumentError, number: int) -> None:
        self._failed += 1
        self._failed_in_a_row += 1
        if self._failed <= _MAX_WARNINGS:
            reason = error.reason if error.reason == "ocr-failed" else "page"
            self._warnings.append(ReaderWarning(reason, error.message, number))
