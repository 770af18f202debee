"""The BERT family run on packed tokens: no padding is computed, no transformers imported."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional as F

from vecstream_cli.core.batching import filled_up
from vecstream_cli.errors import ModelError
from vecstream_cli.models.linear import ACTIVATIONS, Linear, int8_linear, linear
from vecstream_cli.models.relative import RelativeBias
from vecstream_cli.models.runs import Run
from vecstream_cli.models.spec import ModelSpec
from vecstream_cli.models.varlen import Attention, Sequences, varlen_attention
from vecstream_cli.models.weights import Weights

_WORDS = "embeddings.word_embeddings.weight"
_POSITIONS = "embeddings.position_embeddings.weight"
_TOKEN_TYPES = "embeddings.token_type_embeddings.weight"
_RELATIVE = "encoder.relative_attention_bias.weight"


@dataclass(frozen=True, slots=True)
class _Names:
    """What a family calls the parts of layer {i}."""

    layer: str = "encoder.layer.{i}."
    query: str = "attention.self.query"
    key: str = "attention.self.key"
    value: str = "attention.self.value"
    output: str = "attention.output.dense"
    output_norm: str = "attention.output.LayerNorm"
    up: str = "intermediate.dense"
    down: str = "output.dense"
    down_norm: str = "output.LayerNorm"


_BERT = _Names()
_MPNET = _Names(
    query="attention.attn.q",
    key="attention.attn.k",
    value="attention.attn.v",
    output="attention.attn.o",
    output_norm="attention.LayerNorm",
)
_DISTILBERT = _Names(
    layer="transformer.layer.{i}.",
    query="attention.q_lin",
    key="attention.k_lin",
    value="attention.v_lin",
    output="attention.out_lin",
    output_norm="sa_layer_norm",
    up="ffn.lin1",
    down="ffn.lin2",
    down_norm="output_layer_norm",
)
_FAMILIES = {
    "bert": _BERT,
    "roberta": _BERT,
    "xlm-roberta": _BERT,
    "camembert": _BERT,
    "mpnet": _MPNET,
    "distilbert": _DISTILBERT,
}
# Families that count positions from behind their padding id.
_AFTER_PADDING = ("roberta", "xlm-roberta", "camembert", "mpnet")


def can_pack(config: Mapping[str, Any]) -> bool:
    """Whether a model of this config.json is of the family, without the family's rarer options."""
    return (
        config.get("model_type") in _FAMILIES
        and config.get("position_embedding_type", "absolute") == "absolute"
        and not config.get("is_decoder")
        and _activation(config) in ACTIVATIONS
    )


@dataclass(frozen=True, slots=True)
class _Norm:
    weight: torch.Tensor
    bias: torch.Tensor
    epsilon: float

    def __call__(self, rows: torch.Tensor) -> torch.Tensor:
        return F.layer_norm(rows, self.weight.shape, self.weight, self.bias, self.epsilon)


@dataclass(frozen=True, slots=True)
class _Layer:
    inputs: tuple[Linear, ...]  # query, key and value: one fused layer, or three
    output: Linear
    output_norm: _Norm
    up: Linear
    down: Linear
    down_norm: _Norm


