"""What a model folder's JSON files say about a model, read without torch or transformers."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vecstream_cli.core.ids import Fingerprint, fingerprint
from vecstream_cli.core.pixels import ImageInput
from vecstream_cli.errors import ModelError
from vecstream_cli.models.digest import digest_of_files, digest_of_json

POOLINGS = ("cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken")
ACTIVATIONS = ("Identity", "Tanh", "ReLU", "GELU", "SiLU", "Sigmoid")

# Families whose positions start after the padding id, so that a table of 514 holds 512 tokens.
_PADDING_OFFSET = {"roberta", "xlm-roberta", "camembert", "mpnet"}
# The keys of config.json that say where a model comes from, not what it computes.
_ORIGIN_KEYS = {"_name_or_path", "transformers_version", "torch_dtype", "dtype", "use_cache"}
_NO_LIMIT = 1_000_000  # tokenizers write 1e30 for "no limit"
_DEFAULT_LIMIT = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class DenseSpec:
    """A linear layer behind the pooling: `weights` holds ``linear.weight`` and friends."""

    weights: Path
    in_features: int
    out_features: int
    bias: bool = True
    activation: str = "Tanh"
    residual: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """Everything that can be known of a model before its weights are loaded; picklable.

    `folder` is sentence-transformers' own; `transformer` is where config.json and the weights
    lie, mostly the same. `pooling` joins several modes by ``+``, in the order of the vector's
    parts. `max_tokens` counts special tokens. `include_prompt` of False leaves the prompt's
    tokens out of the pooling. `weights_bytes` is their size on disk.

    `image` is what a model for pictures wants of them, None where it reads text only. Without
    `has_text` it reads pictures only: then `max_tokens` is 0 and `tokenizer_file` not there.
    """

    name: str
    folder: Path
    transformer: Path
    revision: str | None
    architecture: str
    dimension: int
    max_tokens: int
    pooling: str
    normalize: bool
    document_prompt: str
    query_prompt: str
    include_prompt: bool
    dense: tuple[DenseSpec, ...]
    weights: tuple[Path, ...]
    weights_bytes: int
    tokenizer_file: Path
    image: ImageInput | None = None
    has_text: bool = True


def read_spec(folder: Path, name: str | None = None, revision: str | None = None) -> ModelSpec:
    """The facts of the model in `folder`: a sentence-transformers or plain transformers one.

    Raises ModelError with one sentence where the folder is no model that vecstream can run.
    """
    folder = folder.absolute()
    name = str(folder) if name is None else name
    modules = _modules(folder, name)
    transformer = folder / modules.transformer
    config = _required(transformer / "config.json", name)
    weights = _weights(transformer, name)
    tokenizer_file = _tokenizer_file(transformer, folder, name)
    settings = _transformer_settings(transformer)
    if settings.get("do_lower_case") and not _lowercases(tokenizer_file):
        raise ModelError(
            f"Model {name} asks for lower-cased text, which its tokenizer.json does not do.",
            hint="Save it again with a current sentence-transformers, which writes that down.",
        )
    pooling = modules.pooling or {}
    modes = _pooling_modes(pooling, name)
    prompts = _read(folder / "config_sentence_transformers.json", name) or {}
    dimension = len(modes) * _hidden_size(config, name)
    for layer in modules.dense:
        if layer.in_features != dimension:
            raise ModelError(
                f"Model {name} has a dense layer for {layer.in_features} numbers behind "
                f"a pooling that gives {dimension}."
            )
        dimension = layer.out_features
    return ModelSpec(
        name=name,
        folder=folder,
        transformer=transformer,
        revision=revision,
        architecture=str(config.get("model_type", "unknown")),
        dimension=dimension,
        max_tokens=_max_tokens(config, settings, transformer, name),
        pooling="+".join(modes),
        normalize=modules.normalize,
        document_prompt=_prompt(prompts, "document", "passage", "corpus"),
        query_prompt=_prompt(prompts, "query"),
        include_prompt=bool(pooling.get("include_prompt", True)),
        dense=modules.dense,
        weights=weights,
        weights_bytes=sum(
            path.stat().st_size for path in (*weights, *(layer.weights for layer in modules.dense))
        ),
        tokenizer_file=tokenizer_file,
    )


def vector_fingerprint(spec: ModelSpec, precision: str = "fp32") -> Fingerprint:
    """A digest of all that decides a vector; reads the weights once (about 1 GB/s)."""
    deciding = facts(spec, precision)
    del deciding["model"]  # a renamed or moved model gives the same vectors
    return fingerprint(**deciding)


def facts(spec: ModelSpec, precision: str = "fp32") -> dict[str, str]:
    """What decides a vector, for a person to compare with another model's, plus its name.

    The query prompt is left out: no stored vector depends on it. So is the token limit, which
    decides chunks.
    """
    config = _required(spec.transformer / "config.json", spec.name)
    return {
        "model": spec.name,
        "architecture": spec.architecture,
        "weights": digest_of_files(spec.weights),
        "config": digest_of_json(config, without=_ORIGIN_KEYS),
        "tokenizer": digest_of_files((spec.tokenizer_file,)),
        "pooling": spec.pooling if spec.include_prompt else f"{spec.pooling} without the prompt",
        "dense": ", ".join(map(_dense_fact, spec.dense)) or "none",
        "normalize": "yes" if spec.normalize else "no",
        "document prompt": spec.document_prompt,
        "precision": precision,
    }


def _dense_fact(layer: DenseSpec) -> str:
    kind = f"{layer.activation}{' residual' if layer.residual else ''}"
    return f"{kind} {digest_of_files((layer.weights,))}"


@dataclass(frozen=True, slots=True)
class _Modules:
    transformer: str
    pooling: Mapping[str, Any] | None
    dense: tuple[DenseSpec, ...]
    normalize: bool


def _modules(folder: Path, name: str) -> _Modules:
    """The steps of modules.json; a plain transformers folder is mean-pooled and not normalized."""
    steps = _read_list(folder / "modules.json", name)
    if steps is None:
        return _Modules("", None, (), normalize=False)
    kinds = [str(step.get("type", "")).rpartition(".")[2] for step in steps]
    paths = [str(step.get("path", "")) for step in steps]
    dense: list[DenseSpec] = []
    pooling: Mapping[str, Any] = {}
    for position, (kind, path) in enumerate(zip(kinds, paths, strict=True)):
        after = kinds[:position]
        if kind == "Transformer" and not after:
            continue
        if kind == "Pooling" and after == ["Transformer"]:
            pooling = _required(folder / path / "config.json", name)
        elif kind == "Dense" and "Pooling" in after and "Normalize" not in after:
            dense.append(_dense(folder / path, name))
        elif (kind == "Normalize" and "Pooling" in after) or kind == "Dropout":
            continue
        else:
            raise ModelError(
                f"Model {name} has a module {kind!r} that vecstream cannot run where it stands.",
                hint="Models of Transformer, Pooling, Dense and Normalize, in this order, work.",
            )
    if "Pooling" not in kinds:
        raise ModelError(f"Model {name} has no Pooling, so it does not give one vector a text.")
    return _Modules(paths[0], pooling, tuple(dense), normalize="Normalize" in kinds)


def _dense(folder: Path, name: str) -> DenseSpec:
    config = _required(folder / "config.json", name)
    if config.get("module_input_name", "sentence_embedding") != "sentence_embedding":
        raise ModelError(f"Model {name} has a dense layer over tokens, which vecstream cannot run.")
    activation = str(config.get("activation_function", "Tanh")).rpartition(".")[2]
    if activation not in ACTIVATIONS:
        raise ModelError(f"Model {name} has a dense layer with the unknown {activation!r}.")
    return DenseSpec(
        weights=_weights(folder, name)[0],
        in_features=int(config["in_features"]),
        out_features=int(config["out_features"]),
        bias=bool(config.get("bias", True)),
        activation=activation,
        residual=bool(config.get("use_residual", False)),
    )


def _pooling_modes(config: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """The modes of a pooling's config, in its newer or its older way of writing them."""
    named = config.get("pooling_mode")
    if named is None:
        older = {mode: f"pooling_mode_{mode}" for mode in POOLINGS}
        older |= {mode: f"pooling_mode_{mode}_tokens" for mode in ("max", "mean", "weightedmean")}
        older["cls"] = "pooling_mode_cls_token"
        named = [mode for mode in POOLINGS if config.get(older[mode])] or ["mean"]
    modes = (named,) if isinstance(named, str) else tuple(map(str, named))
    unknown = [mode for mode in modes if mode not in POOLINGS]
    if unknown or not modes:
        raise ModelError(f"Model {name} has the unknown pooling {', '.join(unknown)!r}.")
    return modes


