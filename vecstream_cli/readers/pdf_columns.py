"""Columns whose lines a PDF gives row by row, across the gutter, are read one after the other.

Most PDFs give a page's text in the order it is read; this finds those that do not. Pure geometry,
in the page's own units, y upwards.
"""

from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

_LEAST_ROWS = 8  # rows across the gutter, in which both columns have a line
_SWITCHES = 0.6  # of the rows: how often the text jumps from left to right
_FULL = 0.6  # of a column's width: what most of its lines fill, as a table's cells do not
_GUTTER = (0.3, 0.7)  # where on the page's width it may be
_MOST_ACROSS = 0.1  # of the runs: titles and figures cross the gutter
_STEP = 2.0  # points
_MOST_STEPS = 400
_LEAST_GUTTER = 6.0  # points
_MOST_RUNS = 5_000
_MOST_GUTTERS = 2  # one within what another parts: three columns, or four


class Box(NamedTuple):
    """A rectangle on a page: a run of text, or a region."""

    left: float
    bottom: float
    right: float
    top: float

    @property
    def middle(self) -> float:
        """Its height on the page."""
        return (self.bottom + self.top) / 2


def reading_order(
    runs: Sequence[Box], page: Box, is_empty: Callable[[Box], bool]
) -> list[Box] | None:
    """The page's regions in the order they are read; None: the text is in that order as it is.

    `runs` are the page's runs of text in the order that the PDF has them. A run may reach over a
    gutter and have nothing in it: `is_empty` is asked, of a few boxes.
    """
    if _switches(runs, (page.left + page.right) / 2) < _SWITCHES * _LEAST_ROWS:
        return None  # as on most pages
    regions = _regions(runs, page, is_empty, _MOST_GUTTERS)
    return None if len(regions) == 1 else regions


def _regions(
    runs: Sequence[Box], page: Box, is_empty: Callable[[Box], bool], gutters: int
) -> list[Box]:
    if not gutters or not 2 * _LEAST_ROWS <= len(runs) <= _MOST_RUNS:
        return [page]
    gutter = _gutter(runs, page)
    if gutter is None:
        return [page]
    across = [
        run
        for run in runs
        if run.left < gutter.left
        and run.right > gutter.right
        and not is_empty(Box(gutter.left, run.bottom, gutter.right, run.top))
    ]
    beside = [run for run in runs if run.right <= gutter.right or run.left >= gutter.left]
    # What crosses the gutter stands above the columns or below them.
    centre = _centre(beside)
    top = min((run.bottom for run in across if run.middle > centre), default=page.top)
    bottom = max((run.top for run in across if run.middle <= centre), default=page.bottom)
    inside = [run for run in beside if bottom <= run.middle <= top]
    if not _interleaved(inside, gutter):
        return [page]
    middle = (gutter.left + gutter.right) / 2
    left = [run for run in inside if run.left < middle]
    right = [run for run in inside if run.left >= middle]
    regions = [
        Box(page.left, top, page.right, page.top),
        *_regions(left, Box(page.left, bottom, middle, top), is_empty, gutters - 1),
        *_regions(right, Box(middle, bottom, page.right, top), is_empty, gutters - 1),
        Box(page.left, page.bottom, page.right, bottom),
    ]
    return [region for region in regions if region.top - region.bottom > 1]


def _centre(runs: Sequence[Box]) -> float:
    heights = sorted(run.middle for run in runs)
    return heights[len(heights) // 2] if heights else 0.0


def _gutter(runs: Sequence[Box], page: Box) -> Box | None:
    """The widest upright stripe near the middle that the fewest runs cross, if those are few."""
    width = page.right - page.left
    step = max(_STEP, width / _MOST_STEPS)
    steps = int(width / step)
    if steps < 2:
        return None
    changes = [0] * (steps + 1)
    for run in runs:
        first = min(max(0, int((run.left - page.left) / step)), steps)
        changes[first] += 1
        changes[min(max(first, int((run.right - page.left) / step)), steps - 1) + 1] -= 1
    crossed = list(accumulate(changes))
    inner = range(int(_GUTTER[0] * steps), int(_GUTTER[1] * steps))
    fewest = min((crossed[at] for at in inner), default=len(runs))
    if fewest > _MOST_ACROSS * len(runs):
        return None
    best, start = (0, 0), inner.start
    for at in inner:
        if crossed[at] != fewest:
            start = at + 1
        best = max(best, (at + 1 - start, -start))
    if best[0] * step < _LEAST_GUTTER:
        return None
    left = page.left - best[1] * step
    return Box(left, page.bottom, left + best[0] * step, page.top)


def _interleaved(runs: Sequence[Box], gutter: Box) -> bool:
    """The text jumps from column to column in most rows, and the columns are full of text."""
    middle = (gutter.left + gutter.right) / 2
    left = _rows([run for run in runs if run.left < middle])
    right = _rows([run for run in runs if run.left >= middle])
    rows = min(len(left), len(right))
    if rows < _LEAST_ROWS or _switches(runs, middle) < _SWITCHES * rows:
        return False
    most = max(row.right for row in right)
    return _is_full(left, 0, gutter.left) and _is_full(right, gutter.right, most)


def _switches(runs: Sequence[Box], middle: float) -> int:
    """How often the text jumps from the right back to the left, or the other way, by halves."""
    sides = [run.left >= middle for run in runs]
    return sum(before is not after for before, after in pairwise(sides)) // 2


def _rows(runs: Sequence[Box]) -> list[Box]:
    """The runs of one column, those on one line as one."""
    rows: list[Box] = []
    for run in sorted(runs, key=lambda each: -each.middle):
        last = rows[-1] if rows else None
        if last is not None and last.bottom <= run.middle <= last.top:
            left, right = min(last.left, run.left), max(last.right, run.right)
            rows[-1] = Box(left, last.bottom, right, last.top)
        else:
            rows.append(run)
    return rows


def _is_full(rows: Sequence[Box], left: float, right: float) -> bool:
    """Most lines fill the column between these, as running text does and a table's cells do not."""
    left = max(left, min(row.left for row in rows))
    widths = sorted(min(row.right, right) - row.left for row in rows)
    return bool(widths[len(widths) // 2] >= _FULL * (right - left) > 0)
