"""The loaded model: batches of token ids in, vectors out. Imports torch."""

import json
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from vecstream_cli.errors import InternalError, ModelError, UsageError
from vecstream_cli.models.packed import PackedModel, can_pack
from vecstream_cli.models.padded import PaddedModel
from vecstream_cli.models.pooling import Head
from vecstream_cli.models.runs import Run, runs_of
from vecstream_cli.models.spec import ModelSpec
from vecstream_cli.models.vision import VisionModel
from vecstream_cli.settings import PRECISIONS, cores

Ids = torch.Tensor | NDArray[np.int32]


class Encoder:
    """A model on a device, for any number of threads at once.

    `kind` is ``packed`` where no padding is computed, else ``padded``; `dimension` the vectors'
    length; `token_budget` a good size for one batch here, in the unit of `cost`; `image_budget`
    the same in pictures, 0 where the model reads none.
    """

    def __init__(
        self,
        spec: ModelSpec,
        model: PackedModel | PaddedModel | VisionModel,
        device: torch.device,
    ) -> None:
        self._spec = spec
        self._model = model
        self._texts = _texts_of(spec, model, device)
        self.device = device
        self.kind = model.kind
        self.dimension = spec.dimension
        self.token_budget = 2_048 if device.type == "cpu" else 16_384
        self.image_budget = 0
        if spec.image is not None:
            self.image_budget = max(1, self.token_budget // spec.image_tokens)

    @classmethod
    def load(
        cls,
        spec: ModelSpec,
        *,
        device: str = "auto",
        threads: int | None = None,
        precision: str = "fp32",
        share_weights: bool = False,
    ) -> "Encoder":
        """Load the weights, once.

        `threads` are the CPU threads that one `embed` computes with; None leaves PyTorch's own
        choice (physical cores, `OMP_NUM_THREADS`) but never more than the cores it may run on.
        As many Python threads as there are cores, each with one, are faster than one with all.
        `share_weights` runs on the mapped file itself: for several processes with one model
        (7% slower, no memory for the layers of the second and later ones; fp32 only).
        `precision` is what the model computes in, one of `PRECISIONS`; vectors are always float32.

        Raises ModelError where the model cannot be run, UsageError where the device is not there.
        """
        if precision not in PRECISIONS:
            raise UsageError(f"Precision {precision!r} is not known; use {', '.join(PRECISIONS)}.")
        place = _device(device)
        if precision == "int8" and place.type != "cpu":
            raise UsageError("--precision int8 is for CPUs.", hint="Use --precision bf16 on a GPU.")
        torch.set_num_threads(threads or min(torch.get_num_threads(), cores()))
        config = json.loads((spec.transformer / "config.json").read_bytes())
        model: PackedModel | PaddedModel | VisionModel
        with torch.inference_mode():
            if can_pack(config):
                reorder = place.type == "cpu" and not share_weights
                model = PackedModel(spec, config, place, precision=precision, reorder=reorder)
            elif precision == "int8":
                raise UsageError(
                    f"Model {spec.name}, a {spec.architecture}, cannot be run in int8.",
                    hint="Models of the BERT family can; use --precision fp32 for others.",
                )
            elif spec.image is not None:
                model = VisionModel(spec, place, precision=precision)
            else:
                model = PaddedModel(spec, config, place, precision=precision)
            return cls(spec, model, place)

    def embed(
        self, ids: Sequence[Ids], out: torch.Tensor | None = None, *, query: bool = False
    ) -> torch.Tensor:
        """The vectors [len(ids), dimension], float32 on the CPU, of one batch in its order.

        Each of `ids` is a whole model input: special tokens, and the prompt (`query` says which
        one, for models that leave it out of the pooling). Neighbours of equal length are
        computed together, so sort a batch by length. `out`, where given, is filled and returned.

        Memory that does not suffice shows as an error that `is_out_of_memory` knows: then call
        `release` and embed the batch in halves.
        """
        if not self._spec.has_text:
            raise InternalError(f"Text reached model {self._spec.name}, which reads pictures.")
        if out is None:
            out = torch.empty((len(ids), self.dimension))
        if not ids:
            return out
        lengths = [len(sequence) for sequence in ids]
        with torch.inference_mode():
            packed = self._checked(_joined(ids), lengths).to(self.device)
            runs = runs_of(lengths)
            return self._finite(self._texts(packed, runs, query), out)

    def embed_pixels(
        self, pixels: torch.Tensor | NDArray[np.uint8], out: torch.Tensor | None = None
    ) -> torch.Tensor:
        """The vectors [n, dimension], float32 on the CPU, of `n` pictures.

        `pixels` [n, height, width, 3] are uint8 RGB of the size that `spec.image` names. `out`,
        where given, is filled and returned. Memory that does not suffice shows as in `embed`.
        """
        if not isinstance(self._model, VisionModel):
            raise InternalError(f"Pictures reached model {self._spec.name}, which reads text.")
        if out is None:
            out = torch.empty((len(pixels), self.dimension))
        if not len(pixels):
            return out
        with torch.inference_mode():
            return self._finite(self._model.pictures(torch.as_tensor(pixels)), out)

    def cost(self, lengths: NDArray[np.integer]) -> int:
        """The tokens that a batch of these lengths computes, padding included."""
        if len(lengths) == 0:
            return 0
        if self.kind == "padded":
            filled = self._model.length if isinstance(self._model, VisionModel) else 0
            return (filled or int(lengths.max())) * len(lengths)
        return int(lengths.sum())

    def release(self) -> None:
        """Give cached device memory back, before a batch is tried again in a smaller size."""
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def _finite(self, vectors: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
        if not bool(torch.isfinite(vectors).all()):
            raise ModelError(
                f"Model {self._spec.name} gave a vector that is not a number.",
                hint="Its weights are damaged, or it overflows in this precision.",
            )
        return out.copy_(vectors)

    def _checked(self, packed: torch.Tensor, lengths: Sequence[int]) -> torch.Tensor:
        """An id out of range kills a CUDA context for good, so look before it gets there."""
        if min(lengths) < 1 or max(lengths) > self._model.positions:
            raise InternalError(
                f"Inputs of {min(lengths)} to {max(lengths)} tokens reached a model for "
                f"1 to {self._model.positions}."
            )
        low, high = (int(bound) for bound in torch.aminmax(packed))
        if low < 0 or high >= self._model.vocabulary:
            raise InternalError(
                f"Token ids {low} to {high} reached a model that knows 0 to "
                f"{self._model.vocabulary - 1}."
            )
        return packed


def _texts_of(
    spec: ModelSpec, model: PackedModel | PaddedModel | VisionModel, device: torch.device
) -> Callable[[torch.Tensor, Sequence[Run], bool], torch.Tensor]:
    """Packed ids, their runs and whether they are a query's, to vectors."""
    if isinstance(model, VisionModel):
        return lambda packed, runs, query: model.texts(packed, runs)
    head = Head(spec, device)
    skip = {False: 0, True: 0}
    if not spec.include_prompt:
        skip = {
            False: _prompt_tokens(spec, spec.document_prompt),
            True: _prompt_tokens(spec, spec.query_prompt),
        }
    return lambda packed, runs, query: head(model(packed, runs), runs, skip[query])


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a smaller batch might have worked: a device's memory, or the machine's."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and (
        "out of memory" in text or "can't allocate memory" in text or "alloc_failed" in text
    )


def _joined(ids: Sequence[Ids]) -> torch.Tensor:
    tensors = [sequence for sequence in ids if isinstance(sequence, torch.Tensor)]
    if len(tensors) == len(ids):
        return torch.cat(tensors)
    return torch.from_numpy(np.concatenate([np.asarray(sequence) for sequence in ids]))


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(name)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise UsageError(
            f"There is no device {name} here.", hint="Use --device cpu, or --device auto."
        )
    return device


def _prompt_tokens(spec: ModelSpec, prompt: str) -> int:
    """The tokens that stand before the text: the prompt with special tokens, less a closing one."""
    if not prompt:
        return 0
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(spec.tokenizer_file))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    encoding = tokenizer.encode(prompt)
    return len(encoding.ids) - encoding.special_tokens_mask[-1]
