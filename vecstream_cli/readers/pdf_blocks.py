"""The pages of a PDF become blocks: paragraphs under the PDF's bookmarks, with page and label."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from vecstream_cli.core.blocks import NOWHERE, Block, BlockKind, Position
from vecstream_cli.readers import lines as cutting
from vecstream_cli.readers.outline import Outline
from vecstream_cli.readers.pdf_facts import Bookmark
from vecstream_cli.readers.pdf_headings import parted, title_end
from vecstream_cli.readers.pdf_page import Page
from vecstream_cli.readers.pdf_text import goes_on, paragraphs, seam


@dataclass(slots=True)
class _Piece:
    """A paragraph or a title; `joined`: it goes on with what stood at the end of a page before."""

    text: str
    kind: BlockKind
    heading: tuple[str, ...]
    page: int
    position: Position
    joined: bool = False


def blocks(
    pages: Iterable[Page],
    marks: Mapping[int, Sequence[Bookmark]] | None = None,
    label: Callable[[int], str | None] = lambda number: None,
) -> Iterator[Block]:
    """A block for each paragraph; a blank line after it, unless it goes on over the page's end.

    `marks` are the bookmarks by the page that they lead to, `label` is what the PDF calls a page.
    """
    last: _Piece | None = None  # held back until it is known how the text goes on
    for piece in _pieces(pages, marks or {}, label):
        if last is not None:
            piece.joined = _goes_on(last, piece)
            text, end = seam(last.text) if piece.joined else (last.text.rstrip("\n"), "\n\n")
            yield from _blocks(last, text + end)
        last = piece
    if last is not None:
        yield from _blocks(last, last.text.rstrip("\n") + "\n")


def _blocks(piece: _Piece, text: str) -> Iterator[Block]:
    joined = piece.joined
    for part in cutting.parts(text):
        yield Block(part, piece.kind, piece.heading, piece.page, joined, piece.position)
        joined = True


def _goes_on(last: _Piece, piece: _Piece) -> bool:
    return (
        last.page != piece.page
        and last.kind is piece.kind is BlockKind.PARAGRAPH
        and last.heading == piece.heading
        and goes_on(last.text, piece.text)
    )


def _pieces(
    pages: Iterable[Page],
    marks: Mapping[int, Sequence[Bookmark]],
    label: Callable[[int], str | None],
) -> Iterator[_Piece]:
    outline = Outline()
    passed = sorted(marks, reverse=True)
    for page in pages:
        # Also those that lead to pages without text.
        while passed and passed[-1] < page.number:
            _enter(outline, marks[passed.pop()])
        here = marks[passed.pop()] if passed and passed[-1] == page.number else ()
        called = label(page.number)
        position = NOWHERE if called is None else {"label": called}
        for entered, text in parted(page.text, here):
            _enter(outline, entered)
            title = title_end(text, entered[-1].title) if entered else 0
            if title:
                yield _Piece(text[:title], BlockKind.HEADING, outline.path, page.number, position)
            for each in paragraphs(text[title:]):
                yield _Piece(each, BlockKind.PARAGRAPH, outline.path, page.number, position)


def _enter(outline: Outline, marks: Sequence[Bookmark]) -> None:
    for mark in marks:
        outline.enter(mark.level, mark.title)
