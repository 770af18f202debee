"""Plain text and reStructuredText: paragraphs, and titles known by the lines drawn under them.

The document text is the decoded file. Nothing longer than one block is held.
"""

import re
from collections.abc import Iterator
from itertools import chain

from vecstream_cli.core.blocks import MAX_BLOCK_CHARS, Block, BlockKind, OpenDocument
from vecstream_cli.readers import lines as cutting
from vecstream_cli.readers.encoding import decoded
from vecstream_cli.readers.metadata import bounded
from vecstream_cli.readers.outline import Outline, peek_title
from vecstream_cli.readers.reading import Reading
from vecstream_cli.readers.source import SourceFile

# docutils allows any punctuation under a title; these are what people use, in plain text too.
_ADORNMENT = re.compile(r"([=\-~*^\"'#+`:._])\1{2,}\s*\Z")
_ITEM = re.compile(r"\s*(?:[-*+•]|\(?(?:\d{1,3}|[A-Za-z]|#)[.)])\s+\S")
_LITERAL = re.compile(r".*::\s*\Z|\.\. (?:code|code-block|sourcecode|parsed-literal)::")
_FIELD = re.compile(r"([A-Za-z][A-Za-z-]{0,40}):[ \t]+(\S.*)")
_MAX_FIELDS = 40


def read_text(file: SourceFile, reading: Reading) -> OpenDocument:
    """Open plain text or reStructuredText; its first heading is its title."""
    title, blocks = peek_title(_blocks(cutting.lines(decoded(file, reading.progress))))
    return OpenDocument(bounded({"title": title}), blocks, lines=True)


def read_rst(file: SourceFile, reading: Reading) -> OpenDocument:
    """Open reStructuredText; fields at its very top, as PEPs have them, are its metadata."""
    title, blocks = peek_title(_blocks(cutting.lines(decoded(file, reading.progress))))
    first = next(blocks, None)
    fields = {} if first is None else _fields(first.text)
    facts = {"title": fields.pop("Title", title), **fields}
    if first is not None:
        blocks = chain([first], blocks)
    return OpenDocument(bounded(facts), blocks, lines=True)


def _blocks(lines: Iterator[str]) -> Iterator[Block]:
    """Runs of lines up to and including the blank lines after them."""
    outline = Outline()
    styles: list[str] = []  # the ways titles are drawn, in order of appearance: their levels
    literal = False  # the run before ended in "::", so an indented one is code
    joined = False
    for run, goes_on in _runs(lines):
        heading = None if joined else _heading(run)
        if heading is not None:
            title, style = heading
            if style not in styles:
                styles.append(style)
            outline.enter(styles.index(style), title)
            kind = BlockKind.HEADING
            literal = False
        else:
            first = next((line for line in run if not line.isspace()), "")
            literal = literal and first[:1].isspace()
            if literal:
                kind = BlockKind.CODE
            else:
                kind = BlockKind.LIST if _ITEM.match(first) else BlockKind.PARAGRAPH
                literal = _opens_literal(run, first)
        yield from cutting.blocks("".join(run), kind, outline.path, joined=joined)
        joined = goes_on


def _runs(lines: Iterator[str]) -> Iterator[tuple[list[str], bool]]:
    """Non-blank lines with the blank ones around them; True where size alone ended the run."""
    run: list[str] = []
    size = 0
    filled = closed = False
    for line in lines:
        blank = line.isspace()
        if size + len(line) > MAX_BLOCK_CHARS and run:
            yield run, not closed
            run, size, filled, closed = [], 0, False, False
        elif closed and not blank:
            yield run, False
            run, size, filled, closed = [], 0, False, False
        run.append(line)
        size += len(line)
        if not blank:
            filled = True
            closed = line[0] in _ADORNED_BY and _heading(run) is not None
        elif filled:
            closed = True
    if run:
        yield run, False


_ADORNED_BY = frozenset("=-~*^\"'#+`:._")


def _heading(run: list[str]) -> tuple[str, str] | None:
    """(title, style) where the run is a title with a line under it, perhaps also over it."""
    drawn = [line for line in run if not line.isspace()] if len(run) < 8 else []
    if len(drawn) not in (2, 3) or _ADORNMENT.match(drawn[-1]) is None:
        return None
    title, under = drawn[-2].strip(), drawn[-1].rstrip()
    if _ADORNMENT.match(drawn[-2]) or len(under) < min(len(title), 4) or _ITEM.match(title):
        return None
    if len(drawn) == 3:
        return (title, 2 * under[0]) if drawn[0].rstrip() == under else None
    # docutils forbids an indent here; a line much longer than its title is a table's or a rule.
    if drawn[-2][:1].isspace() or len(under) > 2 * len(title) + 8:
        return None
    return title, under[0]


def _opens_literal(run: list[str], first: str) -> bool:
    last = next((line for line in reversed(run) if not line.isspace()), "")
    return bool(_LITERAL.match(last) or _LITERAL.match(first))


def _fields(text: str) -> dict[str, object]:
    """``Name: value`` lines, with indented lines going on; nothing where any line is neither."""
    fields: dict[str, object] = {}
    name = None
    for line in text.splitlines():
        if not line.strip():
            continue
        found = _FIELD.fullmatch(line.rstrip())
        if found is not None and len(fields) < _MAX_FIELDS:
            name = found[1]
            fields[name] = found[2]
        elif name is not None and line[:1].isspace():
            fields[name] = f"{fields[name]} {line.strip()}"
        else:
            return {}
    return fields if len(fields) > 1 else {}
