"""When a run may work: until its time is over, and while the machine has little else to do."""

import os
import time

from vecstream_cli.pipeline.events import Listener, Notice, Summary

MAX_DURATION = "max-duration"  # `Summary.stopped`, and the notice's reason

# Neither set back by anybody nor stopped while the machine sleeps.
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
LOAD_SECONDS = 5.0  # the kernel makes a new average that often


def now() -> float:
    """Seconds on the clock that windows are measured by."""
    return time.clock_gettime(_CLOCK)


def load() -> float:
    """The machine's load of the last minute, as `uptime` shows it; our own part is in it."""
    return os.getloadavg()[0]


class Window:
    """The time a run may take from its making on, and the load above which it begins nothing.

    None: no limit.
    """

    def __init__(self, max_duration: float | None = None, max_load: float | None = None) -> None:
        self._max_load = max_load
        self._ends = None if max_duration is None else now() + max_duration
        self._looked = float("-inf")
        self._busy = self._told = False

    @property
    def left(self) -> float:
        """Seconds until it closes; infinite where it never does."""
        return float("inf") if self._ends is None else max(0.0, self._ends - now())

    @property
    def closed(self) -> bool:
        """The run's time is over."""
        return self._ends is not None and self.left == 0.0

    @property
    def waiting_for(self) -> str | None:
        """What holds new documents back, in words; None where nothing does."""
        return f"waiting for the load to fall to {self._max_load:g}" if self._busy else None

    def stop(self, summary: Summary, listener: Listener) -> None:
        """Say that the run ends because its time is over."""
        summary.stopped = MAX_DURATION
        listener(
            Notice(
                None,
                MAX_DURATION,
                "The time for this run is over; the next one goes on where it stopped.",
            )
        )

    def may_begin(self, listener: Listener) -> bool:
        """Whether the load lets another document begin; the first time it does not is told."""
        if self._max_load is None:
            return True
        if now() - self._looked >= LOAD_SECONDS:
            self._looked = now()
            found = load()
            self._busy = found > self._max_load
            if self._busy and not self._told:
                self._told = True
                listener(
                    Notice(
                        None,
                        "max-load",
                        f"The machine's load is {found:.2f}: no document is begun while it is "
                        f"above {self._max_load:g}.",
                    )
                )
        return not self._busy
