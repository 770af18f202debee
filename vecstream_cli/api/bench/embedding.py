"""Embedding alone: the ring's own inference, fed without a pause from slots that stay filled."""

import time
from dataclasses import dataclass, field
from itertools import cycle
from multiprocessing.connection import wait
from pathlib import Path

import numpy as np

from vecstream_cli.api.bench.laps import LEAST_LAPS, MOST_LAPS
from vecstream_cli.core.benchmark import Measure, StageAlone
from vecstream_cli.core.leases import SlotRef
from vecstream_cli.errors import StageDied
from vecstream_cli.pipeline.arena import Arena
from vecstream_cli.pipeline.crew import Crew, RingConfig
from vecstream_cli.pipeline.failure import revived
from vecstream_cli.pipeline.inference import WINDOW_SLOTS
from vecstream_cli.pipeline.lifecycle import Child
from vecstream_cli.pipeline.memory import memory_left
from vecstream_cli.pipeline.messages import Broken, Embed, Embedded, Ready, Stop, Stopped
from vecstream_cli.pipeline.slots import Slot

_WINDOWS = 2  # of an inference process: one at work, one to go on with
_TRIAL_ROWS = 8  # in a slot of the first windows; the size of the others follows from their speed
_UNCOUNTED = _WINDOWS + 1  # the trials, and the window that ran beside the last of them


@dataclass(frozen=True, slots=True)
class Inference:
    """The stage, and what its processes said of themselves when they were ready."""

    stage: StageAlone
    load_seconds: float
    facts: dict[str, str]


def embed_alone(config: RingConfig, sample: Path, seconds: float) -> Inference:
    """Measure the ring's inference by itself for about `seconds`, on the chunks in `sample`.

    Raises what an inference process ended with.
    """
    slots = WINDOW_SLOTS * _WINDOWS * config.plan.inferences
    arena = Arena.create(slots * config.layout.slot_bytes, left=memory_left())
    crew = Crew(config, arena, lock_fd=-1)
    try:
        crew.start_inference()
        return _Feeder(config, arena, crew.children, sample).measure(seconds)
    finally:
        crew.kill()
        arena.close()


@dataclass(slots=True)
class _Lap:
    """A window on its way: what it holds and which of its slots are not back yet."""

    tokens: int = 0
    rows: int = 0
    missing: set[int] = field(default_factory=set)


@dataclass(slots=True)
class _Stage:
    """One inference process: its windows, and when each that came back did so."""

    child: Child
    windows: list[_Lap]
    first_slot: int
    sent: int = 0
    ends: list[tuple[float, int, int]] = field(default_factory=list)  # time, tokens, rows
    ready: Ready | None = None
    counters: dict[str, int] | None = None


