"""Text that waits to be cut into chunks: its units, what each cut would cost, and the best one."""

import re

import numpy as np

from vecstream_cli.core.boundaries import INSIDE_WORD, PARAGRAPH, Costs
from vecstream_cli.core.tokens import Ids, Indexes, Tokens
from vecstream_cli.core.windows import line_ends

_VISIBLE = re.compile(r"\S")


class Stretch:
    """A run of document text as units; unit ``u`` is ``text[chars[u]:chars[u + 1]]``.

    It grows at its end by whole windows and shrinks at its start by whole chunks. `base` is the
    document's offset of its first character, `line` that character's line; `costs` and the other
    arrays are as in `Tokens`.
    """

    __slots__ = ("base", "chars", "costs", "doubtful", "ids", "line", "severed", "text", "tokens")

    def __init__(self, base: int = 0, line: int = 1) -> None:
        self.base = base
        self.line = line
        self.text = ""
        self.ids: Ids = np.zeros(0, np.int32)
        self.chars: Indexes = np.zeros(1, np.int64)
        self.tokens: Indexes = np.zeros(1, np.int64)
        self.costs: Costs = np.zeros(1, np.float32)
        self.doubtful: Indexes = np.zeros(0, np.int64)
        self.severed: Indexes = np.zeros(0, np.int64)

    def __len__(self) -> int:
        return len(self.chars) - 1

    def append(self, text: str, more: Tokens, costs: Costs, *, parted: bool) -> None:
        """Put `text` behind; `parted`: no white space stands at the joint."""
        joint = len(self)
        doubtful, severed = more.doubtful + joint, more.severed + joint
        if parted and joint and len(more.ids):
            within_long_word = joint - 1 in self.severed or joint + 1 in severed
            if within_long_word:
                severed = np.concatenate(([joint], severed))
            else:
                doubtful = np.union1d([joint], doubtful)
        self.costs = np.concatenate((self.costs[:-1], costs))
        self.chars = np.concatenate((self.chars[:-1], more.chars + len(self.text)))
        self.tokens = np.concatenate((self.tokens[:-1], more.tokens + len(self.ids)))
        self.ids = np.concatenate((self.ids, more.ids))
        self.doubtful = np.concatenate((self.doubtful, doubtful))
        self.severed = np.concatenate((self.severed, severed))
        self.text += text

    def drop(self, units: int) -> None:
        """Forget the first `units` units."""
        if not units:
            return
        chars, tokens = int(self.chars[units]), int(self.tokens[units])
        self.base += chars
        self.line += line_ends(self.text[:chars])
        self.text = self.text[chars:]
        self.ids = self.ids[tokens:]
        self.chars = self.chars[units:] - chars
        self.tokens = self.tokens[units:] - tokens
        self.costs = self.costs[units:]
        self.doubtful = _from(self.doubtful, units)
        self.severed = _from(self.severed, units)

    def visible(self, unit: int) -> int:
        """The first unit from `unit` on that holds anything but white space; the end: none."""
        found = _VISIBLE.search(self.text, int(self.chars[unit]))
        if found is None:
            return len(self)
        return int(self.chars.searchsorted(found.start(), "right")) - 1

    def has_more_than(self, start: int, tokens: int, chars: int) -> bool:
        """Whether more than so many tokens, or characters, follow `start`."""
        return bool(
            self.tokens[-1] - self.tokens[start] > tokens
            or self.chars[-1] - self.chars[start] > chars
        )

    def stripped(self, start: int, end: int) -> tuple[str, int]:
        """The text of units ``start:end`` without white space around it, and where it starts."""
        raw = self.text[int(self.chars[start]) : int(self.chars[end])]
        text = raw.lstrip()
        return text.rstrip(), int(self.chars[end]) - len(text)

    def line_at(self, char: int) -> int:
        """The document's line that a character stands on, by its offset in the document."""
        return self.line + line_ends(self.text[: char - self.base])

    def unit_after(self, char: int) -> int:
        """The first unit that starts at or after a character."""
        return int(self.chars.searchsorted(char))

    def ids_between(self, start: int, end: int) -> Ids:
        """The ids of units ``start:end``."""
        return self.ids[int(self.tokens[start]) : int(self.tokens[end])]

    def tokens_between(self, start: int, end: int) -> int:
        """How many ids units ``start:end`` have."""
        return int(self.tokens[end] - self.tokens[start])

    def has_doubt(self, start: int, end: int) -> bool:
        """Whether the ids of units ``start:end`` may differ from those of their text alone."""
        found = self.doubtful.searchsorted((start, end))
        return bool(found[0] < found[1])

    def best_cut(self, start: int, floor: int, budget: int, max_chars: int, *, last: bool) -> int:
        """Where a chunk from `start` should end: after `floor`, within `budget` and `max_chars`.

        The cut that costs least for each token it wins, where a chunk costs 1 by itself.
        `last`: the text ends with the stretch, so its end is as good a cut as any.
        """
        lowest = max(start, floor) + 1
        highest = min(
            int(self.tokens.searchsorted(self.tokens[start] + budget, "right")) - 1,
            int(self.chars.searchsorted(self.chars[start] + max_chars, "right")) - 1,
        )
        walls = self.severed[self.severed.searchsorted(start, "right") :]
        if len(walls) and walls[0] <= highest:
            highest = int(walls[0])
        elif last and highest >= len(self):
            return len(self)
        if highest <= lowest:
            return lowest
        won = self.tokens[lowest : highest + 1] - self.tokens[start]
        price = 1 + self.costs[lowest : highest + 1]
        if len(walls) and walls[0] == highest:
            price[-1] = 1 + PARAGRAPH
        if last:
            rest = self.tokens[-1] - self.tokens[lowest : highest + 1]
            price = np.where((rest > 0) & (rest < budget // 4), price * 1.5, price)
        ratio = price / np.maximum(won, 0.01)
        return highest - int(np.argmin(ratio[::-1]))

    def overlap_start(self, start: int, end: int, overlap: int) -> int:
        """Where the chunk after one of ``start:end`` begins to share about `overlap` tokens."""
        if not overlap or end >= len(self):
            return end
        first = int(self.tokens.searchsorted(self.tokens[end] - overlap))
        walls = self.severed[: self.severed.searchsorted(end, "right")]
        first = max(first, start + 1, int(walls[-1]) if len(walls) else 0)
        if first >= end:
            return end
        return first + int(np.argmin(self.costs[first:end] >= INSIDE_WORD))


def _from(indexes: Indexes, first: int) -> Indexes:
    return indexes[indexes.searchsorted(first) :] - first
