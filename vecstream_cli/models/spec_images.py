"""What the JSON files of a model for pictures say: its two inputs and the length of its vectors."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vecstream_cli.errors import ModelError
from vecstream_cli.models.json_files import optional, required
from vecstream_cli.pixels import CHANNELS, ImageInput

# What a config.json leaves out, since it is the library's default.
_VISION: Mapping[str, Mapping[str, Any]] = {
    "clip": {"hidden_size": 768, "image_size": 224, "patch_size": 32},
    "siglip": {"hidden_size": 768, "image_size": 224, "patch_size": 16},
    "dinov2": {"hidden_size": 768, "image_size": 224, "patch_size": 14},
    "dinov2_with_registers": {"hidden_size": 768, "image_size": 224, "patch_size": 16},
}
_TEXT: Mapping[str, Mapping[str, Any]] = {
    "clip": {"hidden_size": 512, "max_position_embeddings": 77, "pad_token_id": 1},
    "siglip": {"hidden_size": 768, "max_position_embeddings": 64, "pad_token_id": 1},
}
_CLIP_DIMENSION = 512

_BILINEAR, _BICUBIC = 2, 3  # Pillow's numbers
_HALF = (0.5, 0.5, 0.5)
_OPENAI_MEAN = (0.48145466, 0.4578275, 0.40821073)
_OPENAI_STD = (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True, slots=True)
class _Processor:
    """What an image processor does where its JSON says nothing."""

    resample: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    size: Mapping[str, int]
    crops: bool


_CROPPED = _Processor(_BICUBIC, _OPENAI_MEAN, _OPENAI_STD, {"shortest_edge": 224}, crops=True)
_SQUARE = {"height": 224, "width": 224}
_PROCESSORS = {
    "CLIP": _CROPPED,
    "Bit": _CROPPED,
    "Siglip": _Processor(_BICUBIC, _HALF, _HALF, _SQUARE, crops=False),
    "ViT": _Processor(_BILINEAR, _HALF, _HALF, _SQUARE, crops=False),
}
_USUAL = {"clip": "CLIP", "siglip": "Siglip", "dinov2": "Bit", "dinov2_with_registers": "Bit"}


@dataclass(frozen=True, slots=True)
class Padding:
    """How a text tower's inputs are made equally long: to `length` tokens, 0 for the longest.

    `token` is what fills them, or `token_id` where the tokenizer's files name none; `masked`
    says whether the model is told which tokens are filling.
    """

    length: int
    token: str | None
    token_id: int
    left: bool
    masked: bool


@dataclass(frozen=True, slots=True)
class Vision:
    """What is particular to a model for pictures; `patches` are a picture's tokens.

    `text` is the text tower's config and `padding` how it is fed, both None without one.
    """

    image: ImageInput
    patches: int
    dimension: int
    text: Mapping[str, Any] | None
    padding: Padding | None


def read_vision(folder: Path, config: Mapping[str, Any], name: str) -> Vision | None:
    """The facts of the model for pictures in `folder`; None where `config` is of another kind.

    Raises ModelError where it is one that vecstream cannot run.
    """
    family = str(config.get("model_type", ""))
    if family == "siglip2":
        raise ModelError(
            f"Model {name} is a SigLIP 2 for pictures of any shape, which vecstream cannot run.",
            hint="The SigLIP 2 models of one size work, such as google/siglip2-base-patch16-224.",
        )
    if family not in _VISION:
        return None
    image = _image(folder, family, name)
    if family not in _TEXT:
        tower = {**_VISION[family], **{k: v for k, v in config.items() if v is not None}}
        return Vision(image, _patches(image, tower), int(tower["hidden_size"]), None, None)
    tower = _part(config, "vision", _VISION[family])
    text = _part(config, "text", _TEXT[family])
    own = _pair(tower["image_size"])
    if (image.height, image.width) != own:
        raise ModelError(
            f"Model {name} reads pictures of {own[0]} × {own[1]} pixels, and its processor makes "
            f"them {image.height} × {image.width}."
        )
    dimension = _shared_dimension(family, config, tower, text, name)
    padding = _padding(folder, family, text, name)
    return Vision(image, _patches(image, tower), dimension, text, padding)


def image_fact(image: ImageInput) -> str:
    """How pictures are prepared, in words that change whenever a pixel may."""
    way = "resized" if image.shortest_edge is None else f"cut from {image.shortest_edge}"
    numbers = (image.rescale, *image.mean, *image.std)
    return (
        f"{image.height}x{image.width} {way}, filter {image.resample}, "
        f"scale, mean and std {' '.join(f'{number:.6g}' for number in numbers)}"
    )


def padding_fact(padding: Padding) -> str:
    """How texts are padded, in words that change whenever a vector may."""
    filling = padding.token if padding.token is not None else padding.token_id
    side = "left" if padding.left else "right"
    mask = "masked" if padding.masked else "not masked"
    return f"to {padding.length or 'the longest'} with {filling} on the {side}, {mask}"


def _part(config: Mapping[str, Any], which: str, usual: Mapping[str, Any]) -> dict[str, Any]:
    """One tower's config; the older way of writing it down, where it is there, goes first."""
    newer, older = config.get(f"{which}_config") or {}, config.get(f"{which}_config_dict")
    found = {**usual, **newer} if older is None else {**newer, **usual, **older}
    return {key: usual.get(key) if value is None else value for key, value in found.items()}


