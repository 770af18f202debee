"""RTF, streamed: paragraphs, headings, lists, tables, notes and comments.

Deleted and hidden text is not part of it; headers and footers come once, at the end.
"""

from collections.abc import Iterator
from itertools import chain

from vecstream_cli.core.blocks import OpenDocument, ReaderWarning
from vecstream_cli.readers.failures import document_errors
from vecstream_cli.readers.metadata import bounded
from vecstream_cli.readers.parts import Part, blocks
from vecstream_cli.readers.reading import Reading
from vecstream_cli.readers.rtf_groups import Groups
from vecstream_cli.readers.rtf_tokens import tokens
from vecstream_cli.readers.silence import noticed
from vecstream_cli.readers.source import SourceFile


def read_rtf(file: SourceFile, reading: Reading) -> OpenDocument:
    """Open an RTF document."""
    groups = Groups()
    parts = _parts(groups, file, reading)
    with document_errors("the RTF document"):
        # What a document says of itself stands before its first paragraph.
        first = next(parts, None)
    warnings: list[ReaderWarning] = []
    found = blocks(parts if first is None else chain([first], parts), reading.progress)
    return OpenDocument(bounded(groups.header.facts), noticed(found, warnings), warnings)


def _parts(groups: Groups, file: SourceFile, reading: Reading) -> Iterator[Part]:
    for token in tokens(file, reading.progress):
        if found := groups.take(token):
            yield from found
    yield from groups.end()