def _prompt(config: Mapping[str, Any], *names: str) -> str:
    """The first prompt of these names, else the default one, as sentence-transformers picks it."""
    prompts = config.get("prompts") or {}
    for name in (*names, config.get("default_prompt_name")):
        if prompts.get(name) is not None:
            return str(prompts[name])
    return ""


def _transformer_settings(folder: Path) -> Mapping[str, Any]:
    for path in sorted(folder.glob("sentence_*_config.json")):
        return _read(path, str(folder)) or {}
    return {}


def _max_tokens(
    config: Mapping[str, Any], settings: Mapping[str, Any], folder: Path, name: str
) -> int:
    """sentence-transformers' limit, never above the positions that the model has."""
    tokenizer = _read(folder / "tokenizer_config.json", name) or {}
    positions = config.get("max_position_embeddings") or config.get("n_positions") or -1
    if config.get("model_type") in _PADDING_OFFSET:
        positions -= int(config.get("pad_token_id") or 1) + 1
    processor = settings.get("processor_kwargs") or settings.get("tokenizer_args") or {}
    wanted = (
        settings.get("max_seq_length")
        or processor.get("model_max_length")
        or tokenizer.get("model_max_length")
    )
    limits = [int(limit) for limit in (wanted, positions) if limit and 0 < limit < _NO_LIMIT]
    return min(limits, default=_DEFAULT_LIMIT)


