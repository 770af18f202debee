"""MPNet's attention bias by distance, in T5's buckets (Raffel et al. 2020, section 2.1)."""

import math

import torch

_BUCKETS = 32
_FARTHEST = 128
_STEP = 128


class RelativeBias:
    """The bias [heads, length, length] for any length; one table serves all shorter ones."""

    def __init__(self, by_bucket: torch.Tensor, heads: int) -> None:
        """`by_bucket` is the learned table [buckets, heads]."""
        self._by_bucket = by_bucket
        self._table = by_bucket.new_empty((heads, 0, 0))

    def __call__(self, length: int) -> torch.Tensor:
        # Another thread may put a shorter table there meanwhile, so read the attribute once.
        table = self._table
        if length > table.shape[1]:
            table = self._table = self._made(math.ceil(length / _STEP) * _STEP)
        return table[:, :length, :length]

    def _made(self, length: int) -> torch.Tensor:
        place = torch.arange(length, device=self._by_bucket.device)
        bucket = _bucket(place[None, :] - place[:, None])
        return self._by_bucket[bucket].permute(2, 0, 1).contiguous()


def _bucket(distance: torch.Tensor) -> torch.Tensor:
    """Half of the buckets for each direction: near distances one by one, far ones in log steps."""
    half = _BUCKETS // 2
    near = half // 2
    away = distance.abs()
    scale = (half - near) / math.log(_FARTHEST / near)
    far = near + (torch.log(away.clamp(min=1).float() / near) * scale).long()
    bucket = torch.where(away < near, away, far.clamp(max=half - 1))
    return bucket + half * (distance > 0)
