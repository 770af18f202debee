"""The second opinion on a PDF: pdfminer.six, where PDFium cannot open it or finds no text.

Thirty times slower than PDFium, so it gives up on a document whose first pages hold nothing.
"""

import io
from collections.abc import Iterator
from typing import BinaryIO, cast

from vecstream_cli.errors import DocumentError
from vecstream_cli.readers.failures import document_errors, silenced
from vecstream_cli.readers.pdf_page import Page
from vecstream_cli.readers.pdf_text import cleaned, rejoined, without_glyph_numbers
from vecstream_cli.readers.source import Progress, SourceFile
from vecstream_cli.secret import Secret

_PROBED_PAGES = 20


def pages(file: SourceFile, progress: Progress, password: Secret | None = None) -> Iterator[Page]:
    """The pages that have text, lazily.

    Raises DocumentError where pdfminer cannot go on from page to page, ``encrypted`` where the
    password is another.
    """
    with silenced("pdfminer"), document_errors("the PDF"):
        from pdfminer.converter import TextConverter
        from pdfminer.layout import LAParams
        from pdfminer.pdfdocument import PDFDocument, PDFPasswordIncorrect
        from pdfminer.pdfinterp import PDFPageInterpreter, PDFResourceManager
        from pdfminer.pdfpage import PDFPage
        from pdfminer.pdfparser import PDFParser

        def opened(password: str) -> PDFDocument:
            file.seek(0)
            return PDFDocument(PDFParser(cast("BinaryIO", file)), password)

        try:
            document = opened("")
        except PDFPasswordIncorrect as error:
            if password is None:
                raise DocumentError("encrypted", "The PDF asks for a password.") from error
            try:
                document = opened(password.reveal())
            except PDFPasswordIncorrect as wrong:
                raise DocumentError("encrypted", "The PDF asks for another password.") from wrong
        tree = iter(PDFPage.create_pages(document))
    anything = False
    number = 0
    while anything or number < _PROBED_PAGES:
        progress()
        number += 1
        out = io.StringIO()
        with silenced("pdfminer"), document_errors(f"page {number}"):
            page = next(tree, None)
            if page is None:
                return
            # A fresh manager for each page: its cache of fonts would grow with the document.
            manager = PDFResourceManager(caching=False)
            device = TextConverter(manager, out, laparams=LAParams())
            PDFPageInterpreter(manager, device).process_page(page)
        text = cleaned(rejoined(without_glyph_numbers(out.getvalue())))
        if text.strip():
            anything = True
            yield Page(number, text)
