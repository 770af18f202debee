"""Ctrl-C, a closed terminal and `kill`, as one quiet exception."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from vecstream_cli.errors import Interrupted

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _Signalled(KeyboardInterrupt):
    """Passes through every `except Exception` of the libraries it is raised in."""

    def __init__(self, signum: int) -> None:
        super().__init__()
        self.signum = signum


@contextmanager
def ended_by_signal() -> Iterator[None]:
    """The first such signal in the block ends it with `Interrupted`.

    A signal that was ignored when the process started (`nohup`) stays ignored. Whoever runs in
    the block may handle the signals in another way for as long as it needs to.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _ENDING}
    mine = [number for number in _ENDING if before[number] is not signal.SIG_IGN]
    for number in mine:
        signal.signal(number, _raise)
    try:
        yield
    except _Signalled as signalled:
        raise Interrupted(signalled.signum) from None
    except KeyboardInterrupt:
        raise Interrupted(signal.SIGINT) from None
    finally:
        for number in mine:
            signal.signal(number, before[number])


def _raise(signum: int, frame: FrameType | None) -> None:
    raise _Signalled(signum)
