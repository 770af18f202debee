"""The inference process: slots of token ids in, the same slots with their vectors out."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from vecstream_cli.core.batching import pack
from vecstream_cli.errors import InternalError
from vecstream_cli.models.spec import ModelSpec
from vecstream_cli.pipeline.arena import BEGAN_NS, BUSY_NS, ENDED_NS, PAGE, ArenaHandle
from vecstream_cli.pipeline.failure import broken
from vecstream_cli.pipeline.lifecycle import Inbox, Outbox
from vecstream_cli.pipeline.messages import Embed, Embedded, Message, Ready, Stop, Stopped
from vecstream_cli.pipeline.slots import Slot, SlotLayout

if TYPE_CHECKING:
    import torch

# Slots taken together: 512 chunks sorted by length leave 2.5 % of padding where there is any.
WINDOW_SLOTS = 4
_SMALLEST_BUDGET = 512


@dataclass(frozen=True, slots=True)
class InferenceConfig:
    """What an inference process is told at spawn; `row` is its row in the control page.

    `threads` of None: the library's choice.
    """

    arena: ArenaHandle
    layout: SlotLayout
    row: int
    spec: ModelSpec
    device: str
    precision: str
    threads: int | None


def run(inbox: Inbox, outbox: Outbox, config: InferenceConfig) -> None:
    """The process's life: receive a window, embed it, send its slots on."""
    try:
        _run(inbox, outbox, config)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        raise
    except Exception as error:  # noqa: BLE001 (whatever it is, the supervisor must hear of it)
        outbox.send(broken(error, "Embedding failed"))


def _run(inbox: Inbox, outbox: Outbox, config: InferenceConfig) -> None:
    started = time.monotonic()
    stage = _Inference(config)
    outbox.send(Ready(time.monotonic() - started, stage.facts))
    stopping = False
    while not stopping:
        window: list[Embed] = []
        message: Message = inbox.recv()
        while True:
            match message:
                case Embed():
                    window.append(message)
                case Stop():
                    stopping = True
            # Never wait for a fuller window: what is here is embedded now.
            if stopping or len(window) == WINDOW_SLOTS or not inbox.poll():
                break
            message = inbox.recv()
        for done in stage.embed(window):
            outbox.send(done)
    outbox.send(Stopped({"batches": stage.batches, "padded_tokens": stage.padded_tokens}))


class _Inference:
    def __init__(self, config: InferenceConfig) -> None:
        import torch

        from vecstream_cli.models.encoder import Encoder, is_out_of_memory

        self._is_out_of_memory = is_out_of_memory
        self._config = config
        self._torch = torch
        self._arena = config.arena.open()
        self._slots = self._arena.slots()
        self._control = self._arena.control[config.row]
        self._encoder = Encoder.load(
            config.spec, device=config.device, threads=config.threads, precision=config.precision
        )
        self._budget = self._encoder.token_budget
        self.batches = 0
        self.padded_tokens = 0

    @property
    def facts(self) -> Mapping[str, str]:
        """What a debugging person wants to know of the encoder."""
        return {"forward": self._encoder.kind, "device": str(self._encoder.device)}

    def embed(self, window: list[Embed]) -> list[Embedded]:
        """Write the vector of every row of the window's slots into its slot."""
        if not window:
            return []
        began = time.monotonic_ns()
        if not self._control[BEGAN_NS]:
            self._control[BEGAN_NS] = began
        slots = [Slot(self._slots, self._config.layout, message.ref.slot) for message in window]
        places = [(s, row) for s, message in enumerate(window) for row in range(message.rows)]
        offsets = [slot["token_offsets"] for slot in slots]
        lengths = np.array([offsets[s][r + 1] - offsets[s][r] for s, r in places], dtype=np.int64)
        ids = [self._tensor(slot, "token_ids") for slot in slots]
        vectors = [self._tensor(slot, "vector") for slot in slots]
        embedded = np.zeros(len(places), dtype=np.int64)
        batches = pack(lengths, self._budget, padded=self._padded)
        while batches:
            batch = batches.pop()
            sequences = [
                ids[s][int(offsets[s][r]) : int(offsets[s][r + 1])]
                for s, r in (places[i] for i in batch)
            ]
            try:
                made = self._encoder.embed(sequences)
            except Exception as error:
                if not self._is_out_of_memory(error):
                    raise
                batches.extend(self._halved(batch, lengths))
                continue
            for vector, i in zip(made, batch, strict=True):
                s, r = places[i]
                vectors[s][r] = vector
            embedded[batch] += 1
            self.batches += 1
            self.padded_tokens += self._encoder.cost(lengths[batch]) - int(lengths[batch].sum())
        if not (embedded == 1).all():
            raise InternalError("A chunk was embedded twice or not at all.")
        self._control[ENDED_NS] = time.monotonic_ns()
        self._control[BUSY_NS] += self._control[ENDED_NS] - began
        return [Embedded(m.ref, m.rows, int(offsets[s][m.rows])) for s, m in enumerate(window)]

    @property
    def _padded(self) -> bool:
        return self._encoder.kind == "padded"

    def _tensor(self, slot: Slot, column: str) -> "torch.Tensor":
        """The shared-memory tensor over a slot's column."""
        layout = self._config.layout
        _, dtype, shape = layout.columns[column]
        kind = self._torch.float32 if dtype.kind == "f" else self._torch.int32
        flat = self._torch.frombuffer(
            self._arena.buffer,
            dtype=kind,
            count=int(np.prod(shape)),
            offset=PAGE + layout.offset(slot.index, column),
        )
        return flat.reshape(shape)

    def _halved(
        self, batch: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64]
    ) -> list[npt.NDArray[np.int64]]:
        """The batch again in smaller ones, after the device ran out of memory."""
        if self._budget <= _SMALLEST_BUDGET:
            raise InternalError(
                "The device has too little memory for even a small batch.",
                hint="Use --device cpu, or a smaller model.",
            )
        self._budget //= 2
        self._encoder.release()
        smaller = pack(lengths[batch], self._budget, padded=self._padded)
        return [batch[part] for part in smaller]
