"""PDF: page by page with PDFium, so one bad page costs that page; pdfminer.six where PDFium fails.

The document text is the pages' text in order, with the words that line ends cut in two whole again.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from vecstream_cli.core.blocks import Block, OpenDocument, ReaderWarning
from vecstream_cli.errors import DocumentError
from vecstream_cli.readers import lines as cutting
from vecstream_cli.readers import pdf_miner
from vecstream_cli.readers.failures import document_errors, silenced
from vecstream_cli.readers.metadata import bounded
from vecstream_cli.readers.pdf_text import cleaned, goes_on, paragraphs
from vecstream_cli.readers.reading import Reading
from vecstream_cli.readers.source import Progress, SourceFile

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from pypdfium2 import PdfDocument, PdfTextPage  # type: ignore[import-untyped]


_FACTS = ("Title", "Author", "Subject", "Keywords")
_FATAL = frozenset({"changed-while-reading", "unreadable", "out-of-memory"})

# Below this, a page may be one whose text PDFium finds only without regard to the page's box.
_FEW_CHARS = 40
_MAX_WARNINGS = 50
_MAX_LOST_IN_A_ROW = 1000


def read_pdf(file: SourceFile, reading: Reading) -> OpenDocument:
    """Open a PDF. Raises DocumentError ``encrypted`` where it asks for a password."""
    progress = reading.progress
    warnings: list[ReaderWarning] = []
    tap = _Tap(file)
    try:
        with silenced("pypdfium2"), document_errors("the PDF"):
            document = _opened(tap)
    except DocumentError as error:
        tap.check()
        if error.reason != "malformed":
            raise
        pages = _or_else(error, pdf_miner.pages(file, progress, warnings))
        return OpenDocument({}, _blocks(pages), warnings)
    with silenced("pypdfium2"), document_errors("the PDF"):
        known = document.get_metadata_dict()
        facts = {name.lower(): known.get(name) for name in _FACTS}
        count = len(document)
    pages = _with_second_opinion(document, tap, progress, warnings)
    return OpenDocument(bounded({**facts, "pages": count}), _blocks(pages), warnings)


class _Tap:
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


def _opened(tap: _Tap) -> "PdfDocument":
    from pypdfium2 import PdfDocument, PdfiumError
    from pypdfium2.raw import FPDF_ERR_PASSWORD  # type: ignore[import-untyped]

    try:
        return PdfDocument(tap, password="")
    except PdfiumError as error:
        if error.err_code == FPDF_ERR_PASSWORD:
            raise DocumentError(
                "encrypted", "The PDF is encrypted and asks for a password."
            ) from error
        raise


def _blocks(pages: Iterator[tuple[int, str]]) -> Iterator[Block]:
    """A block for each paragraph; a blank line after it, unless it goes on over the page's end."""
    last: tuple[int, str] | None = None  # held back until it is known how the text goes on
    joined = False
    for number, text in pages:
        for paragraph in paragraphs(text):
            if last is not None:
                over = last[0] != number and goes_on(last[1], paragraph)
                yield from _block(*last, joined=joined, end="\n" if over else "\n\n")
                joined = over
            last = number, paragraph
    if last is not None:
        yield from _block(*last, joined=joined, end="\n")


def _block(number: int, paragraph: str, *, joined: bool, end: str) -> Iterator[Block]:
    return cutting.blocks(paragraph.rstrip("\n") + end, page=number, joined=joined)


def _with_second_opinion(
    document: "PdfDocument", tap: _Tap, progress: Progress, warnings: list[ReaderWarning]
) -> Iterator[tuple[int, str]]:
    """PDFium's pages, or where none of them has text, pdfminer's."""
    anything = False
    with document:
        count = len(document)
        for number, text in _pages(document, tap, progress, warnings):
            anything = True
            yield number, text
    if anything:
        return
    try:
        for number, text in pdf_miner.pages(tap.file, progress, []):
            anything = True
            yield number, text
    except DocumentError as error:
        if error.reason in _FATAL:
            raise
    if not anything:
        pages = "1 page" if count == 1 else f"{count} pages"
        warnings.append(ReaderWarning("no-text", f"no text on {pages}"))


def _pages(
    document: "PdfDocument", tap: _Tap, progress: Progress, warnings: list[ReaderWarning]
) -> Iterator[tuple[int, str]]:
    lost = 0
    for index in range(len(document)):
        progress()
        number = index + 1
        try:
            with document_errors(f"page {number}"):
                text = cleaned(_text(document, index))
            lost = 0
        except DocumentError as error:
            tap.check()
            if error.reason in _FATAL:
                raise
            text = ""
            lost += 1
            if len(warnings) < _MAX_WARNINGS:
                warnings.append(ReaderWarning("page", error.message, number))
        tap.check()
        if text.strip():
            yield number, text
        if lost >= _MAX_LOST_IN_A_ROW:
            warnings.append(
                ReaderWarning("page", f"page {number} and all after it were given up", number)
            )
            return


def _text(document: "PdfDocument", index: int) -> str:
    page = document[index]
    try:
        textpage: PdfTextPage = page.get_textpage()
        try:
            text: str = textpage.get_text_bounded()
            if len(text) < _FEW_CHARS:
                text = max(text, textpage.get_text_range(), key=len)
            return text
        finally:
            textpage.close()
    finally:
        page.close()


def _or_else(error: DocumentError, pages: Iterator[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """`pages`, or the error that led to them where they yield nothing."""
    anything = False
    try:
        for page in pages:
            anything = True
            yield page
    except DocumentError as other:
        if anything or other.reason in _FATAL:
            raise
    if not anything:
        raise error
