"""Windows of slots as batches of token ids or pictures, and the vectors back into their slots."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from vecstream_cli.core.batching import pack
from vecstream_cli.errors import InternalError
from vecstream_cli.lean import put_off
from vecstream_cli.models import META
from vecstream_cli.models.spec import ModelSpec
from vecstream_cli.pipeline.arena import CONTROL_BYTES, Arena
from vecstream_cli.pipeline.messages import Embed, Embedded
from vecstream_cli.pipeline.slots import Slot, SlotLayout

if TYPE_CHECKING:
    import torch

_SMALLEST_BUDGET = 512


@dataclass(slots=True)
class Part:
    """A slot in a window: its ids and vectors where they are computed, and its own place.

    `rows` are those to be embedded; `picture` says for each row of the slot which of `pixels` is
    its, below 0 where it is text (None: all are). On a CPU `vectors` is the slot's own column.
    """

    message: Embed
    rows: npt.NDArray[np.int64]
    offsets: list[int]
    ids: "torch.Tensor"
    vectors: "torch.Tensor"
    column: "torch.Tensor"
    picture: npt.NDArray[np.int32] | None = None
    pixels: "torch.Tensor | None" = None

    def delivered(self) -> Embedded:
        """Every row has its vector: see that it is in the slot, and say so."""
        message, count = self.message, len(self.rows)
        if self.vectors is not self.column:
            if count == message.rows:
                self.column[:count].copy_(self.vectors)
            else:  # the others have theirs already
                self.column[self.rows] = self.vectors[self.rows].to(self.column.device)
        pictures = int(self.are_pictures.sum())
        return Embedded(message.ref, message.rows, count, int(self.lengths.sum()), pictures)

    @property
    def are_pictures(self) -> npt.NDArray[np.bool_]:
        """Which of the rows to be embedded are pictures."""
        if self.picture is None:
            return np.zeros(len(self.rows), dtype=bool)
        are: npt.NDArray[np.bool_] = self.picture[self.rows] >= 0
        return are

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Tokens of each row to be embedded."""
        lengths: npt.NDArray[np.int64] = np.diff(self.offsets)[self.rows]
        return lengths