class _Feeder:
    def __init__(
        self, config: RingConfig, arena: Arena, children: list[Child], sample: Path
    ) -> None:
        self._layout = config.layout
        self._region = arena.slots()
        with np.load(sample) as found:
            self._ids, ends = found["ids"], found["id_ends"]
        starts = np.concatenate(([0], ends[:-1]))
        self._lengths = ends - starts
        self._chunks = cycle(list(zip(starts.tolist(), ends.tolist(), strict=True)))
        self._rows = _TRIAL_ROWS
        self._stages = [
            _Stage(child, [_Lap() for _ in range(_WINDOWS)], number * WINDOW_SLOTS * _WINDOWS)
            for number, child in enumerate(children)
        ]

    def measure(self, seconds: float) -> Inference:
        """Feed every process until the time is up and the last window is back."""
        while any(stage.ready is None for stage in self._stages):
            self._listen()
        for stage in self._stages:
            for window in range(_WINDOWS):
                self._send(stage, window)
        until = time.perf_counter() + seconds
        while any(len(stage.ends) < stage.sent for stage in self._stages):
            for stage, window in self._listen():
                self._settle(stage, seconds)
                left = until - time.perf_counter()
                laps = stage.sent - _UNCOUNTED
                if laps < LEAST_LAPS or (laps < MOST_LAPS and left > 2 * self._lap(stage)):
                    self._send(stage, window)
        for stage in self._stages:
            stage.child.outbox.send(Stop())
        while any(stage.counters is None for stage in self._stages):
            self._listen()
        return self._result()

    def _settle(self, stage: _Stage, seconds: float) -> None:
        """After the trials: as many rows in a slot as make about eight windows in the time."""
        if self._rows == _TRIAL_ROWS and len(stage.ends) == _WINDOWS:
            speed = stage.ends[-1][1] / self._lap(stage)
            rows = speed * seconds / 8 / WINDOW_SLOTS / float(self._lengths.mean())
            self._rows = min(self._layout.rows, max(_TRIAL_ROWS + 1, round(rows)))

    @staticmethod
    def _lap(stage: _Stage) -> float:
        """How long the latest window took after the one before."""
        ends = [end for end, _, _ in stage.ends[-2:]]
        return max(1e-3, ends[-1] - ends[0]) if len(ends) == 2 else 0.0

    def _send(self, stage: _Stage, window: int) -> None:
        lap = _Lap()
        stage.windows[window] = lap
        for number in range(WINDOW_SLOTS):
            slot = stage.first_slot + window * WINDOW_SLOTS + number
            rows, tokens = self._fill(Slot(self._region, self._layout, slot))
            lap.rows, lap.tokens = lap.rows + rows, lap.tokens + tokens
            lap.missing.add(slot)
            stage.child.outbox.send(Embed(SlotRef(slot, stage.sent), rows))
        stage.sent += 1

    def _fill(self, slot: Slot) -> tuple[int, int]:
        rows = used = 0
        slot["token_offsets"][0] = 0
        while rows < self._rows:
            start, end = next(self._chunks)
            if used + end - start > self._layout.tokens:
                break
            slot["token_ids"][used : used + end - start] = self._ids[start:end]
            slot["embed"][rows] = 1
            rows, used = rows + 1, used + end - start
            slot["token_offsets"][rows] = used
        return rows, used

    def _listen(self) -> list[tuple[_Stage, int]]:
        """Take in what there is; the windows that are back."""
        back: list[tuple[_Stage, int]] = []
        children = [stage.child for stage in self._stages]
        wait([*(c.inbox.connection for c in children), *(c.sentinel for c in children)])
        for stage in self._stages:
            for message in stage.child.inbox.drain():
                match message:
                    case Ready():
                        stage.ready = message
                    case Stopped(counters):
                        stage.counters = dict(counters)
                    case Broken():
                        raise revived(message)
                    case Embedded(ref):
                        window = (ref.slot - stage.first_slot) // WINDOW_SLOTS
                        lap = stage.windows[window]
                        lap.missing.discard(ref.slot)
                        if not lap.missing:
                            stage.ends.append((time.perf_counter(), lap.tokens, lap.rows))
                            back.append((stage, window))
            if stage.counters is None and not stage.child.alive:
                raise StageDied(f"Inference ended unexpectedly ({stage.child.epitaph()}).")
        return back

    def _result(self) -> Inference:
        counted = min(len(stage.ends) for stage in self._stages)
        tokens, chunks = [], []
        for lap in range(_UNCOUNTED, counted):
            took = [(s.ends[lap][0] - s.ends[lap - 1][0], *s.ends[lap][1:]) for s in self._stages]
            tokens.append(sum(t / seconds for seconds, t, _ in took))
            chunks.append(sum(rows / seconds for seconds, _, rows in took))
        padded = sum((s.counters or {}).get("padded_tokens", 0) for s in self._stages)
        real = sum(t for s in self._stages for _, t, _ in s.ends)
        rows = sum(rows for s in self._stages for _, _, rows in s.ends)
        first = self._stages[0].ready
        assert first is not None
        stage = StageAlone(
            stage="embed",
            of="",
            work=f"{rows:,} chunks, {real:,} tokens",
            measures=(
                Measure(name="chunks", unit="/s", values=tuple(chunks)),
                Measure(name="tokens", unit="/s", values=tuple(tokens)),
                Measure(name="padding", unit="%", values=(100 * padded / (padded + real),)),
            ),
            chunks_per_second=float(np.median(chunks)),
        )
        return Inference(
            stage, max(s.ready.seconds for s in self._stages if s.ready), dict(first.facts)
        )
