"""Hard conditions for a run: root's powers taken away, a small disk, a reader stopped midway."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
import pytest
from conftest import children_of, wait_until

# PR_CAPBSET_DROP of CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH: then modes hold for root as well.
_DROP = """
import ctypes, os, sys
for capability in (1, 2):
    ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


def powerless(command: Sequence[str]) -> list[str]:
    """The command, run so that a file's mode holds for it even where we are root."""
    if not _modes_hold():
        pytest.skip("this user reads and writes whatever the mode says, and cannot give that up")
    return [*_without_powers(), *command]


def _without_powers() -> list[str]:
    return [sys.executable, "-c", _DROP] if os.geteuid() == 0 else []


@cache
def _modes_hold() -> bool:
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).chmod(0)
        done = subprocess.run(
            [*_without_powers(), "/bin/cat", file.name], capture_output=True, check=False
        )
    return done.returncode != 0


class SmallDisk:
    """A file system in memory that only what runs `inside` sees; gone when the test ends."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        script = 'mount -t tmpfs -o size=4k,mode=755 none "$1" && echo mounted && exec cat'
        try:
            self._holder = subprocess.Popen(
                ["unshare", "--mount", "sh", "-c", script, "sh", str(folder)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            )  # fmt: skip
        except FileNotFoundError:
            pytest.skip("a file system of its own needs unshare(1)")

    def __enter__(self) -> Self:
        assert self._holder.stdout is not None
        if self._holder.stdout.readline() != "mounted\n":
            _, why = self._holder.communicate()
            pytest.skip(f"no file system can be mounted here: {why.strip()}")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._holder.communicate()

    def inside(self, command: Sequence[str | Path]) -> list[str]:
        """The command, run where the disk is to be seen."""
        enter = ["nsenter", "--target", str(self._holder.pid), "--mount", "--wd=/"]
        return [*enter, *map(str, command)]

    def resize(self, size: str) -> None:
        """Make it larger; what is on it stays."""
        options = f"remount,size={size}"
        subprocess.run(self.inside(["mount", "-o", options, self.folder]), check=True)


@contextmanager
def stopped_while_reading(pid: int, path: Path) -> Iterator[psutil.Process]:
    """Inside, the process below `pid` that has the file open stands still."""
    reader = wait_until(lambda: reader_of(pid, path))
    reader.suspend()
    try:
        wait_until(lambda: reader.status() == psutil.STATUS_STOPPED)
        assert is_open(reader, path), "it had read the file before it could be stopped"
        yield reader
    finally:
        reader.resume()


def reader_of(pid: int, path: Path) -> psutil.Process | None:
    """The process below `pid` that has the file open."""
    return next((child for child in children_of(pid) if is_open(child, path)), None)


def is_open(process: psutil.Process, path: Path) -> bool:
    """Whether the process has the file open."""
    try:
        return any(file.path == str(path) for file in process.open_files())
    except psutil.Error:
        return False
