"""An even sample of a stream whose length is known, without holding it."""

import random


def sample_size(share: float, total: int) -> int:
    """How many rows a share of `total` is: at least one, where there is any."""
    return min(total, max(1, round(share * total)))


class Sample:
    """Picks exactly `size` of `total`, each with the same chance (Knuth's selection sampling)."""

    def __init__(self, size: int, total: int, seed: int) -> None:
        self._needed = size
        self._left = total
        self._random = random.Random(seed)

    def picks(self) -> bool:
        """Whether the next one of the stream is in the sample."""
        picked = self._left > 0 and self._random.random() * self._left < self._needed
        self._left -= 1
        self._needed -= picked
        return picked
