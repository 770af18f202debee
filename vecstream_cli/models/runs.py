"""Sequences laid end to end without padding, and the runs of equal length among them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import torch


@dataclass(frozen=True, slots=True)
class Run:
    """`count` neighbouring sequences of `length` tokens, from row `start` of the packed tokens."""

    start: int
    count: int
    length: int

    def of(self, packed: torch.Tensor) -> torch.Tensor:
        """The run's part of packed rows [tokens, width] as [count, length, width]; a view."""
        rows = packed[self.start : self.start + self.count * self.length]
        return rows.view(self.count, self.length, -1)


def runs_of(lengths: Sequence[int]) -> list[Run]:
    """The runs of neighbours of equal length; few where the lengths are sorted."""
    runs: list[Run] = []
    start = 0
    for length, group in groupby(lengths):
        count = sum(1 for _ in group)
        runs.append(Run(start, count, length))
        start += count * length
    return runs
