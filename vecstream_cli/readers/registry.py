"""Which reader takes which file, and the one way to open a document."""

from collections.abc import Callable, Iterator, Mapping

from vecstream_cli.core.blocks import Block, OpenDocument
from vecstream_cli.readers import html, markdown, pdf, text
from vecstream_cli.readers.failures import document_errors
from vecstream_cli.readers.sniff import HEAD_BYTES, SUFFIXES, named_reader, reader_name
from vecstream_cli.readers.source import Progress, SourceFile

__all__ = ["SUFFIXES", "named_reader", "open_document", "versions"]

_Reader = Callable[[SourceFile, Progress], OpenDocument]

_READERS: Mapping[str, tuple[str, _Reader]] = {
    "text": (text.VERSION, text.read_text),
    "rst": (text.RST_VERSION, text.read_rst),
    "markdown": (markdown.VERSION, markdown.read_markdown),
    "html": (html.VERSION, html.read_html),
    "pdf": (pdf.VERSION, pdf.read_pdf),
}


def versions() -> Mapping[str, str]:
    """Reader name to version. A version changes when the reader's output does."""
    return {name: version for name, (version, _) in _READERS.items()}


def open_document(file: SourceFile, *, progress: Progress) -> tuple[str, OpenDocument]:
    """The version of the reader that takes `file`, and the document it opened.

    Content decides where the name lies. `progress` is called at least once a page, or once for
    every 64 KiB. Opening, and taking blocks, raises nothing but DocumentError.
    """
    name = reader_name(file.name, file.at(0, HEAD_BYTES)) if file.size else "text"
    version, read = _READERS[name]
    with document_errors("the document"):
        document = read(file, progress)
    document.blocks = _guarded(document.blocks)
    return version, document


def _guarded(blocks: Iterator[Block]) -> Iterator[Block]:
    while True:
        with document_errors("the document"):
            block = next(blocks, None)
        if block is None:
            return
        yield block
