"""What it costs to cut a text before each of its units: little before a heading, much in a word."""

import re
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from vecstream_cli.core.tokens import Indexes
from vecstream_cli.core.windows import Span

Costs = npt.NDArray[np.float32]

# In units of one more chunk. Chosen on long texts with marked spans (scripts/chunkeval.py).
HEADING = -0.4
PARAGRAPH = 0.0
LINE = 0.2
SENTENCE = 0.3
CLAUSE = 1.2
WORD = 2.5
UNDER_HEADING = 4.0
INSIDE_WORD = 8.0


def cut_costs(text: str, spans: Sequence[Span], chars: Indexes) -> Costs:
    """The cost of a cut before each unit of `text`; unit ``u`` starts at ``chars[u]``.

    A cut is priced where the visible text before it ends, so that it does not matter on which
    side of a run of white space it falls.
    """
    costs = np.full(len(chars), WORD, np.float32)
    for positions, cost in _cuts(text, spans):
        if positions:
            wanted = np.array(positions, np.int64)
            units = np.searchsorted(chars, wanted)
            costs[units[chars[units] == wanted]] = cost
    return costs


def _cuts(text: str, spans: Sequence[Span]) -> Iterable[tuple[list[int], float]]:
    """Positions and what a cut there costs, the ones that overrule others last."""
    yield [match.end() for match in _CLAUSE.finditer(text)], CLAUSE
    sentences: list[int] = []
    lines: list[int] = []
    paragraphs: list[int] = []
    for match in _SENTENCE.finditer(text):
        sentences.append(match.end())
    wrapped: list[int] = []
    for match in _NEWLINE.finditer(text):
        start = match.start()
        if match.group().count("\n") > 1:
            paragraphs.append(start)
        elif text[start - 1 : start] in _ENDS or _ITEM.match(text, match.end()):
            lines.append(start)
        else:
            wrapped.append(start)
    yield wrapped, 0.6
    yield sentences, SENTENCE
    yield lines, LINE
    yield paragraphs, PARAGRAPH
    yield [_visible_end(text, s.start) for s in spans if not s.joined], PARAGRAPH


_CLAUSE = re.compile(r"[,;:)\]–—](?=\s)")
_SENTENCE = re.compile(r"[.!?…]+[\"'”’»)\]*_`]*(?=\s)|[。！？]+[」』”’）]*")
_NEWLINE = re.compile(r"[^\S\n]*\n\s*")
_ITEM = re.compile(r"(?:[-*+•#|>]|\d+[.)])")
_ENDS = frozenset(".!?:;。！？")


def _visible_end(text: str, end: int) -> int:
    while end > 0 and text[end - 1].isspace():
        end -= 1
    return end
