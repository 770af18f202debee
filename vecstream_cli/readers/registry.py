"""The one way to open a document, whatever its format."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import import_module
from itertools import chain
from typing import Any

from vecstream_cli.core.blocks import Block, OpenDocument, Picture, ReaderWarning
from vecstream_cli.errors import DocumentError
from vecstream_cli.readers.failures import document_errors
from vecstream_cli.readers.formats import FORMATS, Format, version
from vecstream_cli.readers.reading import Reading
from vecstream_cli.readers.silence import says
from vecstream_cli.readers.sniff import described, reader_name
from vecstream_cli.readers.source import PIECE_BYTES, Progress, SourceFile
from vecstream_cli.settings import ReadingOptions

_DEFAULTS = ReadingOptions()
_NOTHING = b" \t\r\n\0\xef\xbb\xbf\xff\xfe"
_Reader = Callable[[SourceFile, Reading], OpenDocument]


def open_document(
    file: SourceFile, *, progress: Progress, options: ReadingOptions = _DEFAULTS
) -> tuple[str, OpenDocument]:
    """The version of the reader that takes `file`, and the document it opened.

    Content decides where the name lies. Opening, and taking blocks, raises nothing but
    DocumentError.
    """
    form = FORMATS[reader_name(file)]
    document = _opened(file, form, Reading(progress, options, _inner))
    document.blocks = _never_silent(file, document.blocks, document.warnings)
    return version(form, options), document


def _inner(file: SourceFile, reading: Reading) -> OpenDocument:
    return _opened(file, FORMATS[reader_name(file)], reading)


def _opened(file: SourceFile, form: Format, reading: Reading) -> OpenDocument:
    if not form.is_read(reading.options):
        raise DocumentError("unsupported", f"The file is {described(file)}, {_why(form)}.")
    with document_errors("the document"):
        read: _Reader = _imported(form.reader)
        document = read(file, reading)
        if form.has_pictures(reading.options):
            assert form.pictures is not None
            find = _imported(form.pictures)
            pictures = _later(lambda: find(file, reading, document.warnings))
            found = document.blocks if reading.options.text else iter(())
            document.blocks = chain(found, pictures)
    document.blocks = _guarded(document.blocks)
    return document


def _imported(name: str) -> Callable[..., Any]:
    """``module:function`` of this package."""
    module, _, function = name.partition(":")
    found: Callable[..., Any] = getattr(import_module(f"vecstream_cli.readers.{module}"), function)
    return found


def _later(find: Callable[[], Iterator[Picture]]) -> Iterator[Picture]:
    """What `find` finds; it does not begin before it is asked."""
    yield from find()


def _why(form: Format) -> str:
    if isinstance(form.needs, tuple):
        return "which only a model for images reads, such as --model clip, or --ocr for its words"
    if form.needs is not None:
        return f"which is only read with --{form.needs.replace('_', '-')}"
    return "and the model reads nothing but images"


def _never_silent(
    file: SourceFile, blocks: Iterator[Block | Picture], warnings: list[ReaderWarning]
) -> Iterator[Block | Picture]:
    """The blocks, and a warning where there is nothing in them, though there is in the file."""
    spoken = False
    for block in blocks:
        spoken = spoken or says(block)
        yield block
    if not (spoken or warnings or _blank(file)):
        warnings.append(ReaderWarning("no-text", "There is no text in it."))


def _blank(file: SourceFile) -> bool:
    return file.size <= PIECE_BYTES and not file.at(0, file.size).strip(_NOTHING)


def _guarded(blocks: Iterator[Block | Picture]) -> Iterator[Block | Picture]:
    while True:
        with document_errors("the document"):
            block = next(blocks, None)
        if block is None:
            return
        yield _without_nul(block)


def _without_nul(block: Block | Picture) -> Block | Picture:
    """U+0000 as CommonMark has it (2.3): several databases take no text that holds one."""
    if isinstance(block, Picture) or "\0" not in "".join((block.text, *block.heading)):
        return block
    heading = tuple(name.replace("\0", "\ufffd") for name in block.heading)
    return replace(block, text=block.text.replace("\0", "\ufffd"), heading=heading)