def _hidden_size(config: Mapping[str, Any], name: str) -> int:
    for key in ("hidden_size", "dim", "d_model"):
        if isinstance(config.get(key), int):
            return int(config[key])
    raise ModelError(f"Model {name} does not say how long its vectors are.")


def _weights(folder: Path, name: str) -> tuple[Path, ...]:
    """The weight files: safetensors, whole or in shards, else a pickle read by `weights_only`."""
    for stem in ("model.safetensors", "pytorch_model.bin"):
        if (folder / stem).is_file():
            return (folder / stem,)
        index = _read(folder / f"{stem}.index.json", name)
        if index is not None:
            shards = tuple(folder / shard for shard in sorted(set(index["weight_map"].values())))
            missing = [shard.name for shard in shards if not shard.is_file()]
            if missing:
                raise ModelError(f"Model {name} lacks {', '.join(missing)}.")
            return shards
    raise ModelError(
        f"Model {name} has no weights in {folder}.",
        hint="vecstream reads model.safetensors or pytorch_model.bin.",
    )


def _tokenizer_file(transformer: Path, folder: Path, name: str) -> Path:
    for place in (transformer, folder):
        if (place / "tokenizer.json").is_file():
            return place / "tokenizer.json"
    raise ModelError(
        f"Model {name} has no tokenizer.json.",
        hint="transformers' AutoTokenizer.from_pretrained(…).save_pretrained(…) writes one.",
    )


def _lowercases(tokenizer_file: Path) -> bool:
    normalizer = json.dumps(json.loads(tokenizer_file.read_bytes()).get("normalizer"))
    return '"Lowercase"' in normalizer or '"lowercase": true' in normalizer


def _required(path: Path, name: str) -> dict[str, Any]:
    found = _read(path, name)
    if found is None:
        raise ModelError(f"Model {name} has no {path.name} in {path.parent}.")
    return found


def _read(path: Path, name: str) -> dict[str, Any] | None:
    """A JSON object, None where there is no such file."""
    found = _json(path, name)
    if found is not None and not isinstance(found, dict):
        raise ModelError(f"Model {name} has a {path.name} that is not a JSON object.")
    return found


def _read_list(path: Path, name: str) -> list[dict[str, Any]] | None:
    found = _json(path, name)
    if found is not None and not (isinstance(found, list) and found):
        raise ModelError(f"Model {name} has a {path.name} that lists no modules.")
    return found


def _json(path: Path, name: str) -> Any:
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ModelError(f"Model {name} has an unreadable {path.name}: {error}.") from error
