"""Blocks to chunks: text cut where it hurts least, with the very ids the model will get."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from vecstream_cli.core.blocks import Block
from vecstream_cli.core.boundaries import cut_costs
from vecstream_cli.core.chunk_size import max_chunk_chars
from vecstream_cli.core.places import Place, Places
from vecstream_cli.core.stretch import Stretch
from vecstream_cli.core.tokens import Ids, TokenizerProtocol
from vecstream_cli.core.windows import Window, line_ends, windows

_LOOKAHEAD = 3  # chunks' worth of text that must be there before a cut is chosen


@dataclass(frozen=True, slots=True)
class Chunk:
    """``document_text[char_start:char_end] == text``; `ids` are the model's whole input.

    `place` says on which page it starts, which headings all of it stands under, and more.
    `lines` are those it starts and ends on, from 1.
    """

    text: str
    ids: Ids
    char_start: int
    char_end: int
    place: Place
    lines: tuple[int, int]


_Piece = tuple[str, Ids, int]


class Chunker:
    """Cuts documents into chunks; keeps nothing of a document but counters.

    `made` and `retokenized` count the chunks made, and those whose ids could not be taken from
    the text's own, so that the chunk was tokenized again.
    """

    def __init__(self, tokenizer: TokenizerProtocol, size: int, overlap: int = 0) -> None:
        """ValueError where `size` leaves no room for text besides what every input carries."""
        budget = size - tokenizer.overhead
        if budget < 4 or not 0 <= overlap < size:
            raise ValueError(
                f"chunks of {size} tokens with an overlap of {overlap} leave no room for text: "
                f"special tokens and prompt take {tokenizer.overhead} tokens"
            )
        self.made = 0
        self.retokenized = 0
        self._tokenizer = tokenizer
        self._size = size
        self._overlap = min(overlap, budget // 2)
        self._budget = budget
        self._max_chars = max_chunk_chars(size)

    def chunks(
        self, blocks: Iterable[Block], progress: Callable[[], None] = lambda: None
    ) -> Iterator[Chunk]:
        """The chunks of a document, in order, while a few windows of its text are held."""
        stretch, places = Stretch(), Places()
        done = 0
        for window in windows(blocks, progress):
            if window.text:
                self._append(window, stretch)
                places.add(window)
            start = stretch.visible(0)
            while max(start, done) < len(stretch) and (
                window.last or self._sees_ahead(stretch, start)
            ):
                pieces, end = self._cut(stretch, start, done, last=window.last)
                for text, ids, at in pieces:
                    self.made += 1
                    end_at = at + len(text)
                    line = stretch.line_at(at)
                    lines = line, line + line_ends(text)
                    yield Chunk(text, ids, at, end_at, places.of(at, end_at), lines)
                done = end
                start = stretch.visible(stretch.overlap_start(start, end, self._overlap))
            if window.last:
                start = done = len(stretch)
            stretch.drop(start)
            places.forget(stretch.base)
            done = max(0, done - start)

    def _append(self, window: Window, stretch: Stretch) -> None:
        tokens = self._tokenizer.encode(window.text, max(1, self._budget // 2))
        costs = cut_costs(window.text, window.spans, tokens.chars)
        if not len(stretch):
            stretch.base, stretch.line = window.start, window.line
        stretch.append(window.text, tokens, costs, parted=window.parted)

    def _sees_ahead(self, stretch: Stretch, start: int) -> bool:
        return stretch.has_more_than(start, _LOOKAHEAD * self._budget, _LOOKAHEAD * self._max_chars)

    def _cut(
        self, stretch: Stretch, start: int, done: int, *, last: bool
    ) -> tuple[list[_Piece], int]:
        """The chunk that starts at `start`, and where it ends: after `done`, at the best cut.

        An earlier cut is taken where tokenizing the chunk again makes it too long. No chunk is
        made of text that has no tokens.
        """
        budget = self._budget
        while True:
            end = stretch.best_cut(start, done, budget, self._max_chars, last=last)
            text, at = stretch.stripped(start, end)
            ids = self._sliced(stretch, start, text, at)
            again = ids is None
            if ids is None:
                ids = self._tokenizer.exact_ids(text)
            if len(ids) <= self._size:
                self.retokenized += again
                empty = len(ids) == self._tokenizer.overhead
                return [] if empty else [(text, ids, stretch.base + at)], end
            if end - start == 1:
                return list(self._halved(text, stretch.base + at)), end
            if end > max(start, done) + 1:
                won = stretch.tokens_between(start, end)
                budget = min(won, budget) - max(1, len(ids) - self._size)
            else:
                start, budget = max(start, done), self._budget

    def _sliced(self, stretch: Stretch, start: int, text: str, at: int) -> Ids | None:
        """The model's input for `text`, cut from ids at hand; None: not to be trusted."""
        stop = stretch.unit_after(at + len(text))
        if not self._tokenizer.sliceable or stretch.has_doubt(start, stop):
            return None
        if not self._tokenizer.opens_differently:
            return self._tokenizer.model_input(stretch.ids_between(start, stop))
        opening = self._tokenizer.opening(text[: int(stretch.chars[start + 1]) - at])
        rest = stretch.ids_between(start + 1, stop)
        return self._tokenizer.model_input(np.concatenate((opening, rest)))

    def _halved(self, text: str, at: int) -> Iterator[_Piece]:
        """One unit that is longer alone than it was in the text, in parts that fit."""
        ids = self._tokenizer.exact_ids(text)
        if len(ids) > self._size and len(text) > 1:
            middle = len(text) // 2
            yield from self._halved(text[:middle], at)
            yield from self._halved(text[middle:], at + middle)
        else:  # a single character may be longer still: the model reads its beginning
            self.retokenized += 1
            yield text, np.concatenate((ids[: self._size - 1], ids[-1:]))[: len(ids)], at