@dataclass(slots=True)
class Window:
    """Slots taken together. Row `i` of the window is row `rows[i]` of part `parts_of[i]`."""

    parts: list[Part]
    parts_of: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.int64]
    left: npt.NDArray[np.int64]  # rows of each part that have no vector yet
    batches_left: int = 0
    _times: npt.NDArray[np.int64] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._times = np.zeros(len(self.rows), dtype=np.int64)

    def count(self, batch: "Batch") -> list[Part]:
        """The batch is embedded: the parts that are complete now.

        Raises InternalError where rows in are not rows out.
        """
        self._times[batch.places] += 1
        embedded = np.bincount(self.parts_of[batch.places], minlength=len(self.parts))
        self.left -= embedded
        self.batches_left -= 1
        complete = np.flatnonzero((self.left <= 0) & (embedded > 0))
        once = self._times[np.isin(self.parts_of, complete)] == 1
        if not once.all() or (self.batches_left == 0 and self.left.any()):
            raise InternalError("A chunk was embedded twice or not at all.")
        return [self.parts[each] for each in complete]


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of a window that are computed together, by their places in it: texts, or pictures."""

    window: Window
    places: npt.NDArray[np.intp]
    pictures: bool = False

    @property
    def tokens(self) -> int:
        """What it holds of real tokens."""
        return int(self.window.lengths[self.places].sum())


class Embedding:
    """The model over the arena; `embed` may be called by several threads at a time."""

    def __init__(
        self,
        arena: Arena,
        layout: SlotLayout,
        spec: ModelSpec,
        *,
        device: str,
        precision: str,
        threads: int,
    ) -> None:
        put_off(META)
        import torch

        from vecstream_cli.models.encoder import Encoder, is_out_of_memory

        self._is_out_of_memory = is_out_of_memory
        self._torch = torch
        self._arena = arena
        self._layout = layout
        self._region = arena.slots()
        self._encoder = Encoder.load(spec, device=device, threads=threads, precision=precision)
        self._device = self._encoder.device
        self._pinned = self._device.type == "cuda" and self._pin()
        self._budget = self._encoder.token_budget
        self._pictures = self._encoder.image_budget

    @property
    def facts(self) -> dict[str, str]:
        """What a debugging person wants to know of the encoder."""
        return {"forward": self._encoder.kind, "device": str(self._device)}

    @property
    def padded(self) -> bool:
        """Whether batches of unequal lengths cost padding."""
        return self._encoder.kind == "padded"

    @property
    def on_cpu(self) -> bool:
        """No device but the processor computes."""
        return self._device.type == "cpu"

    def batches(self, messages: list[Embed], lanes: int) -> list[Batch]:
        """The rows of these slots in batches that suit so many lanes: texts sorted by length."""
        if not messages:
            return []
        parts = [self._part(message) for message in messages]
        sizes = [len(part.rows) for part in parts]
        lengths = np.concatenate([part.lengths for part in parts])
        window = Window(
            parts=parts,
            parts_of=np.repeat(np.arange(len(parts)), sizes),
            rows=np.concatenate([part.rows for part in parts]),
            lengths=lengths,
            left=np.array(sizes, dtype=np.int64),
        )
        if self._device.type == "cuda":  # the ids were sent by this thread's stream
            self._torch.cuda.current_stream(self._device).synchronize()
        pictures = np.concatenate([part.are_pictures for part in parts])
        texts, images = np.flatnonzero(~pictures), np.flatnonzero(pictures)
        batches = []
        if len(texts):  # a batch for every lane, where there is not enough for more
            few = -(-int(lengths.sum()) // lanes)
            budget = min(self._budget, max(_SMALLEST_BUDGET, few))
            packed = pack(lengths[texts], budget, padded=self.padded)
            batches += [Batch(window, texts[places]) for places in packed]
        if len(images):
            size = min(self._pictures, -(-len(images) // lanes))
            batches += [
                Batch(window, images[start : start + size], pictures=True)
                for start in range(0, len(images), size)
            ]
        window.batches_left = len(batches)
        return batches

    def embed(self, batch: Batch) -> tuple[int, int]:
        """Compute the batch's vectors and put each into its slot.

        Returns the forward passes it took, and the tokens of padding in them.
        """
        forwards = padding = 0
        window, todo = batch.window, [batch.places]
        while todo:
            places = todo.pop()
            make = self._of_pictures if batch.pictures else self._of_texts
            try:
                made = make(window, places)
            except Exception as error:
                if not self._is_out_of_memory(error):
                    raise
                smaller = self._fewer if batch.pictures else self._smaller
                todo.extend(places[part] for part in smaller(window.lengths[places]))
                continue
            self._scatter(window, places, made)
            forwards += 1
            if not batch.pictures:
                lengths = window.lengths[places]
                padding += self._encoder.cost(lengths) - int(lengths.sum())
        if self._device.type == "cuda":  # another lane may be the one to deliver the slot
            self._torch.cuda.current_stream(self._device).synchronize()
        return forwards, padding

    def _of_texts(self, window: Window, places: npt.NDArray[np.intp]) -> "torch.Tensor":
        sequences = []
        parts_of, rows = window.parts_of[places], window.rows[places]
        for part, row in zip(parts_of.tolist(), rows.tolist(), strict=True):
            offsets = window.parts[part].offsets
            sequences.append(window.parts[part].ids[offsets[row] : offsets[row + 1]])
        return self._encoder.embed(sequences, self._room(len(places)))

    def _of_pictures(self, window: Window, places: npt.NDArray[np.intp]) -> "torch.Tensor":
        pieces = []
        parts_of, rows = window.parts_of[places], window.rows[places]
        for each in np.unique(parts_of).tolist():  # in order, as the places are
            part = window.parts[each]
            assert part.pixels is not None
            assert part.picture is not None
            which = part.picture[rows[parts_of == each]]
            if len(which) == which[-1] - which[0] + 1:  # neighbours need no copy
                pieces.append(part.pixels[int(which[0]) : int(which[-1]) + 1])
            else:
                chosen = self._torch.from_numpy(which.astype(np.int64)).to(self._device)
                pieces.append(part.pixels[chosen])
        pixels = pieces[0] if len(pieces) == 1 else self._torch.cat(pieces)
        return self._encoder.embed_pixels(pixels, self._room(len(places)))

    def _scatter(self, window: Window, places: npt.NDArray[np.intp], made: "torch.Tensor") -> None:
        """Each vector to its row of its slot."""
        parts_of, rows = window.parts_of[places], window.rows[places]
        for each in np.unique(parts_of).tolist():
            of_part = parts_of == each
            target = self._torch.from_numpy(rows[of_part])
            chosen = self._torch.from_numpy(np.flatnonzero(of_part))
            vectors = window.parts[each].vectors
            vectors[target.to(self._device)] = made[chosen.to(self._device)]

    @contextlib.contextmanager
    def stream(self) -> Iterator[None]:
        """For a lane's whole life: on a GPU a stream of its own, so that one lane's copies run
        beside the other's computing."""
        if self._device.type != "cuda":
            yield
            return
        with self._torch.cuda.stream(self._torch.cuda.Stream(self._device)):  # type: ignore[no-untyped-call]
            yield

    def close(self) -> None:
        """Undo what the device knows of the arena."""
        if self._pinned:
            self._torch.cuda.cudart().cudaHostUnregister(self._address())  # type: ignore[no-untyped-call]

    def _part(self, message: Embed) -> Part:
        slot = Slot(self._region, self._layout, message.ref.slot)
        rows = np.flatnonzero(slot["embed"][: message.rows])
        offsets = slot["token_offsets"][: message.rows + 1].tolist()
        ids, column = self._tensor(slot, "token_ids"), self._tensor(slot, "vector")
        picture = pixels = None
        if self._layout.pictures:
            picture, pixels = slot["picture"][: message.rows], self._tensor(slot, "pixels")
        if self._device.type == "cpu":
            return Part(message, rows, offsets, ids, column, column, picture, pixels)
        ids = ids[: offsets[-1]].to(self._device, non_blocking=True)
        if picture is not None and pixels is not None:
            pixels = pixels[: int(picture.max()) + 1].to(self._device, non_blocking=True)
        vectors = self._torch.empty((message.rows, self._layout.dimension), device=self._device)
        return Part(message, rows, offsets, ids, vectors, column, picture, pixels)

    def _room(self, rows: int) -> "torch.Tensor":
        return self._torch.empty((rows, self._layout.dimension), device=self._device)

    def _tensor(self, slot: Slot, column: str) -> "torch.Tensor":
        """The shared-memory tensor over a slot's column."""
        _, kind_of, shape = self._layout.columns[column]
        torch = self._torch
        kind = {"f4": torch.float32, "i4": torch.int32, "u1": torch.uint8}[kind_of]
        flat = self._torch.frombuffer(
            self._arena.buffer,
            dtype=kind,
            count=int(np.prod(shape)),
            offset=CONTROL_BYTES + self._layout.offset(slot.index, column),
        )
        return flat.reshape(shape)

    def _smaller(self, lengths: npt.NDArray[np.int64]) -> list[npt.NDArray[np.intp]]:
        """The batch of these lengths in smaller ones, after the device ran out of memory."""
        budget = self._encoder.cost(lengths) // 2
        if len(lengths) == 1 or budget < _SMALLEST_BUDGET // 2:
            raise InternalError(
                "The device has too little memory for even a small batch.",
                hint="Use --device cpu, or a smaller model.",
            )
        self._budget = min(self._budget, budget)
        self._encoder.release()
        return pack(lengths, budget, padded=self.padded)

    def _fewer(self, lengths: npt.NDArray[np.int64]) -> list[npt.NDArray[np.intp]]:
        """The same for so many pictures."""
        if len(lengths) == 1:
            raise InternalError(
                "The device has too little memory for even one image.",
                hint="Use --device cpu, or a smaller model.",
            )
        self._pictures = min(self._pictures, len(lengths) // 2)
        self._encoder.release()
        return np.array_split(np.arange(len(lengths)), 2)

    def _pin(self) -> bool:
        """Let the GPU copy from and to the arena by itself; without it, it is only slower."""
        runtime = self._torch.cuda.cudart()  # type: ignore[no-untyped-call]
        return int(runtime.cudaHostRegister(self._address(), self._arena.size, 0)) == 0

    def _address(self) -> int:
        return self._torch.frombuffer(self._arena.buffer, dtype=self._torch.uint8).data_ptr()
