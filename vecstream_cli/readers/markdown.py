"""Markdown: headings, paragraphs, lists, code and tables, as markdown-it finds them, with offsets.

The document text is the decoded file. markdown-it says which lines a block takes, and inline rules
stay off; a big file goes through it in segments, so memory stays bounded.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING

from vecstream_cli.core.blocks import Block, BlockKind, OpenDocument, ReaderWarning
from vecstream_cli.readers import front_matter
from vecstream_cli.readers import lines as cutting
from vecstream_cli.readers.encoding import decoded
from vecstream_cli.readers.metadata import bounded
from vecstream_cli.readers.outline import Outline, peek_title
from vecstream_cli.readers.reading import Reading
from vecstream_cli.readers.source import SourceFile

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token


SEGMENT_CHARS = 1 << 17
MAX_SEGMENT_CHARS = 1 << 19

_KINDS = {
    "heading_open": BlockKind.HEADING,
    "fence": BlockKind.CODE,
    "code_block": BlockKind.CODE,
    "table_open": BlockKind.TABLE,
    "bullet_list_open": BlockKind.LIST,
    "ordered_list_open": BlockKind.LIST,
    "list_item_open": BlockKind.LIST,
}
_FENCE = re.compile(r" {0,3}(`{3,}(?=[^`]*\Z)|~{3,})")
_COMMENTS = re.compile(r"\s*(?:<!--(?:(?!-->).)*-->\s*)+", re.DOTALL)
_MARKUP = re.compile(
    r"!?\[((?:[^\[\]]|\[[^\]]*\])*)\](?:\([^()]*\)|\[[^\]]*\])"  # a link: its text
    r"|\s*\{#[^}]*\}\s*\Z"  # an anchor at the end: nothing
    r"|</?[A-Za-z][^<>]*>"  # a tag: nothing
    r"|[`*]+|(?<!\w)_+|_+(?!\w)"  # code and emphasis: nothing
)


def read_markdown(file: SourceFile, reading: Reading) -> OpenDocument:
    """Open Markdown; its title is the front matter's, else its first heading."""
    matter, lines = front_matter.split(cutting.lines(decoded(file, reading.progress)))
    title, blocks = peek_title(_blocks(matter, lines))
    facts: dict[str, object] = {"title": title}
    warnings: list[ReaderWarning] = []
    if matter is not None:
        facts.update(matter.facts)
        if matter.warning is not None:
            warnings.append(matter.warning)
    return OpenDocument(bounded(facts), blocks, warnings, lines=True)


def plain_title(markdown: str) -> str:
    """A heading as a reader sees it: link texts without their targets, no emphasis, no tags."""
    return _MARKUP.sub(lambda found: found[1] or "", markdown).strip()


@dataclass(frozen=True, slots=True)
class _Segment:
    lines: list[str]
    in_fence: bool = False  # it starts inside a code block that an earlier segment opened


def _blocks(matter: front_matter.FrontMatter | None, lines: Iterator[str]) -> Iterator[Block]:
    if matter is not None:
        yield from cutting.blocks(matter.text, BlockKind.SKIPPED)
    yield from blocks(lines, Outline())


def blocks(lines: Iterator[str], outline: Outline) -> Iterator[Block]:
    """The blocks of Markdown that stands under `outline`, which takes its headings in."""
    for segment in _segments(lines):
        if segment.in_fence:
            yield from cutting.blocks(
                "".join(segment.lines), BlockKind.CODE, outline.path, joined=True
            )
        else:
            yield from _parsed(segment.lines, outline)


def _parsed(lines: list[str], outline: Outline) -> Iterator[Block]:
    """The blocks of one segment; lines that belong to none go with the block before them."""
    starts = list(_starts(_tokens(lines)))
    if not starts or starts[0].line > 0:
        # Blank lines or link definitions before the first block.
        end = starts[0].line if starts else len(lines)
        yield from cutting.blocks("".join(lines[:end]), heading=outline.path)
    ends = chain((start.line for start in starts[1:]), [len(lines)])
    for start, end in zip(starts, ends, strict=False):
        text = "".join(lines[start.line : end])
        kind = start.kind
        if kind is BlockKind.HEADING:
            outline.enter(start.level, plain_title(start.title))
        elif start.is_html and _COMMENTS.fullmatch(text):
            kind = BlockKind.SKIPPED
        yield from cutting.blocks(text, kind, outline.path)


@dataclass(frozen=True, slots=True)
class _Start:
    """Where a block begins."""

    line: int
    kind: BlockKind
    level: int = 0
    title: str = ""
    is_html: bool = False


def _starts(tokens: "list[Token]") -> Iterator[_Start]:
    """Top-level blocks in order of lines, each at a line of its own; a list, item by item."""
    last = -1
    for index, token in enumerate(tokens):
        outer = token.level == 0 and token.type not in ("bullet_list_open", "ordered_list_open")
        item = token.level == 1 and token.type == "list_item_open"
        if not (outer or item) or token.map is None or token.map[0] <= last:
            continue
        last = token.map[0]
        kind = _KINDS.get(token.type, BlockKind.PARAGRAPH)
        if kind is BlockKind.HEADING:
            yield _Start(last, kind, int(token.tag[1:]), tokens[index + 1].content)
        else:
            yield _Start(last, kind, is_html=token.type == "html_block")


def _tokens(lines: list[str]) -> "list[Token]":
    parser = _parser()
    tokens: list[Token] = []
    source = "\n".join([line.rstrip("\r\n") for line in lines])
    parser.block.parse(source, parser, {}, tokens)
    return tokens


@cache
def _parser() -> "MarkdownIt":
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark").enable("table")


def _segments(lines: Iterator[str]) -> Iterator[_Segment]:
    """Runs of lines, cut where Markdown starts anew: after a blank line, outside any fence."""
    run: list[str] = []
    size = 0
    fence = ""
    in_fence = blank = False
    for line in lines:
        if in_fence and not fence:
            # The code block that was cut in two has ended.
            yield _Segment(run, in_fence=True)
            run, size, in_fence = [], 0, False
        starts_anew = blank and not fence and not line[0].isspace()
        if (size >= SEGMENT_CHARS and starts_anew) or size + len(line) > MAX_SEGMENT_CHARS:
            if run:
                yield _Segment(run, in_fence)
            run, size, in_fence = [], 0, bool(fence)
        run.append(line)
        size += len(line)
        blank = line.isspace()
        mark = _FENCE.match(line)
        if not fence:
            fence = mark[1] if mark else ""
        elif mark and mark[1].startswith(fence) and not line[mark.end() :].strip():
            fence = ""
    if run:
        yield _Segment(run, in_fence)
