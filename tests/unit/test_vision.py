"""Vectors of texts and of pictures are those of transformers' own processors and models."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_vision
import torch
from PIL import Image
from tiny_vision import SIDE, TEXTS, siglip2_tokenizer

from vecstream_cli.errors import InternalError, ModelError, UsageError
from vecstream_cli.models.encoder import Encoder
from vecstream_cli.models.spec import ModelSpec, read_spec
from vecstream_cli.models.tokenizer import Tokenizer
from vecstream_cli.readers.pixels import prepared

AGREE = 0.99999
SIZES = [(70, 50), (32, 32), (20, 90), (240, 40), (33, 47)]

Maker = Callable[[Path], Path]
BOTH: dict[str, Maker] = {
    "clip": tiny_vision.clip,
    "clip with the first configs' end of text": lambda at: tiny_vision.clip(at, eos=2),
    "siglip": tiny_vision.siglip,
    "siglip2": lambda at: tiny_vision.siglip(at, tokenizer=siglip2_tokenizer()),
}


def in_older_files(folder: Path) -> Path:
    """CLIP as the first on the hub were saved: numbers for sizes, and a feature extractor."""
    tiny_vision.clip(folder)
    (folder / "processor_config.json").unlink()
    older = {"feature_extractor_type": "CLIPFeatureExtractor", "size": 36, "crop_size": SIDE}
    steps = {"do_resize": True, "do_center_crop": True, "do_normalize": True, "resample": 2}
    numbers = {"image_mean": [0.5, 0.4, 0.3], "image_std": [0.2, 0.3, 0.4]}
    written = json.dumps(older | steps | numbers)
    (folder / "preprocessor_config.json").write_text(written)
    return folder


BOTH["clip in its older files"] = in_older_files
PICTURES_ONLY: dict[str, Maker] = {
    "dinov2": tiny_vision.dinov2,
    "dinov2 with registers": lambda at: tiny_vision.dinov2(at, registers=True),
}
ALL = BOTH | PICTURES_ONLY


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A model's folder by its name, made once."""
    found: dict[str, Path] = {}

    def make(name: str) -> Path:
        if name not in found:
            found[name] = ALL[name](tmp_path_factory.mktemp("models") / name.replace(" ", "-"))
        return found[name]

    return make


def pictures() -> list[Image.Image]:
    """Smooth shapes and noise of several sizes, as photographs have both."""
    made = np.random.default_rng(3)
    found = []
    for width, height in SIZES:
        across = np.linspace(0, 255, width)[None, :, None] * np.array([1, 0.5, 0.2])
        down = np.linspace(0, 255, height)[:, None, None] * np.array([0.1, 0.3, 0.7])
        noise = made.integers(0, 60, (height, width, 3))
        found.append(Image.fromarray(np.clip(across + down + noise, 0, 255).astype(np.uint8)))
    return found


def pixels(spec: ModelSpec) -> torch.Tensor:
    assert spec.image is not None
    return torch.from_numpy(np.stack([prepared(image, spec.image) for image in pictures()]))


def processor(folder: Path) -> Any:
    from transformers import AutoImageProcessor, AutoProcessor

    kind = AutoProcessor if (folder / "tokenizer.json").exists() else AutoImageProcessor
    return kind.from_pretrained(folder, backend="pil")


def their_pictures(folder: Path) -> torch.Tensor:
    from transformers import AutoModel

    model = AutoModel.from_pretrained(folder).eval()
    inputs = processor(folder)(images=pictures(), return_tensors="pt")
    with torch.inference_mode():
        made = getattr(model, "get_image_features", model)(**inputs)
    return made.pooler_output


def their_texts(folder: Path) -> torch.Tensor:
    from transformers import AutoModel

    model = AutoModel.from_pretrained(folder).eval()
    padding = "max_length" if model.config.model_type == "siglip" else True
    inputs = processor(folder)(text=TEXTS, padding=padding, return_tensors="pt")
    with torch.inference_mode():
        return model.get_text_features(**inputs).pooler_output


def our_ids(spec: ModelSpec) -> list[np.ndarray]:
    tokenizer = Tokenizer.load(spec.tokenizer_file, max_tokens=spec.max_tokens)
    return [tokenizer.exact_ids(text) for text in TEXTS]


def cosine(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    return float(torch.cosine_similarity(ours.double(), theirs.double(), dim=1).min())


@pytest.mark.parametrize("name", ALL)
def test_pictures_have_the_vectors_of_transformers(name, made):
    spec = read_spec(made(name))

    ours = Encoder.load(spec, device="cpu").embed_pixels(pixels(spec))

    assert cosine(ours, their_pictures(made(name))) >= AGREE


@pytest.mark.parametrize("name", BOTH)
def test_texts_have_the_vectors_of_transformers(name, made):
    spec = read_spec(made(name))

    ours = Encoder.load(spec, device="cpu").embed(our_ids(spec))

    assert cosine(ours, their_texts(made(name))) >= AGREE


@pytest.mark.parametrize("name", BOTH)
def test_a_text_has_the_same_vector_alone_and_among_longer_ones(name, made):
    spec = read_spec(made(name))
    encoder = Encoder.load(spec, device="cpu")
    ids = our_ids(spec)

    alone = torch.cat([encoder.embed([each]) for each in ids])

    assert cosine(alone, encoder.embed(ids)) >= AGREE


def test_siglip_2_reads_lower_case_though_gemmas_tokenizer_keeps_capitals(made, tmp_path):
    # The models on the hub were saved with Gemma's tokenizer, which ignores this setting.
    folder = shutil.copytree(made("siglip2"), tmp_path / "model")
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    tokenizer["normalizer"] = tokenizer["normalizer"]["normalizers"][-1]
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    config = json.loads((folder / "tokenizer_config.json").read_text())
    config |= {"tokenizer_class": "GemmaTokenizer", "do_lower_case": True}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))

    theirs = our_ids(read_spec(made("siglip2")))

    assert list(map(list, our_ids(read_spec(folder)))) == list(map(list, theirs))


