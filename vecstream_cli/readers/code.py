"""Source code: cut at classes and functions where tree-sitter knows the language, else at gaps.

The document text is the decoded file. Grammars are packages of their own, the extra `code`.
"""

from collections.abc import Iterator, Sequence

from vecstream_cli.core.blocks import Block, BlockKind, OpenDocument, ReaderWarning
from vecstream_cli.readers import code_grammars
from vecstream_cli.readers import lines as cutting
from vecstream_cli.readers.code_outline import Start, starts
from vecstream_cli.readers.encoding import decoded
from vecstream_cli.readers.failures import document_errors
from vecstream_cli.readers.reading import Reading
from vecstream_cli.readers.silence import noticed
from vecstream_cli.readers.sniff import suffix
from vecstream_cli.readers.source import Progress, SourceFile

# A tree takes some twenty times the code's size; generated code is longer than this, and read by
# lines as code without a grammar is.
MAX_PARSED_BYTES = 2 << 20

# A block of code without a grammar is at least so many lines, where gaps allow, and no longer.
_GAP_LINES = 20
_GAP_CHARS = 8 << 10


def read_code(file: SourceFile, reading: Reading) -> OpenDocument:
    """Open source code; its headings are the classes and functions that a line is in."""
    warnings: list[ReaderWarning] = []
    blocks = _blocks(file, reading.progress)
    return OpenDocument({}, noticed(blocks, warnings), warnings, lines=True)


def _blocks(file: SourceFile, progress: Progress) -> Iterator[Block]:
    text = decoded(file, progress)
    grammar = code_grammars.grammar(suffix(file.name)) if file.size <= MAX_PARSED_BYTES else None
    if grammar is None:
        yield from _by_gaps(cutting.lines(text))
        return
    source = "".join(text)
    lines = list(cutting.lines([source]))
    with document_errors("the code"):
        found = starts(grammar, source, progress)
    if found is None:
        yield from _by_gaps(iter(lines))
    else:
        yield from _by_structure(lines, found)


def _by_structure(lines: Sequence[str], found: Sequence[Start]) -> Iterator[Block]:
    """Blocks from each start to the next; blank lines go with what comes before them."""
    run: list[str] = []
    heading: tuple[str, ...] = ()
    ends = [start.line for start in found[1:]] + [len(lines)]
    for start, end in zip(found, ends, strict=True):
        taken = lines[start.line : end]
        if run and not all(map(str.isspace, taken)):
            yield from cutting.blocks("".join(run), BlockKind.CODE, heading)
            run = []
        if not run:
            heading = start.heading
        run += taken
    if run:
        yield from cutting.blocks("".join(run), BlockKind.CODE, heading)


def _by_gaps(lines: Iterator[str]) -> Iterator[Block]:
    """Blocks that end with blank lines before a line that is not indented."""
    run: list[str] = []
    size = 0
    blank = joined = False
    for line in lines:
        gap = blank and not line[0].isspace() and len(run) >= _GAP_LINES
        if run and (gap or size + len(line) > _GAP_CHARS):
            yield from cutting.blocks("".join(run), BlockKind.CODE, joined=joined)
            run, size, joined = [], 0, not gap
        run.append(line)
        size += len(line)
        blank = line.isspace()
    if run:
        yield from cutting.blocks("".join(run), BlockKind.CODE, joined=joined)
