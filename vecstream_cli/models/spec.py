"""What a model folder's JSON files say about a model, read without torch or transformers."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vecstream_cli.core.ids import Fingerprint, fingerprint
from vecstream_cli.errors import ModelError
from vecstream_cli.models.digest import digest_of_files, digest_of_json
from vecstream_cli.models.json_files import optional, optional_list, required
from vecstream_cli.models.spec_images import (
    Padding,
    Vision,
    image_fact,
    padding_fact,
    read_vision,
)
from vecstream_cli.pixels import ImageInput

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

    `image` is what a model for pictures wants of them, None where it reads text only;
    `image_tokens` what a picture costs, in tokens. Without `has_text` it reads pictures only:
    then `max_tokens` is 0 and `tokenizer_file` not there. `padding` is for its text tower.
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
    image_tokens: int = 0
    has_text: bool = True
    padding: Padding | None = None


def read_spec(folder: Path, name: str | None = None, revision: str | None = None) -> ModelSpec:
    """The facts of the model in `folder`: a sentence-transformers or plain transformers one.

    Raises ModelError with one sentence where the folder is no model that vecstream can run.
    """
    folder = folder.absolute()
    name = str(folder) if name is None else name
    modules = _modules(folder, name)
    transformer = folder / modules.transformer
    config = required(transformer / "config.json", name)
    vision = read_vision(transformer, config, name)
    if vision is not None:
        return _vision_spec(folder, name, revision, config, vision, modules)
    if modules.makes_vectors:
        raise ModelError(f"Model {name} has no Pooling, so it does not give one vector a text.")
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
    prompts = optional(folder / "config_sentence_transformers.json", name) or {}
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


def _vision_spec(
    folder: Path,
    name: str,
    revision: str | None,
    config: Mapping[str, Any],
    vision: Vision,
    modules: "_Modules",
) -> ModelSpec:
    """A model for pictures makes its own vectors, of length 1: by their angle it was trained."""
    transformer = folder / modules.transformer
    if modules.pooling is not None or modules.dense:
        raise ModelError(f"Model {name} pools what a model for pictures gives.")
    prompts = optional(folder / "config_sentence_transformers.json", name) or {}
    tokenizer_file, max_tokens = transformer / "tokenizer.json", 0
    if vision.text is not None:
        tokenizer_file = _tokenizer_file(transformer, folder, name)
        max_tokens = _max_tokens(vision.text, {}, transformer, name)
        _insist_on_lower_case(transformer, tokenizer_file, name)
    weights = _weights(transformer, name)
    return ModelSpec(
        name=name,
        folder=folder,
        transformer=transformer,
        revision=revision,
        architecture=str(config["model_type"]),
        dimension=vision.dimension,
        max_tokens=max_tokens,
        pooling="its own",
        normalize=True,
        document_prompt=_prompt(prompts, "document", "passage", "corpus"),
        query_prompt=_prompt(prompts, "query"),
        include_prompt=True,
        dense=(),
        weights=weights,
        weights_bytes=sum(path.stat().st_size for path in weights),
        tokenizer_file=tokenizer_file,
        image=vision.image,
        image_tokens=vision.patches,
        has_text=vision.text is not None,
        padding=vision.padding,
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
    config = required(spec.transformer / "config.json", spec.name)
    pictures = {} if spec.image is None else {"pictures": image_fact(spec.image)}
    if spec.padding is not None:
        pictures["padding"] = padding_fact(spec.padding)
    return {
        "model": spec.name,
        "architecture": spec.architecture,
        "weights": digest_of_files(spec.weights),
        "config": digest_of_json(config, without=_ORIGIN_KEYS),
        "tokenizer": digest_of_files((spec.tokenizer_file,)) if spec.has_text else "none",
        "pooling": spec.pooling if spec.include_prompt else f"{spec.pooling} without the prompt",
        "dense": ", ".join(map(_dense_fact, spec.dense)) or "none",
        "normalize": "yes" if spec.normalize else "no",
        "document prompt": spec.document_prompt,
        "precision": precision,
        **pictures,
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
    makes_vectors: bool = False  # itself, with no pooling behind it


def _modules(folder: Path, name: str) -> _Modules:
    """The steps of modules.json; a plain transformers folder is mean-pooled and not normalized."""
    steps = optional_list(folder / "modules.json", name)
    if steps is None:
        return _Modules("", None, (), normalize=False)
    kinds = [str(step.get("type", "")).rpartition(".")[2] for step in steps]
    paths = [str(step.get("path", "")) for step in steps]
    if kinds[0] in ("CLIPModel", "Transformer") and set(kinds[1:]) <= {"Normalize"}:
        return _Modules(paths[0], None, (), normalize="Normalize" in kinds, makes_vectors=True)
    dense: list[DenseSpec] = []
    pooling: Mapping[str, Any] = {}
    for position, (kind, path) in enumerate(zip(kinds, paths, strict=True)):
        after = kinds[:position]
        if kind == "Transformer" and not after:
            continue
        if kind == "Pooling" and after == ["Transformer"]:
            pooling = required(folder / path / "config.json", name)
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
    config = required(folder / "config.json", name)
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
        return optional(path, str(folder)) or {}
    return {}


def _max_tokens(
    config: Mapping[str, Any], settings: Mapping[str, Any], folder: Path, name: str
) -> int:
    """sentence-transformers' limit, never above the positions that the model has."""
    tokenizer = optional(folder / "tokenizer_config.json", name) or {}
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
        index = optional(folder / f"{stem}.index.json", name)
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


def _insist_on_lower_case(folder: Path, tokenizer_file: Path, name: str) -> None:
    """SigLIP's first tokenizer lower-cases and drops punctuation before it looks at its file."""
    kind = (optional(folder / "tokenizer_config.json", name) or {}).get("tokenizer_class")
    if kind == "SiglipTokenizer" and not _lowercases(tokenizer_file):
        raise ModelError(
            f"Model {name} was trained on lower-cased text, and its tokenizer.json keeps capitals.",
            hint="Fetch the model again: its current tokenizer.json lower-cases.",
        )


def _lowercases(tokenizer_file: Path) -> bool:
    normalizer = json.dumps(json.loads(tokenizer_file.read_bytes()).get("normalizer"))
    return '"Lowercase"' in normalizer or '"lowercase": true' in normalizer
