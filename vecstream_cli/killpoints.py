"""Named places where the crash tests end this very process, in the habit of SQLite and RocksDB."""

import os
import signal
from threading import Lock

# Read once: nothing at all happens at a point unless a test has set these for a run of its own.
_LOG = os.environ.get("_VECSTREAM_KILL_LOG")
_NAME, _, _NUMBER = os.environ.get("_VECSTREAM_KILL_AT", "").partition(":")
# Opened at once: a parser that reads a document can open no file to write to.
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
_TURN = Lock()
_FD = None if _LOG is None else os.open(_LOG, _FLAGS, 0o600)


def kill_point(name: str) -> None:
    """A moment at which a crash matters; each has a name of its own, given literally.

    With `_VECSTREAM_KILL_LOG=FILE` every process of a run adds the name to the file. With
    `_VECSTREAM_KILL_AT=NAME:N` besides, the one that adds this name for the Nth time is killed.
    """
    if _FD is not None:
        _reach(name, _FD)


def _reach(name: str, log: int) -> None:
    line = f"{name}\n".encode()
    with _TURN:
        os.write(log, line)
        # Up to the end of our own line, so that of two at once only one is the Nth.
        before = os.pread(log, os.lseek(log, 0, os.SEEK_CUR), 0).splitlines(keepends=True)
    if name == _NAME and before.count(line) == int(_NUMBER or 1):
        os.kill(os.getpid(), signal.SIGKILL)
