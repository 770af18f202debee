"""Hidden states of tokens to one vector a sequence, as sentence-transformers does it."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import nn
from torch.nn import functional as F

from vecstream_cli.models.runs import Run
from vecstream_cli.models.spec import DenseSpec, ModelSpec
from vecstream_cli.models.weights import Weights


class Head:
    """Pooling, dense layers and normalization: what stands behind the transformer."""

    def __init__(self, spec: ModelSpec, device: torch.device) -> None:
        self._modes = [_POOLINGS[mode] for mode in spec.pooling.split("+")]
        self._dense = [_Dense(layer, device) for layer in spec.dense]
        self._normalize = spec.normalize

    def __call__(self, hidden: torch.Tensor, runs: Sequence[Run], skip: int) -> torch.Tensor:
        """[tokens, width] to [sequences, dimension]; the first `skip` tokens are not pooled."""
        vectors = torch.cat([self._pooled(run.of(hidden), skip) for run in runs])
        for layer in self._dense:
            vectors = layer(vectors)
        return F.normalize(vectors, dim=1) if self._normalize else vectors

    def _pooled(self, rows: torch.Tensor, skip: int) -> torch.Tensor:
        skip = min(skip, rows.shape[1] - 1)
        return torch.cat([mode(rows[:, skip:], skip) for mode in self._modes], dim=1)


def _weighted_mean(rows: torch.Tensor, skip: int) -> torch.Tensor:
    """Later tokens weigh more; a token keeps the weight of its place when a prompt is skipped."""
    weights = torch.arange(1, rows.shape[1] + 1, device=rows.device, dtype=rows.dtype) + skip
    return torch.einsum("ctw,t->cw", rows, weights / weights.sum())


_POOLINGS: Mapping[str, Callable[[torch.Tensor, int], torch.Tensor]] = {
    "cls": lambda rows, skip: rows[:, 0],
    "max": lambda rows, skip: rows.amax(1),
    "mean": lambda rows, skip: rows.mean(1),
    "mean_sqrt_len_tokens": lambda rows, skip: rows.sum(1) / rows.shape[1] ** 0.5,
    "weightedmean": _weighted_mean,
    "lasttoken": lambda rows, skip: rows[:, -1],
}


class _Dense:
    def __init__(self, spec: DenseSpec, device: torch.device) -> None:
        weights = {
            name: tensor.to(device, torch.float32, copy=True)
            for name, tensor in Weights((spec.weights,)).items()
        }
        self._weight = weights["linear.weight"]
        self._bias = weights["linear.bias"] if spec.bias else None
        self._residual = weights.get("residual.weight")
        self._keeps_input = spec.residual
        self._activation: nn.Module = getattr(nn, spec.activation)()

    def __call__(self, rows: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = self._activation(F.linear(rows, self._weight, self._bias))
        if not self._keeps_input:
            return made
        return made + (rows if self._residual is None else F.linear(rows, self._residual))
