"""Linear layers for inference: oneDNN's on a CPU that has it, PyTorch's own elsewhere.

On 2 Zen 3 cores, float32, 2,048 rows: 150 GFLOP/s by `F.linear` (MKL), 185 by oneDNN over the
mapped weights, 200 over weights reordered once. GELU and the residual sum come with it for free.
"""

from functools import cache
from typing import Any, Protocol

import torch
from torch.nn import functional as F

# An activation's name in config.json: what oneDNN calls it, and its algorithm.
ACTIVATIONS = {
    "gelu": ("gelu", "none"),
    "gelu_new": ("gelu", "tanh"),
    "gelu_pytorch_tanh": ("gelu", "tanh"),
    "relu": ("relu", ""),
}
# The row count that the reordered layout is chosen for; other counts work as well.
_ROWS_HINT = 2048


class Linear(Protocol):
    """y = activation(x W^T + b), and the same without activation added onto a residual."""

    def __call__(self, rows: torch.Tensor) -> torch.Tensor: ...

    def onto(self, residual: torch.Tensor, rows: torch.Tensor) -> torch.Tensor: ...


def linear(
    weight: torch.Tensor, bias: torch.Tensor, *, activation: str | None = None, reorder: bool
) -> Linear:
    """The fastest layer for where `weight` lies.

    `reorder` copies the weight into oneDNN's own layout: 7% faster, but memory of this process
    alone; without it the layer runs on the tensor given.
    """
    if weight.device.type == "cpu" and _onednn_works() and _onednn_takes(weight.dtype):
        return _OneDnn(weight, bias, activation, reorder=reorder)
    return _Plain(weight, bias, activation)


def int8_linear(
    weight: torch.Tensor, bias: torch.Tensor, *, activation: str | None = None
) -> Linear:
    """A layer on a CPU that multiplies 8-bit integers.

    Each output channel of the weight and each token has a scale of its own, so what a token
    becomes does not depend on what is computed beside it.
    """
    return _Int8(weight, bias, activation)


class _OneDnn:
    __slots__ = ("_algorithm", "_bias", "_name", "_op", "_weight")

    def __init__(
        self, weight: torch.Tensor, bias: torch.Tensor, activation: str | None, *, reorder: bool
    ) -> None:
        self._op: Any = torch.ops.mkldnn._linear_pointwise
        self._weight = weight
        if reorder:
            self._weight = torch.ops.mkldnn._reorder_linear_weight(weight, _ROWS_HINT)
        self._bias = bias
        self._name, self._algorithm = ACTIVATIONS[activation] if activation else ("none", "")

    def __call__(self, rows: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = self._op(
            rows, self._weight, self._bias, self._name, [], self._algorithm
        )
        return made

    def onto(self, residual: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = self._op.binary(rows, residual, self._weight, self._bias, "add")
        return made


class _Plain:
    __slots__ = ("_activation", "_bias", "_weight")

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor, activation: str | None) -> None:
        self._weight = weight
        self._bias = bias
        self._activation = activation

    def __call__(self, rows: torch.Tensor) -> torch.Tensor:
        made = F.linear(rows, self._weight, self._bias)
        if self._activation is None:
            return made
        return _activated(made, self._activation)

    def onto(self, residual: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        return F.linear(rows, self._weight, self._bias).add_(residual)


class _Int8:
    __slots__ = ("_activation", "_bias", "_scales", "_weight")

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor, activation: str | None) -> None:
        rounded, scales = _rounded(weight)
        self._weight = rounded.t().contiguous()
        self._scales = scales.flatten()
        self._bias = bias
        self._activation = activation

    def __call__(self, rows: torch.Tensor) -> torch.Tensor:
        made = self._product(rows)
        torch.addcmul(self._bias, made, self._scales, out=made)
        return made if self._activation is None else _activated(made, self._activation)

    def onto(self, residual: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        made = self._product(rows)
        return torch.addcmul(residual, made, self._scales, out=made).add_(self._bias)

    def _product(self, rows: torch.Tensor) -> torch.Tensor:
        rounded, scales = _rounded(rows)
        return torch._int_mm(rounded, self._weight).float().mul_(scales)


def _rounded(rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Each row as 8-bit integers, and what to multiply them by."""
    scales = rows.abs().amax(1, keepdim=True).clamp_(min=1e-12).div_(127)
    return (rows / scales).round_().to(torch.int8), scales


def _activated(made: torch.Tensor, activation: str) -> torch.Tensor:
    """The activation of `made`, in its place."""
    name, algorithm = ACTIVATIONS[activation]
    if name == "relu":
        return made.relu_()
    done: torch.Tensor = torch.ops.aten.gelu_(made, approximate=algorithm)
    return done


def _onednn_takes(dtype: torch.dtype) -> bool:
    return dtype == torch.float32 or bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


@cache
def _onednn_works() -> bool:
    """oneDNN's operators are PyTorch's internals: trust them only where they compute right."""
    if not torch._C._has_mkldnn:
        return False
    rows, weight = torch.linspace(-1, 1, 96).view(6, 16), torch.linspace(1, -1, 128).view(8, 16)
    bias, residual = torch.linspace(0, 1, 8), torch.linspace(2, 3, 48).view(6, 8)
    try:
        for reorder in (False, True):
            for activation in (None, *ACTIVATIONS):
                theirs = _OneDnn(weight, bias, activation, reorder=reorder)
                ours = _Plain(weight, bias, activation)
                if not torch.allclose(theirs(rows), ours(rows), atol=1e-5):
                    return False
            if not torch.allclose(theirs.onto(residual, rows), ours.onto(residual, rows)):
                return False
    except (AttributeError, RuntimeError, TypeError, NotImplementedError):
        return False
    return True
