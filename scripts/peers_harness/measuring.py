"""One run of one contender, watched from outside, by the same means for all of them."""

import json
import os
import resource
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from peers_harness.contenders import TABLE

_MEMORY_EVERY = 0.2
_VERSIONS_EVERY = 0.02


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds, and bytes. `seconds` is from start to exit, with imports and the model's load.

    `first_rows_seconds`: until another process counted rows in the table; None: there were some
    before. `model_load_seconds` is what the contender says: the imports and the weights.
    """

    exit_code: int
    seconds: float
    cpu_seconds: float
    first_rows_seconds: float | None
    peak_bytes: int
    model_load_seconds: float | None
    complaint: str  # the end of its standard error, where it failed


def measure(command: Sequence[str], variables: Mapping[str, str], database: Path) -> Measured:
    """Run `command` to its end."""
    import lancedb  # before the clock starts

    connection = lancedb.connect(database)
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        clock, started = time.time(), time.perf_counter()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            env={**os.environ, **variables},
        )
        memory = _Memory(psutil.Process(process.pid))
        rows = _FirstRows(connection, database, started)
        memory.start()
        rows.start()
        exit_code = process.wait()
        seconds = time.perf_counter() - started
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        memory.end()
        rows.end()
        output.seek(0)
        errors.seek(0)
        return Measured(
            exit_code,
            seconds,
            after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
            rows.seconds if exit_code == 0 else None,
            memory.peak,
            _load_seconds(_last_json(output.read()), clock),
            "" if exit_code == 0 else errors.read()[-2000:],
        )


class _Watch:
    """Looks every so often until it is told to end."""

    every: float

    def __init__(self) -> None:
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def _run(self) -> None:
        while not self._ended.wait(self.every):
            self.look()

    def end(self) -> None:
        self._ended.set()
        self._thread.join()

    def look(self) -> None:
        raise NotImplementedError


class _Memory(_Watch):
    """The peak of the sum of PSS over a process and all its descendants."""

    every = _MEMORY_EVERY

    def __init__(self, process: psutil.Process) -> None:
        super().__init__()
        self.peak = 0
        self._process = process

    def look(self) -> None:
        self.peak = max(self.peak, sum(self._sizes()))

    def _sizes(self) -> Iterator[int]:
        try:
            tree = [self._process, *self._process.children(recursive=True)]
        except psutil.NoSuchProcess:
            return
        for process in tree:
            try:
                yield process.memory_full_info().pss
            except psutil.Error:  # it ended between the listing and the look
                continue


class _FirstRows(_Watch):
    """When the table first had rows: it is opened anew whenever it has another version."""

    every = _VERSIONS_EVERY

    def __init__(self, connection: Any, database: Path, started: float) -> None:
        super().__init__()
        self.seconds: float | None = None
        self._connection = connection
        self._versions = database / f"{TABLE}.lance" / "_versions"
        self._seen = self._listed()
        self._started = started
        self._waiting = not self._seen

    def end(self) -> None:
        super().end()
        self.look()  # for what was committed after the last look

    def look(self) -> None:
        if not self._waiting:
            return
        listed = self._listed()
        if listed == self._seen:
            return
        self._seen = listed
        at = time.perf_counter() - self._started
        if self._connection.open_table(TABLE).count_rows():
            self.seconds = at
            self._waiting = False

    def _listed(self) -> frozenset[str]:
        try:
            names = os.listdir(self._versions)  # noqa: PTH208
        except FileNotFoundError:
            return frozenset()
        return frozenset(name for name in names if name.endswith(".manifest"))


def _load_seconds(told: dict[str, Any], clock: float) -> float | None:
    """A time it took, as vecstream tells, or the time of day at which the model was ready."""
    if "model_ready" in told:
        return float(told["model_ready"]) - clock
    return told.get("model_load_seconds")


def _last_json(printed: str) -> dict[str, Any]:
    for line in reversed(printed.splitlines()):
        if line.startswith("{"):
            return dict(json.loads(line))
    return {}
