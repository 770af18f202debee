"""Named places where the crash tests end this very process, in the habit of SQLite and RocksDB."""

import os
import signal

# Read once: nothing at all happens at a point unless a test has set these for a run of its own.
_LOG = os.environ.get("_VECSTREAM_KILL_LOG")
_NAME, _, _NUMBER = os.environ.get("_VECSTREAM_KILL_AT", "").partition(":")


def kill_point(name: str) -> None:
    """A moment at which a crash matters; each has a name of its own, given literally.

    With `_VECSTREAM_KILL_LOG=FILE` every process of a run adds the name to the file. With
    `_VECSTREAM_KILL_AT=NAME:N` besides, the one that adds this name for the Nth time is killed.
    """
    if _LOG is not None:
        _reach(name, _LOG)


def _reach(name: str, log: str) -> None:
    line = f"{name}\n".encode()
    fd = os.open(log, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        os.write(fd, line)
        # Up to the end of our own line, so that of two at once only one is the Nth.
        before = os.pread(fd, os.lseek(fd, 0, os.SEEK_CUR), 0).splitlines(keepends=True)
    finally:
        os.close(fd)
    if name == _NAME and before.count(line) == int(_NUMBER or 1):
        os.kill(os.getpid(), signal.SIGKILL)
