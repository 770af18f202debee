"""Signals as events of the supervisor's loop: remembered, and a descriptor that wakes it."""

import os
import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

_WATCHED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class SignalWatch:
    """While entered, SIGINT, SIGTERM and SIGHUP end the run in an orderly way.

    A signal that the user has set to be ignored (`nohup`) stays ignored. Outside the main thread,
    where Python lets nobody install handlers, nothing is watched.
    """

    def __init__(self) -> None:
        self.received: list[int] = []
        self._before: dict[int, Any] = {}
        self._reader, self._writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in _WATCHED:
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self._reader)
        os.close(self._writer)

    def fileno(self) -> int:
        """Readable when a signal has come."""
        return self._reader

    def clear(self) -> None:
        """Make the descriptor unreadable again."""
        try:
            os.read(self._reader, 64)
        except BlockingIOError:
            return

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.received.append(number)
        try:
            os.write(self._writer, b"!")
        except BlockingIOError:
            return  # it is readable already