def _shared_dimension(
    family: str,
    config: Mapping[str, Any],
    tower: Mapping[str, Any],
    text: Mapping[str, Any],
    name: str,
) -> int:
    if family == "clip":
        return int(config.get("projection_dim") or _CLIP_DIMENSION)
    pictures, texts = tower["hidden_size"], text.get("projection_size") or text["hidden_size"]
    if pictures != texts or not tower.get("vision_use_head", True):
        raise ModelError(f"Model {name} does not bring texts and pictures into one space.")
    return int(pictures)


def _patches(image: ImageInput, tower: Mapping[str, Any]) -> int:
    height, width = _pair(tower["patch_size"])
    return (image.height // height) * (image.width // width) + 1


def _padding(folder: Path, family: str, text: Mapping[str, Any], name: str) -> Padding:
    """What the tokenizer's files say of padding.

    SigLIP was trained on texts padded to its full length, with the padding read as text; it
    takes the vector of a text from the last place. To CLIP, which reads forward only and takes
    it from the end of the text, padding is nothing.
    """
    tokenizer = optional(folder / "tokenizer_config.json", name) or {}
    token = tokenizer.get("pad_token")
    if isinstance(token, dict):
        token = token.get("content")
    kind = str(tokenizer.get("tokenizer_class", ""))
    usual_side = "left" if kind.startswith(("Gemma", "Siglip2")) else "right"
    return Padding(
        length=int(text["max_position_embeddings"]) if family == "siglip" else 0,
        token=None if token is None else str(token),
        token_id=int(text["pad_token_id"]),
        left=tokenizer.get("padding_side", usual_side) == "left",
        masked="attention_mask" in tokenizer.get("model_input_names", ("attention_mask",)),
    )


def _image(folder: Path, family: str, name: str) -> ImageInput:
    """The picture that the model's processor makes, from its newer file or its older one."""
    both = optional(folder / "processor_config.json", name) or {}
    found = both.get("image_processor") or required(folder / "preprocessor_config.json", name)
    usual = _PROCESSORS[_processor(found, family, name)]
    size = _size(found.get("size", usual.size), usual)
    cuts = bool(found.get("do_center_crop", usual.crops))
    target = _size(found.get("crop_size") or _SQUARE, None) if cuts else size
    edge = size.get("shortest_edge")
    if not found.get("do_resize", True) or target.keys() != {"height", "width"}:
        raise _unknown(name, "does not make all pictures equally large")
    if edge is None and target != size:
        raise _unknown(name, f"cuts {target} from pictures squeezed to {size}")
    if edge is not None and (edge < max(target.values()) or "longest_edge" in size):
        raise _unknown(name, "pads pictures")
    scaled, normal = found.get("do_rescale", True), found.get("do_normalize", True)
    mean, std = found.get("image_mean", usual.mean), found.get("image_std", usual.std)
    resample = found.get("resample")
    return ImageInput(
        height=target["height"],
        width=target["width"],
        shortest_edge=edge,
        resample=usual.resample if resample is None else int(resample),
        rescale=float(found.get("rescale_factor", 1 / 255)) if scaled else 1.0,
        mean=_channels(mean) if normal else (0.0,) * CHANNELS,
        std=_channels(std) if normal else (1.0,) * CHANNELS,
    )


def _processor(found: Mapping[str, Any], family: str, name: str) -> str:
    """The kind of processor: the file's own word for it, or what the family mostly has."""
    written = found.get("image_processor_type") or found.get("feature_extractor_type")
    if written is None:
        return _USUAL[family]
    kind = str(written).removesuffix("Fast").removesuffix("Pil")
    kind = kind.removesuffix("ImageProcessor").removesuffix("FeatureExtractor")
    if kind not in _PROCESSORS:
        raise _unknown(name, f"is a {written}")
    return kind


def _size(written: Any, usual: _Processor | None) -> dict[str, int]:
    """A size in its newer way of writing it, or as the one number that it was before."""
    if isinstance(written, Mapping):
        return {key: int(value) for key, value in written.items() if value is not None}
    if usual is not None and "shortest_edge" in usual.size:
        return {"shortest_edge": int(written)}
    return dict(zip(("height", "width"), _pair(written), strict=True))


def _pair(written: Any) -> tuple[int, int]:
    """Height and width, written as two numbers or as one for both."""
    if isinstance(written, list | tuple):
        return int(written[0]), int(written[1])
    return int(written), int(written)


def _channels(written: Any) -> tuple[float, ...]:
    numbers = written if isinstance(written, list | tuple) else [written] * CHANNELS
    return tuple(float(number) for number in numbers)


def _unknown(name: str, what: str) -> ModelError:
    return ModelError(
        f"The image processor of model {name} {what}, which vecstream cannot do.",
        hint="The processors of CLIP, SigLIP, DINOv2 and ViT work, to pictures of one size.",
    )