def their_levels(folder: Path, spec: ModelSpec, images: list[Image.Image]) -> torch.Tensor:
    """What the model's own processor makes, before it is normalized: levels of 0 to 255."""
    assert spec.image is not None
    mean, std = (torch.tensor(each)[:, None, None] for each in (spec.image.mean, spec.image.std))
    theirs = processor(folder)
    made = getattr(theirs, "image_processor", theirs)(images=images, return_tensors="pt")
    return ((made["pixel_values"] * std + mean) / spec.image.rescale).permute(0, 2, 3, 1)


@pytest.mark.parametrize("name", ALL)
def test_pixels_are_those_of_the_models_own_processor(name, made):
    spec = read_spec(made(name))

    levels = their_levels(made(name), spec, pictures())

    assert float((levels - pixels(spec)).abs().max()) < 0.001


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "HSV", "YCbCr"])
def test_pixels_of_every_mode_are_those_of_the_models_own_processor(mode, made):
    spec = read_spec(made("clip"))
    assert spec.image is not None
    image = pictures()[0]
    if "A" in mode:
        image.putalpha(Image.linear_gradient("L").resize(image.size))
    image = image.convert(mode)

    levels = their_levels(made("clip"), spec, [image])

    assert float((levels[0] - torch.from_numpy(prepared(image, spec.image))).abs().max()) < 0.001


def test_pixels_of_a_very_long_image_differ_by_no_more_than_their_rounding(made):
    # Only what is cut out is resized, so the places of its pixels are rounded once more.
    spec = read_spec(made("clip"))
    assert spec.image is not None
    image = pictures()[0].resize((3_000, 41))

    levels = their_levels(made("clip"), spec, [image])

    assert float((levels[0] - torch.from_numpy(prepared(image, spec.image))).abs().max()) < 2.5


@pytest.mark.parametrize("name", ALL)
def test_vectors_have_length_one_and_the_dimension_that_was_promised(name, made):
    spec = read_spec(made(name))
    encoder = Encoder.load(spec, device="cpu")

    vectors = encoder.embed_pixels(pixels(spec))

    assert vectors.shape == (len(SIZES), spec.dimension)
    assert vectors.dtype == torch.float32
    assert torch.allclose(vectors.norm(dim=1), torch.ones(len(SIZES)))


def test_vectors_are_written_where_they_are_wanted(made):
    spec = read_spec(made("clip"))
    encoder = Encoder.load(spec, device="cpu")
    slot = torch.zeros((7, spec.dimension))

    encoder.embed_pixels(pixels(spec), out=slot[:5])

    assert torch.equal(slot[:5], encoder.embed_pixels(pixels(spec)))
    assert not slot[5:].any()
    assert encoder.embed_pixels(pixels(spec)[:0]).shape == (0, spec.dimension)


@pytest.mark.parametrize("name", ALL)
def test_bf16_is_near(name, made):
    spec = read_spec(made(name))

    near = Encoder.load(spec, device="cpu", precision="bf16").embed_pixels(pixels(spec))

    assert cosine(near, Encoder.load(spec, device="cpu").embed_pixels(pixels(spec))) > 0.99


def test_int8_is_refused_in_a_sentence(made):
    with pytest.raises(UsageError, match="cannot be run in int8"):
        Encoder.load(read_spec(made("clip")), device="cpu", precision="int8")


def test_only_the_towers_that_are_used_are_loaded(made):
    spec = read_spec(made("clip"))
    encoder = Encoder.load(spec, device="cpu")

    encoder.embed_pixels(pixels(spec))

    assert list(encoder._model._loaded) == ["CLIPVisionModelWithProjection"]


def test_a_batch_of_siglips_texts_costs_its_full_length(made):
    lengths = np.array([3, 5])

    assert Encoder.load(read_spec(made("siglip")), device="cpu").cost(lengths) == 128
    assert Encoder.load(read_spec(made("clip")), device="cpu").cost(lengths) == 10


def test_the_budget_of_pictures_follows_their_patches(made):
    encoder = Encoder.load(read_spec(made("clip")), device="cpu")

    assert encoder.image_budget == encoder.token_budget // ((SIDE // 8) ** 2 + 1)


def test_pictures_of_another_size_or_kind_never_reach_the_device(made):
    spec = read_spec(made("clip"))
    encoder = Encoder.load(spec, device="cpu")

    with pytest.raises(InternalError, match="reached a model"):
        encoder.embed_pixels(pixels(spec)[:, 1:])
    with pytest.raises(InternalError, match="reached a model"):
        encoder.embed_pixels(pixels(spec).float())


def test_text_for_a_model_of_pictures_is_a_bug_that_says_so(made):
    encoder = Encoder.load(read_spec(made("dinov2")), device="cpu")

    with pytest.raises(InternalError, match="reads pictures"):
        encoder.embed([np.array([1, 2], np.int32)])


def test_a_tower_without_its_weights_is_refused(made, tmp_path):
    from safetensors.torch import load_file, save_file

    folder = tiny_vision.clip(tmp_path / "model")
    kept = {k: v for k, v in load_file(folder / "model.safetensors").items() if "visual" not in k}
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
    spec = read_spec(folder)

    with pytest.raises(ModelError, match="visual_projection"):
        Encoder.load(spec, device="cpu").embed_pixels(pixels(spec))