class PackedModel:
    """Token ids [tokens] and their runs to hidden states [tokens or more, width].

    Rows behind the last run mean nothing: the tokens are filled up to one of few sizes, since
    oneDNN keeps code and memory for every row count it meets. Without it MiniLM grew by
    2.5 MB with every new size of a batch.
    """

    kind = "packed"

    def __init__(
        self,
        spec: ModelSpec,
        config: Mapping[str, Any],
        device: torch.device,
        *,
        precision: str = "fp32",
        reorder: bool,
    ) -> None:
        """With `reorder` the layers' weights are copied once into the CPU's favourite layout;
        without it they stay pages of their file, which other processes share (in fp32).

        In bf16 everything behind the embeddings is; in int8 only the products with weights are.
        """
        self._heads = int(config.get("num_attention_heads") or config["n_heads"])
        self._padding: int | None = None
        if spec.architecture == "mpnet":
            self._padding = 1
        elif spec.architecture in _AFTER_PADDING:
            padding = config.get("pad_token_id")
            self._padding = 1 if padding is None else int(padding)
        loader = _Loader(spec, config, device, precision=precision, reorder=reorder)
        self._dtype = loader.dtype
        try:
            self._words = loader.resident(_WORDS)
            self._positions = loader.positions()
            self._norm = loader.norm("embeddings.LayerNorm", torch.float32)
            count = int(config.get("num_hidden_layers") or config["n_layers"])
            self._layers = [loader.layer(i) for i in range(count)]
            self._bias = loader.relative_bias(self._heads)
        except KeyError as error:
            raise ModelError(
                f"Model {spec.name} calls itself {spec.architecture} but has no weights {error}."
            ) from error
        self._varlen: Attention | None = None
        if self._bias is None:
            self._varlen = varlen_attention(device, self._dtype)
        self.vocabulary = len(self._words)
        self.positions = len(self._positions) - (0 if self._padding is None else self._padding + 1)

    def __call__(self, ids: torch.Tensor, runs: Sequence[Run]) -> torch.Tensor:
        tokens = len(ids)
        sequences = Sequences.of(runs, ids.device) if self._varlen is not None else None
        hidden = self._embeddings(F.pad(ids, (0, filled_up(tokens) - tokens)), runs, sequences)
        hidden = hidden.to(self._dtype)
        for layer in self._layers:
            attended = self._attend(layer, hidden, runs, sequences)
            hidden = layer.output_norm(layer.output.onto(hidden, attended))
            hidden = layer.down_norm(layer.down.onto(hidden, layer.up(hidden)))
        return hidden.float()

    def _embeddings(
        self, ids: torch.Tensor, runs: Sequence[Run], sequences: Sequences | None
    ) -> torch.Tensor:
        rows = F.embedding(ids, self._words).float()
        if self._padding is not None and bool((ids == self._padding).any()):
            places = self._positions_around_padding(ids, runs, self._padding)
            rows[: len(places)] += self._positions[places]
        else:
            first = 0 if self._padding is None else self._padding + 1
            if sequences is not None:
                rows[: len(sequences.places)] += self._positions[first + sequences.places]
                return self._norm(rows)
            for run in runs:
                run.of(rows).add_(self._positions[first : first + run.length])
        return self._norm(rows)

    @staticmethod
    def _positions_around_padding(
        ids: torch.Tensor, runs: Sequence[Run], padding: int
    ) -> torch.Tensor:
        """A padding token that stands in the text itself takes no position of its own."""
        real = (ids != padding).long()[:, None]
        counted = [(run.of(real).cumsum(1) * run.of(real)).flatten() for run in runs]
        return torch.cat(counted) + padding

    def _attend(
        self,
        layer: _Layer,
        hidden: torch.Tensor,
        runs: Sequence[Run],
        sequences: Sequences | None,
    ) -> torch.Tensor:
        width = hidden.shape[1]
        inputs = [part for made in layer.inputs for part in torch.split(made(hidden), width, dim=1)]
        if self._varlen is not None and sequences is not None:
            query, key, value = (part.view(len(part), self._heads, -1) for part in inputs)
            return self._varlen(query, key, value, sequences).flatten(1)
        attended = torch.zeros_like(hidden)
        for run in runs:
            query, key, value = (self._by_head(run.of(rows)) for rows in inputs)
            mask = None if self._bias is None else self._bias(run.length)
            mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
            self._by_head(run.of(attended)).copy_(mixed)
        return attended

    def _by_head(self, rows: torch.Tensor) -> torch.Tensor:
        """[count, length, width] as [count, heads, length, width / heads]; a view."""
        count, length, width = rows.shape
        return rows.view(count, length, self._heads, width // self._heads).transpose(1, 2)


class _Loader:
    """Takes a model's parts out of its files."""

    def __init__(
        self,
        spec: ModelSpec,
        config: Mapping[str, Any],
        device: torch.device,
        *,
        precision: str,
        reorder: bool,
    ) -> None:
        self._device = device
        self._precision = precision
        self.dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        self._names = _FAMILIES[spec.architecture]
        self._epsilon = float(config.get("layer_norm_eps", 1e-12))
        self._activation = _activation(config)
        self._reorder = reorder
        # Pages count as this process's memory while their mapping lives: what is read once to
        # be copied comes from a mapping that ends with this loader.
        self._kept = Weights(spec.weights, anchor=_WORDS)
        copied = reorder or device.type != "cpu" or precision != "fp32"
        self._passing = Weights(spec.weights, anchor=_WORDS) if copied else self._kept

    def resident(self, name: str) -> torch.Tensor:
        """A table of which only the rows that are looked up are ever read, in its own precision."""
        return self._kept[name].to(self._device)

    def positions(self) -> torch.Tensor:
        """The position table, with the one token type that a single text has folded in."""
        table = self._get(_POSITIONS)
        return table + self._get(_TOKEN_TYPES)[0] if _TOKEN_TYPES in self._passing else table

    def norm(self, name: str, dtype: torch.dtype | None = None) -> _Norm:
        weight, bias = (
            self._get(f"{name}.{part}").clone().to(dtype or self.dtype)
            for part in ("weight", "bias")
        )
        return _Norm(weight, bias, self._epsilon)

    def layer(self, index: int) -> _Layer:
        names, prefix = self._names, self._names.layer.format(i=index)
        inputs = [prefix + name for name in (names.query, names.key, names.value)]
        return _Layer(
            inputs=self._inputs(inputs),
            output=self._linear(prefix + names.output),
            output_norm=self.norm(prefix + names.output_norm),
            up=self._linear(prefix + names.up, activation=self._activation),
            down=self._linear(prefix + names.down),
            down_norm=self.norm(prefix + names.down_norm),
        )

    def relative_bias(self, heads: int) -> RelativeBias | None:
        if _RELATIVE not in self._passing:
            return None
        return RelativeBias(self._get(_RELATIVE).clone().to(self.dtype), heads)

    def _inputs(self, names: Sequence[str]) -> tuple[Linear, ...]:
        """One wide layer where the weights are copied anyway, else three."""
        if self._passing is self._kept:
            return tuple(map(self._linear, names))
        weight = torch.cat([self._get(f"{name}.weight") for name in names])
        bias = torch.cat([self._get(f"{name}.bias") for name in names])
        return (self._made(weight, bias),)

    def _linear(self, name: str, *, activation: str | None = None) -> Linear:
        weight, bias = self._get(f"{name}.weight"), self._get(f"{name}.bias").clone()
        return self._made(weight, bias, activation)

    def _made(
        self, weight: torch.Tensor, bias: torch.Tensor, activation: str | None = None
    ) -> Linear:
        if self._precision == "int8":
            return int8_linear(weight, bias, activation=activation)
        weight, bias = weight.to(self.dtype), bias.to(self.dtype)
        return linear(weight, bias, activation=activation, reorder=self._reorder)

    def _get(self, name: str) -> torch.Tensor:
        return self._passing[name].to(self._device, torch.float32)


def _activation(config: Mapping[str, Any]) -> str:
    return str(config.get("hidden_act") or config.get("activation") or "gelu")
