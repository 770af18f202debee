"""The one way to open a document, whatever its format."""

from collections.abc import Callable, Iterator
from importlib import import_module

from vecstream_cli.core.blocks import Block, OpenDocument, Picture
from vecstream_cli.errors import DocumentError
from vecstream_cli.readers.failures import document_errors
from vecstream_cli.readers.formats import FORMATS, Format, version
from vecstream_cli.readers.reading import Reading
from vecstream_cli.readers.sniff import described, reader_name
from vecstream_cli.readers.source import Progress, SourceFile
from vecstream_cli.settings import ReadingOptions

_DEFAULTS = ReadingOptions()
_Reader = Callable[[SourceFile, Reading], OpenDocument]


def open_document(
    file: SourceFile, *, progress: Progress, options: ReadingOptions = _DEFAULTS
) -> tuple[str, OpenDocument]:
    """The version of the reader that takes `file`, and the document it opened.

    Content decides where the name lies. Opening, and taking blocks, raises nothing but
    DocumentError.
    """
    form = FORMATS[reader_name(file)]
    return version(form, options), _opened(file, form, Reading(progress, options, _inner))


def _inner(file: SourceFile, reading: Reading) -> OpenDocument:
    return _opened(file, FORMATS[reader_name(file)], reading)


def _opened(file: SourceFile, form: Format, reading: Reading) -> OpenDocument:
    if not form.is_read(reading.options):
        raise DocumentError("unsupported", f"The file is {described(file)}, {_why(form)}.")
    with document_errors("the document"):
        module, _, function = form.reader.partition(":")
        read: _Reader = getattr(import_module(f"vecstream_cli.readers.{module}"), function)
        document = read(file, reading)
    document.blocks = _guarded(document.blocks)
    return document


def _why(form: Format) -> str:
    if form.needs == "image":
        return "which only a model for images reads, such as --model clip"
    return "and the model reads nothing but images"


def _guarded(blocks: Iterator[Block | Picture]) -> Iterator[Block | Picture]:
    while True:
        with document_errors("the document"):
            block = next(blocks, None)
        if block is None:
            return
        yield block
