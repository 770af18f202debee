"""When a Lance table has too many pieces: a decision on plain numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

MANY_FRAGMENTS = 64
TOO_MANY_FRAGMENTS = 512
FINAL_FRAGMENTS = 8
CHEAP_ROWS = 50_000  # rewriting these takes a fraction of a second


@dataclass(frozen=True, slots=True)
class Layout:
    """How a table lies on disk. A fragment is what one write leaves; deleted rows stay in it.

    `small` counts the fragments that compaction would join, `largest` the rows of the largest.
    """

    rows: int
    stored_rows: int
    fragments: int
    small: int
    largest: int

    @classmethod
    def of(cls, stats: Mapping[str, Any]) -> Self:
        """From `Table.stats()`."""
        fragments = stats["fragment_stats"]
        lengths, count = fragments["lengths"], fragments["num_fragments"]
        return cls(
            rows=stats["num_rows"],
            stored_rows=round(lengths["mean"] * count),
            fragments=count,
            small=fragments["num_small_fragments"],
            largest=lengths["max"],
        )


def compaction_due(layout: Layout, *, final: bool) -> bool:
    """Whether to compact now, which rewrites every fragment under a million rows.

    During a run the pieces must be many and, where the table is not small, together worth half
    of the largest: it grows by that factor between two compactions, so all of them cost a small
    multiple of the last. A hundred pieces of a big table wait until their number slows reading.
    At the end of a run few pieces are enough, but one changed document does not rewrite a big
    table.
    """
    if layout.fragments < 1:
        return False
    cheap = layout.stored_rows <= CHEAP_ROWS
    if final:
        wasteful = layout.stored_rows - layout.rows > layout.stored_rows // 10
        joinable = layout.small >= FINAL_FRAGMENTS
        return wasteful or joinable or (cheap and layout.fragments > 1)
    if layout.small >= TOO_MANY_FRAGMENTS:
        return True
    fresh = layout.stored_rows - layout.largest
    return layout.small >= MANY_FRAGMENTS and (cheap or 2 * fresh >= layout.largest)
