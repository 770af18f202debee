"""A clock that stands still while its process is kept from a core, as a parser at nice 19 is."""

import os
import time

_WAITED = "/proc/self/schedstat"  # "ran waited slices", nanoseconds of the main thread


class WorkClock:
    """The monotonic clock less the time in the run queue; it never goes back.

    Where the kernel does not tell that time, it is the monotonic clock.
    """

    def __init__(self) -> None:
        self._latest = 0
        try:
            self._fd = os.open(_WAITED, os.O_RDONLY | os.O_CLOEXEC)
            self._waited()
        except (OSError, ValueError, IndexError):
            self._fd = -1

    def now(self) -> int:
        """Nanoseconds."""
        # A wait between the two readings would take it back.
        now = time.monotonic_ns() - (self._waited() if self._fd >= 0 else 0)
        self._latest = max(self._latest, now)
        return self._latest

    def _waited(self) -> int:
        return int(os.pread(self._fd, 64, 0).split()[1])
