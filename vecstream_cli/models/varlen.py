"""Attention over sequences of many lengths in one kernel, where a GPU has it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from vecstream_cli.lean import bring_in
from vecstream_cli.models import META
from vecstream_cli.models.runs import Run

# Query, key and value [tokens, heads, width of one], and the sequences, to [tokens, heads, width].
Attention = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, "Sequences"], torch.Tensor]

_FLASH = (8, 0)  # the compute capability that flash attention begins at


@dataclass(frozen=True, slots=True)
class Sequences:
    """Where packed sequences lie, on the device: `bounds` [count + 1], `places` [tokens].

    `bounds` are the rows at which they begin, and the end; `places` is each token's place in its
    sequence; `longest` the most tokens of one.
    """

    bounds: torch.Tensor
    places: torch.Tensor
    longest: int

    @classmethod
    def of(cls, runs: Sequence[Run], device: torch.device) -> "Sequences":
        """One copy to the device, and no waiting for it."""
        lengths = torch.tensor([run.length for run in runs for _ in range(run.count)])
        bounds = torch.cat([lengths.new_zeros(1), lengths.cumsum(0)])
        tokens = int(bounds[-1])
        both = torch.stack([lengths, bounds[:-1]])
        if device.type == "cuda":
            both = both.pin_memory()
        lengths, starts = both.to(device, non_blocking=True)
        owners_start = torch.repeat_interleave(starts, lengths, output_size=tokens)
        places = torch.arange(tokens, device=device) - owners_start
        ends = torch.full((1,), tokens, device=device)
        return cls(
            torch.cat([starts, ends]).to(torch.int32), places, max(run.length for run in runs)
        )


def varlen_attention(device: torch.device, dtype: torch.dtype) -> Attention | None:
    """PyTorch's flash attention for variable lengths; None where it cannot run."""
    if device.type != "cuda" or dtype not in (torch.bfloat16, torch.float16):
        return None
    if torch.cuda.get_device_capability(device) < _FLASH:
        return None
    bring_in(META)  # the module below imports PyTorch's compiler
    try:
        from torch.nn.attention.varlen import varlen_attn
    except ImportError:  # before PyTorch 2.10
        return None

    def attend(
        query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, sequences: Sequences
    ) -> torch.Tensor:
        bounds, longest = sequences.bounds, sequences.longest
        mixed = varlen_attn(query, key, value, bounds, bounds, longest, longest)
        assert isinstance(mixed, torch.Tensor)
        return mixed

    return attend
