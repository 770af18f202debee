"""One run at a time: a lock on the collection that lasts as long as anyone holds its file."""

import fcntl
import json
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from vecstream_cli.errors import CollectionLocked, ManifestError
from vecstream_cli.killpoints import kill_point
from vecstream_cli.state.filesystem import network_file_system

_POLL_SECONDS = 0.1


@dataclass(slots=True)
class CollectionLock:
    """A held lock. A child that inherits `fd` holds it too, until its copy is closed.

    It is never unlocked by name, only closed: unlocking would take it from the child as well.
    The file stays behind, for removing it would let two runs lock two files of one name.
    """

    path: Path
    fd: int
    warning: str | None = None

    @classmethod
    def acquire(
        cls,
        path: Path,
        *,
        wait: float = 0.0,
        command: str = "vecstream",
        waiting: Callable[[str], object] = str,
    ) -> Self:
        """Take the lock, waiting for it up to `wait` seconds.

        `command` is what others are told about us; `waiting` is called once with who holds the
        lock, where it has to be waited for. Raises CollectionLocked, which says who
        holds it since when, and ManifestError where the file cannot be made.
        """
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            fd = os.open(path, flags, 0o600)
        except OSError as error:
            raise ManifestError(
                f"The lock {path} cannot be made: {error.strerror or error}."
            ) from error
        try:
            _lock(fd, path, wait, waiting)
            _introduce(fd, path, command)
            kill_point("lock.taken")
        except BaseException:
            os.close(fd)
            raise
        kind = network_file_system(path)
        warning = kind and (
            f"{path.parent} is on a network file system ({kind}): "
            "other machines may not see that this run holds the collection."
        )
        return cls(path, fd, warning)

    def release(self) -> None:
        """Let go of our own hold; a child's remains. Twice does no harm."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def last_holder_lives(path: Path) -> bool:
    """Whether the process of this machine that took the lock last is still there.

    Told without taking it, even for a moment, which could refuse another run.
    """
    try:
        facts = json.loads(path.read_bytes())
        return facts["host"] == socket.gethostname() and _alive(int(facts["pid"]))
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _lock(fd: int, path: Path, wait: float, waiting: Callable[[str], object]) -> None:
    end, told = time.monotonic() + wait, False
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            left = end - time.monotonic()
            if left <= 0:
                raise CollectionLocked(_holder(fd)) from None
            if not told:
                told = True
                waiting(_holder(fd))
            time.sleep(min(_POLL_SECONDS, left))
        except OSError as error:
            raise ManifestError(
                f"{path} cannot be locked: {error.strerror or error}.",
                hint="Keep the collection on a file system that supports locks.",
            ) from error
        else:
            return


def _introduce(fd: int, path: Path, command: str) -> None:
    """Say in the file who holds it, for whoever comes next."""
    facts = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": command,
    }
    content = json.dumps(facts).encode() + b"\n"
    try:
        os.pwrite(fd, content, 0)
        os.ftruncate(fd, len(content))
    except OSError as error:
        raise ManifestError(f"The lock {path} cannot be written: {error.strerror}.") from error


def _holder(fd: int) -> str:
    """Who holds the lock, as far as the file says; it may be just being written."""
    try:
        facts = json.loads(os.pread(fd, 65_536, 0))
        pid, host = int(facts["pid"]), str(facts["host"])
        since, command = str(facts["since"]), str(facts["command"])
    except (OSError, ValueError, KeyError, TypeError):
        return "Another run holds the collection."
    local = host == socket.gethostname()
    place = f"process {pid}" if local else f"process {pid} on {host}"
    if local and not _alive(pid):
        return f"`{command}` ({place}) has ended, but its writer is still finishing."
    return f"`{command}` ({place}) holds the collection since {since}."


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
