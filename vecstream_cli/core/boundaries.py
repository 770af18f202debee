"""What it costs to cut a text before each of its units: nothing at a paragraph, much in a word."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from vecstream_cli.core.blocks import BlockKind
from vecstream_cli.core.tokens import Indexes
from vecstream_cli.core.windows import Span

Costs = npt.NDArray[np.float32]

# A chunk costs 1, so a cut that costs 0.5 is worth making where it wins 50% more tokens than a
# free one; less than 0 invites a cut. Chosen on texts with marked spans (scripts/chunkeval.py).
HEADING = -0.5
HEADING_DEPTH = 0.05  # a level further down, up to 4
PARAGRAPH = -0.2
LINE = 0.2
SENTENCE = 0.5
WRAPPED = 1.2
CLAUSE = 2.0
WORD = 3.5
UNDER_HEADING = 6.0
INSIDE_WORD = 8.0


def cut_costs(text: str, spans: Sequence[Span], chars: Indexes) -> Costs:
    """The cost of a cut before each unit of `text`; unit ``u`` starts at ``chars[u]``.

    A cut is priced where the visible text before it ends, so that it does not matter on which
    side of a run of white space it falls.
    """
    costs = _word_costs(text, chars)
    for cost, positions in (*_marks(text), *_lines(text, spans), *_blocks(text, spans)):
        if positions:
            wanted = np.array(positions, np.int64)
            units = chars.searchsorted(wanted)
            costs[units[chars[units] == wanted]] = cost
    return costs


# Each expression opens with a set or a letter, which `re` finds many times faster than a choice.
_CLAUSE = re.compile(r"[,;:)\]，；：、](?:(?=\s)|(?<=[，；：、]))")
# Not behind an initial or a common abbreviation; before white space, or its escape in a JSON
# string or a program's. Chinese and Japanese marks need no space behind them.
_SENTENCE = re.compile(
    r"[.!?…。！？](?<![.!?…。！？]{2})[.!?…。！？]*+(?:(?<=[。！？])[」』”’）]*+"
    r"|(?<!\b[A-Za-z]\.)(?<!\bal\.)(?<!\b[DM]r\.)(?<!\bM[rs]s\.)(?<!\b[Vv]s\.)(?<!\bcf\.)"
    r"(?<!\b[Ff]ig\.)(?<!\b[Ii]nc\.)(?<!\b[Ll]td\.)[\"'”’»)\]*_`]*+(?=\s|\\n))"
)
_NEWLINE = re.compile(r"\n\s*")
_ESCAPED_NEWLINES = re.compile(r"\\n(?:\\n)*")
_ITEM = re.compile(r"[-*+•|>#]|\w{1,3}[.)]\s")
_ENDS = frozenset(".!?:;。！？")
_LINED = frozenset({BlockKind.LIST, BlockKind.CODE, BlockKind.TABLE})
_IS_SPACE = np.array([chr(code).isspace() for code in range(0x3002)])


def _word_costs(text: str, chars: Indexes) -> Costs:
    """The cost of a cut with white space on either side of it, and of one with none."""
    codes = np.frombuffer(f" {text} ".encode("utf-32-le", "surrogatepass"), np.uint32)
    space = _IS_SPACE[np.minimum(codes, len(_IS_SPACE) - 1)]
    return np.where(space[chars] | space[chars + 1], WORD, INSIDE_WORD).astype(np.float32)


def _marks(text: str) -> Iterator[tuple[float, list[int]]]:
    """Cuts at punctuation; what comes later, here and below, overrules what came before."""
    yield CLAUSE, [match.end() for match in _CLAUSE.finditer(text)]
    yield SENTENCE, [match.end() for match in _SENTENCE.finditer(text)]


def _lines(text: str, spans: Sequence[Span]) -> Iterator[tuple[float, list[int]]]:
    """Cuts at line ends: a line may be an item, or only as long as the page was wide."""
    wrapped: list[int] = []
    lines: list[int] = []
    paragraphs: list[int] = []
    for match in _NEWLINE.finditer(text):
        gap = match.group()
        start = _visible_end(text, match.start())
        if len(gap) > 1 and gap.count("\n") > 1:
            paragraphs.append(start)
        elif text[start - 1 : start] in _ENDS or _ITEM.match(text, match.end()):
            lines.append(start)
        else:
            wrapped.append(start)
    for span, following in zip(spans, (*spans[1:], None), strict=True):
        if span.kind in _LINED:
            first = bisect_left(wrapped, span.start)
            end = bisect_left(wrapped, following.start if following else len(text))
            lines.extend(wrapped[first:end])
            del wrapped[first:end]
    yield WRAPPED, wrapped
    yield LINE, lines
    yield PARAGRAPH, paragraphs
    if "\\n" in text:
        escaped = list(_ESCAPED_NEWLINES.finditer(text))
        yield LINE, [match.start() for match in escaped if len(match.group()) == 2]
        yield PARAGRAPH, [match.start() for match in escaped if len(match.group()) > 2]


def _blocks(text: str, spans: Sequence[Span]) -> Iterable[tuple[float, list[int]]]:
    """Cuts between blocks: welcome before a heading, unwelcome between it and its text."""
    cuts: dict[float, list[int]] = {}
    before: BlockKind | None = None
    ends: list[int] = []
    for span, previous in zip(spans, (None, *spans), strict=False):
        floor = previous.start if previous else 0
        end = _visible_end(text, span.start, floor)
        ends.append(ends[-1] if previous and end == floor else end)
    for span, end, next_end in zip(spans, ends, (*ends[1:], None), strict=True):
        if end == next_end:
            continue  # nothing to see in this block
        if not span.joined:
            if before is BlockKind.HEADING:
                cost = UNDER_HEADING
            elif span.kind is BlockKind.HEADING:
                cost = HEADING + HEADING_DEPTH * min(len(span.heading), 5)
            else:
                cost = PARAGRAPH
            cuts.setdefault(cost, []).append(end)
        before = span.kind
    return cuts.items()


def _visible_end(text: str, end: int, floor: int = 0) -> int:
    while end > floor and text[end - 1].isspace():
        end -= 1
    return end
