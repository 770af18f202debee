"""Models for pictures, most with a text tower beside: CLIP, SigLIP and DINOv2, by transformers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

import torch
from torch.nn import functional as F

from vecstream_cli.errors import InternalError, ModelError
from vecstream_cli.models.padded import load_with, quiet_transformers
from vecstream_cli.models.runs import Run
from vecstream_cli.models.spec import ModelSpec
from vecstream_cli.pixels import CHANNELS


@dataclass(frozen=True, slots=True)
class _Tower:
    """A part of a model that transformers loads alone; `vectors` names them among its outputs."""

    kind: str
    vectors: str


# CLIP's two towers are as wide as they like and end in projections to one space. SigLIP's text
# tower ends in a projection of its own, its picture tower in a head that pools by attention.
# DINOv2 is trained by its CLS token; behind the last norm it is the model's pooler output.
_IMAGE = {
    "clip": _Tower("CLIPVisionModelWithProjection", "image_embeds"),
    "siglip": _Tower("SiglipVisionModel", "pooler_output"),
    "dinov2": _Tower("Dinov2Model", "pooler_output"),
    "dinov2_with_registers": _Tower("Dinov2WithRegistersModel", "pooler_output"),
}
_TEXT = {
    "clip": _Tower("CLIPTextModelWithProjection", "text_embeds"),
    "siglip": _Tower("SiglipTextModel", "pooler_output"),
}


class VisionModel:
    """Token ids or pixels to vectors of length 1, each by a tower of its own.

    A tower is loaded when it is first needed: photos alone never load the one for text, which
    is 250 MB of CLIP's 600.
    """

    kind = "padded"

    def __init__(self, spec: ModelSpec, device: torch.device, *, precision: str = "fp32") -> None:
        if spec.image is None:
            raise InternalError(f"Model {spec.name} reads no pictures.")
        self._spec = spec
        self._device = device
        self._dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        self._loaded: dict[str, Any] = {}
        self._loading = Lock()
        self._size = (spec.image.height, spec.image.width, CHANNELS)
        # (pixel * rescale - mean) / std, in one product and one sum
        mean, std = (
            torch.tensor(values, device=device)[:, None, None]
            for values in (spec.image.mean, spec.image.std)
        )
        self._scale, self._shift = spec.image.rescale / std, -mean / std
        self._padding_id: int | None = None
        self.positions = spec.max_tokens
        self.length = 0 if spec.padding is None else spec.padding.length

    @property
    def vocabulary(self) -> int:
        """How many token ids the text tower knows; loads it."""
        return int(self._tower(_TEXT).get_input_embeddings().num_embeddings)

    def texts(self, ids: torch.Tensor, runs: Sequence[Run]) -> torch.Tensor:
        """The vectors [n, dimension] of packed token ids [tokens]."""
        padding = self._spec.padding
        assert padding is not None
        lengths = torch.tensor(
            [run.length for run in runs for _ in range(run.count)], device=self._device
        )
        longest = padding.length or max(run.length for run in runs)
        places = torch.arange(longest, device=self._device)
        first = longest - lengths[:, None] if padding.left else torch.zeros_like(lengths)[:, None]
        real = (places >= first) & (places < first + lengths[:, None])
        filled = torch.full(
            real.shape, self._filling(), dtype=torch.long, device=self._device
        ).masked_scatter_(real, ids.long())
        mask = {"attention_mask": real.long()} if padding.masked else {}
        return self._vectors(_TEXT, input_ids=filled, **mask)

    def pictures(self, pixels: torch.Tensor) -> torch.Tensor:
        """The vectors [n, dimension] of uint8 pixels [n, height, width, 3]."""
        if pixels.dtype != torch.uint8 or pixels.shape[1:] != self._size:
            raise InternalError(
                f"Pictures of {tuple(pixels.shape[1:])} {pixels.dtype} reached a model for "
                f"{self._size} torch.uint8."
            )
        bare = pixels.to(self._device).permute(0, 3, 1, 2).float()
        normal = torch.addcmul(self._shift, bare, self._scale)
        return self._vectors(_IMAGE, pixel_values=normal.to(self._dtype))

    def _vectors(self, towers: Mapping[str, _Tower], **inputs: torch.Tensor) -> torch.Tensor:
        made = self._tower(towers)(**inputs)
        vectors: torch.Tensor = made[towers[self._spec.architecture].vectors]
        return F.normalize(vectors.float(), dim=1)

    def _tower(self, towers: Mapping[str, _Tower]) -> Any:
        tower = towers[self._spec.architecture]
        with self._loading:
            if tower.kind not in self._loaded:
                part = "text_config" if towers is _TEXT else "vision_config"
                self._loaded[tower.kind] = self._load(tower.kind, part)
            return self._loaded[tower.kind]

    def _load(self, kind: str, part: str) -> Any:
        transformers = quiet_transformers()
        try:
            config = transformers.AutoConfig.from_pretrained(
                self._spec.transformer, local_files_only=True, trust_remote_code=False
            )
            config = getattr(config, part, config)
        except Exception as error:  # transformers raises almost anything for a config
            raise ModelError(
                f"transformers cannot read the config of {self._spec.name}: {error}"
            ) from error
        if self._spec.architecture == "clip":
            config.projection_dim = self._spec.dimension  # written down in the whole model's config
        made = load_with(getattr(transformers, kind), self._spec, self._dtype, config=config)
        return made.to(self._device).eval()

    def _filling(self) -> int:
        """The id of the padding token, in a vocabulary that may be too large to be read in JSON."""
        padding = self._spec.padding
        if self._padding_id is None and padding is not None:
            from tokenizers import Tokenizer

            found = None
            if padding.token is not None:
                found = Tokenizer.from_file(str(self._spec.tokenizer_file)).token_to_id(
                    padding.token
                )
            self._padding_id = padding.token_id if found is None else found
        return self._padding_id or 0
