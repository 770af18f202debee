"""When a Lance table has too many pieces: a decision on plain numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self

MANY_FRAGMENTS = 64
MANY_FRAGMENTS_OF_A_LARGE_TABLE = 256
FEW_FRAGMENTS = 8  # are left to be: a run that changed one document rewrites no other
CHEAP_ROWS = 50_000  # reading or rewriting these takes a fraction of a second
FEW_ROWS_BESIDE = 50_000  # an index: whoever looks something up reads them in milliseconds

# What an open reader can count on. 0 would break it, and LanceDB keeps whole copies till then.
VERSION_LIFETIME = timedelta(hours=1)
VERSION_LIFETIME_OF_A_SMALL_TABLE = timedelta(minutes=1)


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

    @property
    def cheap(self) -> bool:
        """Whether reading all of it, or writing it again, takes next to no time."""
        return self.stored_rows <= CHEAP_ROWS

    @property
    def wasteful(self) -> bool:
        """Whether more than a tenth of it was deleted."""
        return self.stored_rows - self.rows > self.stored_rows // 10

    @property
    def version_lifetime(self) -> timedelta:
        """How long an older version is kept for those who read it."""
        return VERSION_LIFETIME_OF_A_SMALL_TABLE if self.cheap else VERSION_LIFETIME


def compaction_due(layout: Layout, *, final: bool) -> bool:
    """Whether to compact now, which rewrites neighbours until they have a million rows each.

    256 pieces are read as fast as one, so a table that takes seconds to rewrite waits for them,
    at the end of a run as well: with batches of 4,096 rows they are a million, and no row of a
    growing table is rewritten twice. A small table is kept in few, and much that was deleted
    makes way at the end.
    """
    if final and (layout.wasteful or (layout.cheap and layout.fragments > FEW_FRAGMENTS)):
        return True
    return layout.small >= (MANY_FRAGMENTS if layout.cheap else MANY_FRAGMENTS_OF_A_LARGE_TABLE)


def lookup_due(rows: int, beside: int) -> bool:
    """Whether the end of a run makes the index by document anew, which `beside` rows are not in.

    Whoever looks for a document reads that column of those, 0.15 s for a million; the index takes
    a second for each million of all rows.
    """
    return beside > max(FEW_ROWS_BESIDE, rows // 50)
