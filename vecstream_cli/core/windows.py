"""Blocks to windows: runs of text long enough to be worth a call, short enough to hold."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from vecstream_cli.core.blocks import Block, BlockKind

WINDOW_CHARS = 32_768


@dataclass(frozen=True, slots=True)
class Span:
    """A block of a window: its start in the window's text, and all of it but the text."""

    start: int
    kind: BlockKind
    heading: tuple[str, ...]
    page: int | None
    joined: bool


@dataclass(frozen=True, slots=True)
class Window:
    """Text that starts at character `start` of the document.

    A window ends before white space, which opens the next one, so that no tokenizer sees across
    the joint; `parted` is set where the text had none to end at. `last` means that nothing may
    share a chunk with what comes after it: the document ends, or a skipped block follows.
    """

    text: str
    start: int
    spans: list[Span]
    parted: bool = False
    last: bool = False


def windows(blocks: Iterable[Block], progress: Callable[[], None]) -> Iterator[Window]:
    """The text of `blocks` in windows; `progress` is called once a block."""
    texts: list[str] = []
    spans: list[Span] = []
    start = length = 0
    parted = False

    def window(text: str, last: bool) -> Window:
        return Window(text, start, spans, parted=parted, last=last)

    for block in blocks:
        progress()
        if block.kind is BlockKind.SKIPPED:
            yield window("".join(texts), last=True)
            start += length + len(block.text)
            texts, spans, length, parted = [], [], 0, False
            continue
        spans.append(Span(length, block.kind, block.heading, block.page, block.joined))
        texts.append(block.text)
        length += len(block.text)
        if length >= WINDOW_CHARS:
            text = "".join(texts)
            kept = text.rstrip()
            if kept:
                yield window(kept, last=False)
            space = text[len(kept) :]
            parted = bool(kept) and not space
            if len(space) >= WINDOW_CHARS:  # a desert: nothing on both sides of it belongs together
                yield Window("", start + len(kept), [], last=True)
                kept, space = text, ""
            start += len(kept)
            last_span = spans[-1]
            texts, length = [space], len(space)
            spans = [_continued(last_span)] if space else []
    yield window("".join(texts), last=True)


def _continued(span: Span) -> Span:
    """The block whose closing white space opens the next window."""
    return Span(0, span.kind, span.heading, span.page, joined=True)
