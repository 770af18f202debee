"""When a Lance table has too many pieces: a decision on plain numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

MANY_FRAGMENTS = 64
MANY_FRAGMENTS_OF_A_LARGE_TABLE = 256
CHEAP_ROWS = 50_000  # rewriting these takes a fraction of a second


@dataclass(frozen=True, slots=True)
class Layout:
    """How a table lies on disk. A fragment is what one write leaves; deleted rows stay in it.

    `small` counts the fragments under 100,000 rows.
    """

    rows: int
    stored_rows: int
    fragments: int
    small: int

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
        )


def compaction_due(layout: Layout, *, final: bool) -> bool:
    """Whether to compact now, which rewrites neighbours until they have a million rows each.

    256 pieces are read as fast as one, so a table that takes seconds to rewrite waits for them,
    at the end of a run as well: with batches of 4,096 rows they are a million, and no row of a
    growing table is rewritten twice. A small table is kept tidy, and much that was deleted makes
    way at the end.
    """
    cheap = layout.stored_rows <= CHEAP_ROWS
    if final and cheap:
        return layout.fragments > 1
    if final and layout.stored_rows - layout.rows > layout.stored_rows // 10:
        return True
    return layout.small >= (MANY_FRAGMENTS if cheap else MANY_FRAGMENTS_OF_A_LARGE_TABLE)
