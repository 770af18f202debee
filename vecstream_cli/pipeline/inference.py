"""The inference process: slots of token ids in, the same slots with their vectors out.

It has lanes: threads that each embed one batch at a time, on CPU with one core each. Two lanes of
one thread pass a fifth more tokens than one lane of two threads, and need no weights of their own.
"""

import threading
import time
from collections import deque
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vecstream_cli.killpoints import kill_point
from vecstream_cli.models.spec import ModelSpec
from vecstream_cli.pipeline.arena import BEGAN_NS, BUSY_NS, ENDED_NS, TOKENS, ArenaHandle
from vecstream_cli.pipeline.embedding import Batch, Embedding
from vecstream_cli.pipeline.failure import broken
from vecstream_cli.pipeline.lifecycle import Inbox, Outbox, loading
from vecstream_cli.pipeline.messages import Embed, Message, Ready, Stop, Stopped
from vecstream_cli.pipeline.slots import SlotLayout

# Slots taken together: 512 chunks sorted by length leave 2.5 % of padding where there is any.
WINDOW_SLOTS = 8
_GPU_LANES = 2  # one computes while the other's batch is being copied


@dataclass(frozen=True, slots=True)
class InferenceConfig:
    """What an inference process is told at spawn; `row` is its row in the control page.

    On a CPU `lanes` batches are computed at a time, each by `threads` threads.
    """

    arena: ArenaHandle
    layout: SlotLayout
    row: int
    spec: ModelSpec
    device: str
    precision: str
    lanes: int
    threads: int


def run(inbox: Inbox, outbox: Outbox, config: InferenceConfig) -> None:
    """The process's life: receive a window, give its batches to the lanes."""
    try:
        _run(inbox, outbox, config)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        raise
    except Exception as error:  # noqa: BLE001 (whatever it is, the supervisor must hear of it)
        outbox.send(broken(error, "Embedding failed"))


def _run(inbox: Inbox, outbox: Outbox, config: InferenceConfig) -> None:
    started = time.monotonic()
    arena = config.arena.open()
    with loading():
        stage = Embedding(
            arena,
            config.layout,
            config.spec,
            device=config.device,
            precision=config.precision,
            threads=config.threads,
        )
    count = config.lanes if stage.on_cpu else _GPU_LANES
    lanes = _Lanes(stage, outbox, arena.control[config.row], count)
    outbox.send(Ready(time.monotonic() - started, stage.facts | {"lanes": str(count)}))
    stopping = False
    most = 1  # so that the first rows are in the database before a whole window is embedded
    while not stopping:
        window: list[Embed] = []
        message: Message = inbox.recv()
        lanes.wait_for_room()
        while True:
            match message:
                case Embed():
                    window.append(message)
                case Stop():
                    stopping = True
            # Never wait for a fuller window: what is here is embedded now.
            if stopping or len(window) == most or not inbox.poll():
                break
            message = inbox.recv()
        lanes.take(stage.batches(window, count))
        # All slots of a window are complete at about the same time: fewer, where it costs nothing.
        most = WINDOW_SLOTS if stage.padded else WINDOW_SLOTS // 2
    if lanes.finish():
        outbox.send(Stopped(lanes.counters))
    stage.close()


class _Lanes:
    """The threads that embed, and the batches that wait for them."""

    def __init__(
        self, stage: Embedding, outbox: Outbox, control: npt.NDArray[np.int64], lanes: int
    ) -> None:
        self._stage = stage
        self._outbox = outbox
        self._control = control
        self._changed = threading.Condition()
        self._waiting: deque[Batch] = deque()
        self._failed = self._stopping = False
        self.counters = {"batches": 0, "padded_tokens": 0}
        self._threads = [
            threading.Thread(target=self._lane, name=f"lane-{number}", daemon=True)
            for number in range(lanes)
        ]
        for thread in self._threads:
            thread.start()

    def wait_for_room(self) -> None:
        """Until the lanes could do with more: later windows are fuller, and no lane waits."""
        with self._changed:
            few = len(self._threads)
            self._changed.wait_for(lambda: self._failed or len(self._waiting) < few)

    def take(self, batches: list[Batch]) -> None:
        """Embed these after all others."""
        with self._changed:
            self._waiting.extend(batches)
            self._changed.notify_all()

    def finish(self) -> bool:
        """Embed what is left, then end the lanes; False where one has failed."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()
        return not self._failed

    def _lane(self) -> None:
        try:
            with self._stage.stream():
                while (batch := self._next()) is not None:
                    began = time.monotonic_ns()
                    forwards, padding = self._stage.embed(batch)
                    ended = time.monotonic_ns()
                    with self._changed:
                        self._control[BUSY_NS] += (ended - began) // len(self._threads)
                        self._control[ENDED_NS] = max(ended, self._control[ENDED_NS])
                        self._control[TOKENS] += batch.tokens
                        self.counters["batches"] += forwards
                        self.counters["padded_tokens"] += padding
                        complete = batch.window.count(batch)
                    for part in complete:
                        kill_point("slot.embedded")
                        self._outbox.send(part.delivered())
        except Exception as error:  # noqa: BLE001 (the supervisor ends this process when it hears)
            with self._changed:
                self._failed = True
                self._changed.notify_all()
            self._outbox.send(broken(error, "Embedding failed"))

    def _next(self) -> Batch | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._stopping or self._failed)
            if self._failed or not self._waiting:
                return None
            if not self._control[BEGAN_NS]:
                self._control[BEGAN_NS] = time.monotonic_ns()
            batch = self._waiting.popleft()
            self._changed.notify_all()
            return batch
