"""Repeating a piece of work often enough to tell its speed, and no longer than it may take."""

import time
from collections.abc import Callable

LEAST_LAPS = 3
MOST_LAPS = 9


def laps(work: Callable[[], object], seconds: float) -> list[float]:
    """How long each of 3 to 9 repetitions of `work` took; about `seconds` in all."""
    times: list[float] = []
    started = time.perf_counter()
    while len(times) < LEAST_LAPS or (
        len(times) < MOST_LAPS and time.perf_counter() - started < seconds
    ):
        began = time.perf_counter()
        work()
        times.append(max(1e-9, time.perf_counter() - began))
    return times
