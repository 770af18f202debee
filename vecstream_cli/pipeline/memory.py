"""Measuring memory: what this machine allows, and what the ring's process tree uses."""

import contextlib
import os
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path

import psutil

from vecstream_cli.core.ceiling import SUPERVISOR_BYTES, Machine, Sample
from vecstream_cli.settings import cores

_CGROUP = Path("/sys/fs/cgroup")
_KEPT = 8
_CHANGE = 8 << 20  # of resident memory, that is worth a thorough look
_LOOK_SECONDS = 5.0


def this_machine() -> Machine:
    """Cores, and the least of physical memory and every cgroup limit above this process."""
    limits = [psutil.virtual_memory().total, *(limit for limit, _ in _cgroups())]
    return Machine(cores=cores(), memory=min(limits))


def memory_left() -> int:
    """Bytes that can still be taken: of the machine, and of every cgroup above this process."""
    return min([psutil.virtual_memory().available, *(limit - used for limit, used in _cgroups())])


def _cgroups() -> list[tuple[int, int]]:
    """(limit, use) of this process's cgroup and its ancestors, both versions, where limited."""
    found = []
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers == "":
                base, names = _CGROUP, ("memory.max", "memory.current")
            elif "memory" in controllers.split(","):
                base = _CGROUP / "memory"
                names = ("memory.limit_in_bytes", "memory.usage_in_bytes")
            else:
                continue
            group = base / path.lstrip("/")
            for folder in (group, *group.parents):
                with contextlib.suppress(OSError, ValueError):
                    limit, used = (int((folder / n).read_text(encoding="ascii")) for n in names)
                    found.append((limit, used))
                if folder == base:
                    break
    return found


class MemoryGauge:
    """Samples the sum of PSS (proportional set size) of this process and its descendants.

    The supervisor maps every page of the arena, so the sum counts the arena once and in full.
    Where the system has no PSS (macOS), unique memory is summed and the arena added. What a
    caller such as a notebook had before, in data and in processes of its own, is not the run's.
    """

    def __init__(self, arena_bytes: int) -> None:
        """Make it when the arena is mapped and before any process of the ring is there."""
        self._own = psutil.Process(os.getpid())
        self._arena_bytes = arena_bytes
        self._others = {process.pid for process in self._own.children(recursive=True)}
        self._before = max(0, self._size(self._own) - arena_bytes - SUPERVISOR_BYTES)
        self.samples: deque[Sample] = deque(maxlen=_KEPT)
        self.peak = 0
        self._processes: list[psutil.Process] = []
        self._parsers: Mapping[int, int] = {}
        self._resident = 0
        self._looked = 0.0

    def sample(self, parsers: Mapping[int, int]) -> Sample:
        """Measure now; `parsers` maps process ids to child numbers.

        PSS is only counted anew where resident memory, which costs nothing to ask for, has changed,
        and every few seconds: the kernel walks all pages for it and holds up whoever allocates.
        """
        sample = self._again(parsers) or self._look(parsers)
        self.samples.append(sample)
        self.peak = max(self.peak, sample.total)
        return sample

    def _again(self, parsers: Mapping[int, int]) -> Sample | None:
        if not self.samples or time.monotonic() - self._looked > _LOOK_SECONDS:
            return None
        if parsers != self._parsers or abs(self._rss() - self._resident) > _CHANGE:
            return None
        return self.samples[-1]

    def _look(self, parsers: Mapping[int, int]) -> Sample:
        total, sizes = -self._before, []
        children = self._own.children(recursive=True)
        others = (each for each in children if each.pid not in self._others)
        self._processes = [self._own, *others]
        self._parsers, self._looked = dict(parsers), time.monotonic()
        self._resident = self._rss()
        for process in self._processes:
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                size = self._size(process)
                total += size
                if process.pid in parsers:
                    sizes.append((parsers[process.pid], size))
        if not hasattr(os, "memfd_create"):
            total += self._arena_bytes
        return Sample(total, tuple(sizes))

    def _rss(self) -> int:
        total = 0
        for process in self._processes:
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                total += process.memory_info().rss
        return total

    def _size(self, process: psutil.Process) -> int:
        info = process.memory_full_info()
        return int(getattr(info, "pss", 0) or info.uss)
