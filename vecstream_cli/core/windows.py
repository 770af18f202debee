"""Blocks to windows: runs of text long enough to be worth a call, short enough to hold."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from vecstream_cli.core.blocks import Block, BlockKind, Position

WINDOW_CHARS = 32_768

# White space to Python; to most tokenizers nothing at all, so that the words beside it are one.
_CONTROLS = "\x0b\x0c\x1c\x1d\x1e\x1f\x85"


@dataclass(frozen=True, slots=True)
class Span:
    """A block of a window: its start in the window's text, and all of it but the text."""

    start: int
    kind: BlockKind
    heading: tuple[str, ...]
    page: int | None
    joined: bool
    position: Position


@dataclass(frozen=True, slots=True)
class Window:
    """Text that starts at character `start` and line `line` of the document, from 0 and from 1.

    A window ends before white space, which opens the next one, so that no tokenizer sees across
    the joint; `parted` is set where the text had none there that parts words. `last` means that
    nothing may share a chunk with what comes after it: the document ends, or a skipped block
    follows.
    """

    text: str
    start: int
    line: int
    spans: list[Span]
    parted: bool = False
    last: bool = False


def windows(blocks: Iterable[Block], progress: Callable[[], None]) -> Iterator[Window]:
    """The text of `blocks` in windows; `progress` is called once a block."""
    texts: list[str] = []
    spans: list[Span] = []
    start = length = 0
    line = 1
    parted = False

    def window(text: str, last: bool) -> Window:
        return Window(text, start, line, spans, parted=parted, last=last)

    for block in blocks:
        progress()
        if block.kind is BlockKind.SKIPPED:
            yield window("".join(texts), last=True)
            start += length + len(block.text)
            line += sum(map(line_ends, texts)) + line_ends(block.text)
            texts, spans, length, parted = [], [], 0, False
            continue
        spans.append(_span(length, block))
        texts.append(block.text)
        length += len(block.text)
        if length >= WINDOW_CHARS:
            text = "".join(texts)
            kept = text.rstrip()
            last_span = spans[-1]
            spans = [span for span in spans if span.start < len(kept)]
            if kept:
                yield window(kept, last=False)
            space = text[len(kept) :]
            parted = bool(kept) and not space.strip(_CONTROLS)
            if len(space) >= WINDOW_CHARS:  # a desert: nothing on both sides of it belongs together
                yield Window("", start + len(kept), line + line_ends(kept), [], last=True)
                kept, space = text, ""
            start += len(kept)
            line += line_ends(kept)
            texts, length = [space], len(space)
            spans = [_continued(last_span)] if space else []
    yield window("".join(texts), last=True)


def _span(start: int, block: Block) -> Span:
    return Span(start, block.kind, block.heading, block.page, block.joined, block.position)


def _continued(span: Span) -> Span:
    """The block whose closing white space opens the next window."""
    return replace(span, start=0, joined=True)


def line_ends(text: str) -> int:
    r"""How many lines end in `text`, by ``\n``, ``\r\n`` or ``\r``, as editors count them."""
    return text.count("\n") + text.count("\r") - text.count("\r\n")
