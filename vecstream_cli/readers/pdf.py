"""PDF: page by page with PDFium, so one bad page costs that page; pdfminer.six where PDFium fails.

The document text is the pages' text in order, without the headers and footers that they repeat,
with the words that line ends cut in two whole again. Bookmarks are headings.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from vecstream_cli.core.blocks import Block, OpenDocument, ReaderWarning
from vecstream_cli.errors import DocumentError
from vecstream_cli.readers import pdf_facts, pdf_miner, pdf_pdfium
from vecstream_cli.readers.failures import document_errors, silenced
from vecstream_cli.readers.metadata import bounded
from vecstream_cli.readers.pdf_blocks import blocks
from vecstream_cli.readers.pdf_margins import without_margins
from vecstream_cli.readers.pdf_page import Page
from vecstream_cli.readers.pdf_pdfium import FATAL, FEW_CHARS, Tap
from vecstream_cli.readers.pdf_scans import Scans
from vecstream_cli.readers.reading import Reading
from vecstream_cli.readers.source import SourceFile

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument  # type: ignore[import-untyped]


def read_pdf(file: SourceFile, reading: Reading) -> OpenDocument:
    """Open a PDF, by an empty password or the one of the options.

    Raises DocumentError ``encrypted`` where it asks for another.
    """
    password = reading.options.pdf_password
    warnings: list[ReaderWarning] = []
    tap = Tap(file)
    try:
        with silenced("pypdfium2"), document_errors("the PDF"):
            document = pdf_pdfium.opened(tap, password)
    except DocumentError as error:
        tap.check()
        if error.reason != "malformed":
            raise
        pages = _or_else(error, pdf_miner.pages(file, reading.progress, password))
        return OpenDocument({}, blocks(pages), warnings)
    with silenced("pypdfium2"), document_errors("the PDF"):
        facts = bounded(pdf_facts.facts(document))
        marks = pdf_facts.bookmarks(document, reading.progress)
    pages = without_margins(_pages(document, tap, reading, warnings))
    found = blocks(pages, marks, lambda number: pdf_facts.label(document, number))
    return OpenDocument(facts, _closing(document, found), warnings)


def _pages(
    document: "PdfDocument", tap: Tap, reading: Reading, warnings: list[ReaderWarning]
) -> Iterator[Page]:
    """PDFium's pages; where none of them has text pdfminer's, and then what the pictures say."""
    count = len(document)
    scans = Scans(document, reading, warnings)
    waiting: list[Page] = []  # before the first page with text, which they may not have
    anything = False
    for page in pdf_pdfium.pages(document, tap, reading.progress, warnings):
        if not page.text.strip() and not anything:
            waiting.append(page)
            continue
        if not anything:
            anything = True
            yield from scans.read(each for each in waiting if each.picture)
            waiting.clear()
        if page.picture and len(page.text) < FEW_CHARS:
            yield from scans.read([page])
        elif page.text.strip():
            yield page
    if anything:
        if scans.left:
            told = f"no text on {scans.left} of {_counted(count)}, which are pictures"
            warnings.append(ReaderWarning("no-text", told))
        return
    try:
        for page in pdf_miner.pages(tap.file, reading.progress, reading.options.pdf_password):
            anything = True
            yield page
    except DocumentError as error:
        if error.reason in FATAL:
            raise
    if not anything and scans.wanted:
        for page in scans.read(waiting):
            anything = True
            yield page
    if not anything:
        warnings.append(ReaderWarning("no-text", f"no text on {_counted(count)}"))


def _counted(pages: int) -> str:
    return "1 page" if pages == 1 else f"{pages} pages"


def _or_else(error: DocumentError, pages: Iterator[Page]) -> Iterator[Page]:
    """`pages`, or the error that led to them where they yield nothing."""
    anything = False
    try:
        for page in pages:
            anything = True
            yield page
    except DocumentError as other:
        if anything or other.reason in FATAL:
            raise
    if not anything:
        raise error


def _closing(document: "PdfDocument", found: Iterator[Block]) -> Iterator[Block]:
    with document:
        yield from found
