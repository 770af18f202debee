"""Any other encoder, run by transformers on padded batches."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from vecstream_cli.errors import ModelError
from vecstream_cli.lean import bring_in
from vecstream_cli.models import META
from vecstream_cli.models.runs import Run
from vecstream_cli.models.spec import ModelSpec

# Encoder-decoders of which only the encoder makes vectors.
_ENCODER_ONLY = {"t5": "T5EncoderModel", "mt5": "MT5EncoderModel", "umt5": "UMT5EncoderModel"}


class PaddedModel:
    """Token ids [tokens] and their runs to hidden states [tokens, width], padded in between."""

    kind = "padded"

    def __init__(
        self,
        spec: ModelSpec,
        config: Mapping[str, Any],
        device: torch.device,
        *,
        precision: str = "fp32",
    ) -> None:
        self._device = device
        self._padding = int(config.get("pad_token_id") or 0)
        dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        kind = _ENCODER_ONLY.get(spec.architecture, "AutoModel")
        model = load_with(getattr(quiet_transformers(), kind), spec, torch.float32)
        self._model = model.to(device, dtype).eval()
        self.vocabulary = int(self._model.get_input_embeddings().num_embeddings)
        self.positions = spec.max_tokens

    def __call__(self, ids: torch.Tensor, runs: Sequence[Run]) -> torch.Tensor:
        lengths = torch.tensor(
            [run.length for run in runs for _ in range(run.count)], device=self._device
        )
        longest = max(run.length for run in runs)
        mask = torch.arange(longest, device=self._device) < lengths[:, None]
        padded = torch.full(mask.shape, self._padding, dtype=torch.long, device=self._device)
        padded[mask] = ids.long()
        hidden = self._model(input_ids=padded, attention_mask=mask.long()).last_hidden_state
        real: torch.Tensor = hidden[mask].float()
        return real


def quiet_transformers() -> Any:
    """The library, imported late and kept off the terminal, which is another process's."""
    bring_in(META)
    import transformers

    log: Any = transformers.logging
    log.set_verbosity_error()
    log.disable_progress_bar()
    return transformers


def load_with(kind: Any, spec: ModelSpec, dtype: torch.dtype, **options: Any) -> Any:
    """The model of `spec`, or the part of it that transformers' class `kind` is, on the CPU.

    Raises ModelError where it cannot be loaded, or lacks weights that decide a vector.
    """
    try:
        model, report = kind.from_pretrained(
            spec.transformer,
            local_files_only=True,
            trust_remote_code=False,
            dtype=dtype,
            output_loading_info=True,
            **options,
        )
    except Exception as error:  # transformers raises almost anything for a model it cannot run
        raise ModelError(
            f"transformers cannot load model {spec.name}, a {spec.architecture}: {error}",
            hint="Models that need code of their own are never run.",
        ) from error
    decides = spec.image is not None
    missing = sorted(key for key in report["missing_keys"] if decides or "pooler" not in key)
    if missing:
        raise ModelError(
            f"Model {spec.name} lacks {len(missing)} weights of a {spec.architecture}, "
            f"such as {missing[0]}.",
            hint="Its folder may need code of its own, which is never run.",
        )
    return model
