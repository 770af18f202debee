"""How busy each stage is, read from the control page: what limits a run, in figures."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from vecstream_cli.pipeline.arena import BEGAN_NS, BUSY_NS, ENDED_NS, TOKENS, Arena
from vecstream_cli.pipeline.events import Stage, Summary

_LIMITING = 0.9  # who works so much of the time is what the others wait for


@dataclass(frozen=True, slots=True)
class Shares:
    """Of a stretch of time, the share that each stage worked, from 0 to 1.

    Of a pool, the mean of those that ever had work.
    """

    parse: float = 0.0
    embed: float = 0.0
    write: float = 0.0


@dataclass(frozen=True, slots=True)
class _Reading:
    """Nanoseconds: of the clock, and of each stage's work; and how many shared that work."""

    now: int = 0
    busy: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(3))
    workers: npt.NDArray[np.float64] = field(default_factory=lambda: np.ones(3))


class Busy:
    """Looks at the control page; `look` costs microseconds and may be called at any time."""

    def __init__(
        self, arena: Arena, *, parsers: Sequence[int], inferences: Sequence[int], writer: int
    ) -> None:
        """The rows of the control page that each stage's processes use."""
        self._control = arena.control
        self._rows = (list(parsers), list(inferences), [writer])
        self._began: _Reading | None = None
        self._latest = self._told = self._ended = _Reading()
        self._batch = 0

    def look(self, now: int) -> None:
        """Take a reading at `now` of the monotonic clock, in nanoseconds."""
        busy = [self._control[rows, BUSY_NS] for rows in self._rows]
        self._latest = _Reading(
            now,
            np.array([float(each.sum()) for each in busy]),
            np.array([max(1.0, np.count_nonzero(each)) for each in busy]),
        )
        batch = int(self._control[self._rows[1], ENDED_NS].max())
        if self._began is None and self._first_batch() is not None:
            self._began = self._latest
        if batch != self._batch:
            self._batch, self._ended = batch, self._latest

    @property
    def tokens(self) -> int:
        """Embedded so far, also of slots that are not complete yet."""
        return int(self._control[self._rows[1], TOKENS].sum())

    def since_last_told(self) -> Shares:
        """The shares between the latest reading and that of the call before."""
        shares = _shares(self._told, self._latest)
        self._told = self._latest
        return shares

    def tell(self, summary: Summary, started: float) -> None:
        """Fill in a summary that counts its seconds from `started`; a no-op before a batch."""
        first, last = self._first_batch(), int(self._control[self._rows[1], ENDED_NS].max())
        if first is None or self._began is None or last <= first:
            return
        summary.first_batch_seconds = first / 1e9 - started
        summary.embed_seconds = (last - first) / 1e9
        embed = float(self._control[self._rows[1], BUSY_NS].mean()) / (last - first)
        shares = _shares(self._began, self._ended)
        summary.inference_busy = min(1.0, embed)
        summary.parsers_busy, summary.writer_busy = shares.parse, shares.write
        summary.limited_by = limiting(Shares(shares.parse, embed, shares.write)).value

    def _first_batch(self) -> int | None:
        began = self._control[self._rows[1], BEGAN_NS]
        return int(began[began > 0].min()) if began.any() else None


def limiting(shares: Shares) -> Stage:
    """The stage that the others waited for.

    Parsers give way to inference, so they may be under way all the time while it is never idle.
    """
    if shares.embed >= max(_LIMITING, shares.write):
        return Stage.EMBED
    by_share = {Stage.EMBED: shares.embed, Stage.WRITE: shares.write, Stage.PARSE: shares.parse}
    return max(by_share, key=lambda stage: by_share[stage])


def _shares(earlier: _Reading, later: _Reading) -> Shares:
    passed = later.now - earlier.now
    if passed <= 0:
        return Shares()
    shares = (later.busy - earlier.busy) / later.workers / passed
    return Shares(*(min(1.0, float(share)) for share in shares))
