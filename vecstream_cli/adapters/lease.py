"""One run at a time against a server: a lock record beside the data, kept fresh by its holder.

A file lock keeps runs of one machine apart (`state/lock.py`); this keeps machines apart. Clocks of
machines differ, so no time in a record decides anything: a record is stale if it did not change
while we watched it for STALE_SECONDS, or if its holder was a process of this machine that is gone.
The holder renews it every BEAT_SECONDS, and looks before it writes whether it is still the one: a
run that was stopped for a while (SIGSTOP, suspend) may have been taken for dead.
"""

import contextlib
import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from vecstream_cli.adapters.base import Adapter
from vecstream_cli.adapters.registry import adapter_class, connect
from vecstream_cli.endpoint import Endpoint
from vecstream_cli.errors import CollectionLocked, VecstreamError
from vecstream_cli.killpoints import kill_point

BEAT_SECONDS = 10.0
STALE_SECONDS = 60.0
_POLL_SECONDS = 0.5
_BEAT_DEADLINE = "5"  # seconds that a beat tries for; the next one comes soon


@dataclass(frozen=True, slots=True)
class Holder:
    """What a lock record says. `machine` is one boot of one machine, "" where it cannot be told;
    `began` is when the process began, in ticks since then. `beat` is all that changes."""

    run: str
    host: str
    machine: str
    pid: int
    began: int
    since: str
    seen: str
    command: str
    beat: int = 0

    @classmethod
    def ours(cls, command: str) -> Self:
        """This process, as a holder."""
        now, pid = _now(), os.getpid()
        return cls(
            uuid.uuid4().hex, socket.gethostname(), _machine(), pid, _began(pid) or 0, now, now,
            command,
        )  # fmt: skip

    @classmethod
    def parsed(cls, text: str) -> Self | None:
        """From a record; None where it is none that this version wrote."""
        try:
            return cls(**json.loads(text))
        except (ValueError, TypeError):
            return None

    def text(self) -> str:
        """The record."""
        return json.dumps(asdict(self))

    def renewed(self) -> "Holder":
        """The record's next state."""
        return replace(self, beat=self.beat + 1, seen=_now())

    @property
    def is_gone(self) -> bool:
        """It was a process of this machine, and is no more."""
        return self.machine == _machine() != "" and _began(self.pid) != self.began

    @property
    def looks_old(self) -> bool:
        """By the clocks, for what they are worth: it is worth watching."""
        try:
            age = datetime.now(UTC) - datetime.fromisoformat(self.seen)
        except (ValueError, TypeError):
            return True
        return age.total_seconds() > STALE_SECONDS

    def __str__(self) -> str:
        return f"`{self.command}` (process {self.pid} on {self.host}) holds the collection since " \
            f"{self.since}."  # fmt: skip


class Lease:
    """A held lock record, renewed by a thread of its own."""

    def __init__(self, adapter: Adapter, held: Holder, now: Callable[[], float]) -> None:
        self._adapter = adapter
        self._held = held
        self._now = now
        self._renewed = now()
        self._lost: str | None = None
        self._turn = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="lease", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Call it before every change of the collection.

        Raises CollectionLocked where another run has taken the lock, and DatabaseError where it
        cannot be told whether one has.
        """
        if self._lost is None and self._now() - self._renewed > STALE_SECONDS / 2:
            self._renew()
        if self._lost is not None:
            raise CollectionLocked(
                f"Another run took the collection while this one did not move: {self._lost}",
                hint="Nothing more was written; run again when that run has ended.",
            )

    def release(self) -> None:
        """Let others have it. More than once is fine."""
        self._ended.set()
        self._thread.join()
        with self._turn, contextlib.suppress(VecstreamError):
            if self._lost is None:
                self._adapter.swap_lock(self._held.text(), None)
        self._adapter.close()

    def _beat(self) -> None:
        while not self._ended.wait(BEAT_SECONDS):
            # A server that is away is called again at the next beat; `check` tells in time.
            with contextlib.suppress(VecstreamError):
                self._renew()

    def _renew(self) -> None:
        with self._turn:
            if self._ended.is_set() or self._lost is not None:
                return
            began, new = self._now(), self._held.renewed()
            if not self._adapter.swap_lock(self._held.text(), new.text()):
                found = self._adapter.read_lock()
                holder = Holder.parsed(found or "")
                # Ours, where the answer to an earlier beat was lost.
                if holder is None or holder.run != self._held.run:
                    self._lost = str(holder or "its lock record is gone.")
                    return
                new = holder
            self._held, self._renewed = new, began


@contextlib.contextmanager
def leased(
    database: Endpoint, collection: str, *, command: str, wait: float = 0.0
) -> Iterator[Lease | None]:
    """Hold the collection's lock record; None where the database keeps none.

    Raises CollectionLocked where another run holds it and does not let go within `wait` seconds.
    """
    kind = adapter_class(database.name)
    if not kind.keeps_locks or kind.local_folder(database.uri) is not None:
        yield None
        return
    options = dict(database.options)
    if "deadline" in kind.options:
        options["deadline"] = _BEAT_DEADLINE
    adapter = connect(replace(database, options=options), collection, read_only=False)
    try:
        held = acquire(adapter, Holder.ours(command), wait=wait)
    except BaseException:
        adapter.close()
        raise
    kill_point("lease.taken")
    lease = Lease(adapter, held, _clock)
    try:
        yield lease
    finally:
        lease.release()


def acquire(
    adapter: Adapter,
    ours: Holder,
    *,
    wait: float,
    now: Callable[[], float] | None = None,
    sleep: Callable[[float], object] = time.sleep,
) -> Holder:
    """Put our record in place: of none, of a stale one, or of one that is taken away in time.

    A record that looks old is watched until it is proven stale, whatever `wait` is.
    """
    now = now or _clock
    began = watched_since = now()
    watched: str | None = None
    while True:
        found = adapter.read_lock()
        if found != watched:
            watched, watched_since = found, now()
        holder = Holder.parsed(found or "")
        if holder is not None and holder.run == ours.run:
            return holder  # the answer to our swap was lost
        stale = now() - watched_since >= STALE_SECONDS
        if found is None or stale or (holder is not None and holder.is_gone):
            if adapter.swap_lock(found, ours.text()):
                return ours
            continue
        old = holder is None or holder.looks_old
        if now() - began >= wait and not old:
            raise CollectionLocked(str(holder))
        sleep(_POLL_SECONDS)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _clock() -> float:
    """Seconds, those of a suspended machine included."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def _machine() -> str:
    """This boot and this container: within it a process is known by its number and its begin."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _began(pid: int) -> int | None:
    """When a process began, in ticks since the machine did; None: there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return None
    state, *fields = stat.rpartition(")")[2].split()
    return None if state in "ZX" else int(fields[18])
