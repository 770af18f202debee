"""A process of the benchmark, watched from outside: where it stands, and its memory over time."""

import contextlib
import time
from dataclasses import dataclass

import psutil

from vecstream_cli.core.benchmark import Sample

_SAMPLE_SECONDS = 0.5  # as often as the ring looks at its own memory


@dataclass(frozen=True, slots=True)
class Moment:
    """Where the process stands: ``parse``, ``load``, ``embed`` or ``write``, and what is done."""

    phase: str
    embedded: int = 0
    tokens: int = 0
    written: int = 0


class Sampler:
    """Looks at a process twice a second, the way the ring looks at its own."""

    def __init__(self, started: float) -> None:
        """Times count from `started` of the monotonic clock."""
        self.samples: list[Sample] = []
        self._started = started
        self._looked = -_SAMPLE_SECONDS
        self._moment = Moment("")

    def hear(self, message: object) -> None:
        """Take note of where the process stands."""
        if isinstance(message, Moment):
            self._moment = message

    def tick(self, pid: int) -> None:
        """Look, if it is time to."""
        now = time.monotonic() - self._started
        if now - self._looked < _SAMPLE_SECONDS:
            return
        self._looked = now
        try:
            memory = _tree_bytes(psutil.Process(pid))
        except psutil.Error:
            return  # it has just ended
        moment = self._moment
        self.samples.append(
            Sample(
                seconds=now,
                memory_bytes=memory,
                chunks_embedded=moment.embedded,
                chunks_written=moment.written,
                tokens=moment.tokens,
                parse_busy=float(moment.phase == "parse"),
                embed_busy=float(moment.phase == "embed"),
                write_busy=float(moment.phase == "write"),
            )
        )


def _tree_bytes(process: psutil.Process) -> int:
    """The sum of PSS (or of unique memory, where there is no PSS) of a process and its children."""
    total = 0
    for each in (process, *process.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            info = each.memory_full_info()
            total += int(getattr(info, "pss", 0) or info.uss)
    return total
