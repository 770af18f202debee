"""What a model wants of pictures comes from its JSON files, in their newer and older forms."""

import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import pytest

from vecstream_cli.errors import ModelError
from vecstream_cli.models.spec import facts, read_spec, vector_fingerprint
from vecstream_cli.models.spec_images import Padding
from vecstream_cli.pixels import ImageInput

CLIP = {
    "model_type": "clip",
    "projection_dim": 8,
    "text_config": {"hidden_size": 6, "max_position_embeddings": 20},
    "vision_config": {"hidden_size": 10, "image_size": 32, "patch_size": 8},
}
CUT = {"size": {"shortest_edge": 36}, "crop_size": {"height": 32, "width": 32}}
PROCESSOR = CUT | {"image_processor_type": "CLIPImageProcessor", "resample": 3}
SQUARE = {"height": 32, "width": 32}


def write(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def model(
    folder: Path, config: dict[str, Any] | None = None, processor: dict[str, Any] | None = None
) -> Path:
    write(folder / "config.json", CLIP if config is None else config)
    write(folder / "preprocessor_config.json", PROCESSOR if processor is None else processor)
    write(folder / "tokenizer.json", {"model": {}, "normalizer": None})
    write(folder / "tokenizer_config.json", {"model_max_length": 77})
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder


def image(folder: Path) -> ImageInput:
    found = read_spec(folder).image
    assert found is not None
    return found


def test_a_model_for_both_says_what_it_wants_of_each(tmp_path):
    spec = read_spec(model(tmp_path / "model"))

    assert (spec.dimension, spec.max_tokens, spec.has_text, spec.normalize) == (8, 20, True, True)
    assert spec.image_tokens == 17
    assert (image(tmp_path / "model").height, image(tmp_path / "model").shortest_edge) == (32, 36)
    assert pickle.loads(pickle.dumps(spec)) == spec


def test_a_text_model_wants_no_pictures(tmp_path):
    folder = model(tmp_path / "model", {"model_type": "bert", "hidden_size": 8})

    spec = read_spec(folder)

    assert (spec.image, spec.padding, spec.has_text) == (None, None, True)
    assert not {"pictures", "padding"} & facts(spec).keys()


def test_a_model_for_pictures_alone_needs_no_tokenizer(tmp_path):
    folder = model(tmp_path / "model", {"model_type": "dinov2", "hidden_size": 12})
    (folder / "tokenizer.json").unlink()

    spec = read_spec(folder)

    assert (spec.has_text, spec.max_tokens, spec.dimension) == (False, 0, 12)
    assert facts(spec)["tokenizer"] == "none"


def test_the_processor_of_the_newer_file_goes_before_that_of_the_older(tmp_path):
    folder = model(tmp_path / "model")
    newer = CUT | {"image_processor_type": "CLIPImageProcessor", "resample": 2}
    write(folder / "processor_config.json", {"image_processor": newer})
    assert image(folder).resample == 2

    write(folder / "processor_config.json", {"processor_class": "CLIPProcessor"})
    assert image(folder).resample == 3


@pytest.mark.parametrize(
    "older",
    [
        {"size": 36, "crop_size": 32, "feature_extractor_type": "CLIPFeatureExtractor"},
        {"size": 36, "crop_size": 32, "image_processor_type": "CLIPImageProcessorFast"},
        {"size": 36, "crop_size": 32},
    ],
)
def test_sizes_were_once_written_as_one_number(tmp_path, older):
    assert image(model(tmp_path / "model", processor=older)) == image(model(tmp_path / "newer"))


def test_what_a_processor_leaves_out_is_its_kinds_own(tmp_path):
    siglip = {"image_processor_type": "SiglipImageProcessor", "size": SQUARE}
    vit = {"image_processor_type": "ViTImageProcessor", "size": SQUARE}

    found = image(model(tmp_path / "siglip", processor=siglip))

    assert (found.shortest_edge, found.resample, found.mean) == (None, 3, (0.5, 0.5, 0.5))
    assert image(model(tmp_path / "vit", processor=vit)).resample == 2


def test_numbers_that_are_switched_off_change_nothing(tmp_path):
    off = PROCESSOR | {"do_rescale": False, "do_normalize": False, "image_mean": [9, 9, 9]}

    found = image(model(tmp_path / "model", processor=off))

    assert (found.rescale, found.mean, found.std) == (1.0, (0.0,) * 3, (1.0,) * 3)


@pytest.mark.parametrize(
    ("processor", "what"),
    [
        ({"image_processor_type": "DonutImageProcessor"}, "is a DonutImageProcessor"),
        ({"do_resize": False}, "equally large"),
        ({"do_center_crop": False}, "equally large"),
        ({"size": {"shortest_edge": 20}}, "pads pictures"),
        ({"size": {"height": 40, "width": 40}}, "squeezed"),
    ],
)
def test_a_processor_that_cannot_be_followed_is_refused(tmp_path, processor, what):
    with pytest.raises(ModelError, match=what):
        read_spec(model(tmp_path / "model", processor=PROCESSOR | processor))


def test_a_processor_for_another_size_than_the_models_is_refused(tmp_path):
    larger = {"size": {"shortest_edge": 64}, "crop_size": {"height": 64, "width": 64}}

    with pytest.raises(ModelError, match=r"32 × 32 pixels, .* 64 × 64"):
        read_spec(model(tmp_path / "model", processor=PROCESSOR | larger))


def test_a_model_without_a_processor_is_refused(tmp_path):
    folder = model(tmp_path / "model")
    (folder / "preprocessor_config.json").unlink()

    with pytest.raises(ModelError, match=r"no preprocessor_config\.json"):
        read_spec(folder)


def test_siglip_2_for_any_shape_is_refused_with_what_works(tmp_path):
    with pytest.raises(ModelError, match="any shape") as refused:
        read_spec(model(tmp_path / "model", {"model_type": "siglip2"}))

    assert "siglip2-base-patch16-224" in str(refused.value.hint)


def test_siglips_texts_are_padded_as_its_tokenizer_says(tmp_path):
    config = CLIP | {"model_type": "siglip", "text_config": {"hidden_size": 10}}
    square = {"size": SQUARE, "image_processor_type": "SiglipImageProcessor"}
    folder = model(tmp_path / "model", config, square)
    said = {"pad_token": {"content": "</s>"}, "model_input_names": ["input_ids"]}
    write(folder / "tokenizer_config.json", said)

    padding = read_spec(folder).padding

    assert padding == Padding(length=64, token="</s>", token_id=1, left=False, masked=False)
    assert read_spec(folder).max_tokens == 64


def test_siglips_two_towers_must_meet(tmp_path):
    config = CLIP | {"model_type": "siglip", "text_config": {"hidden_size": 11}}

    with pytest.raises(ModelError, match="one space"):
        read_spec(model(tmp_path / "model", config))


def test_siglips_tokenizer_that_keeps_capitals_is_refused(tmp_path):
    folder = model(tmp_path / "model")
    write(folder / "tokenizer_config.json", {"tokenizer_class": "SiglipTokenizer"})

    with pytest.raises(ModelError, match="keeps capitals"):
        read_spec(folder)


def test_the_older_way_of_writing_a_towers_config_goes_first(tmp_path):
    older = {"image_size": 32, "patch_size": 16}
    config = CLIP | {"vision_config_dict": older, "text_config_dict": None}

    assert read_spec(model(tmp_path / "model", config)).image_tokens == 5


@pytest.mark.parametrize("kind", ["CLIPModel", "Transformer"])
@pytest.mark.parametrize("path", ["", "0_CLIPModel"])
def test_the_folders_of_sentence_transformers_are_read(tmp_path, kind, path):
    folder = tmp_path / "model"
    model(folder / path)
    write(folder / "modules.json", [{"path": path, "type": f"sentence_transformers.models.{kind}"}])

    spec = read_spec(folder)

    assert (spec.dimension, spec.transformer) == (8, folder / path)


def test_a_text_model_of_sentence_transformers_still_needs_a_pooling(tmp_path):
    folder = model(tmp_path / "model", {"model_type": "bert", "hidden_size": 8})
    write(folder / "modules.json", [{"path": "", "type": "sentence_transformers.Transformer"}])

    with pytest.raises(ModelError, match="no Pooling"):
        read_spec(folder)


@pytest.mark.parametrize(
    "changed",
    [
        {"resample": 2},
        {"image_mean": [0.5, 0.5, 0.5]},
        {"image_std": [0.25, 0.25, 0.25]},
        {"size": {"shortest_edge": 40}},
        {"rescale_factor": 0.5},
    ],
)
def test_a_changed_processor_is_another_fingerprint(tmp_path, changed):
    folder = model(tmp_path / "model")
    before = vector_fingerprint(read_spec(folder))

    write(folder / "preprocessor_config.json", PROCESSOR | changed)

    assert vector_fingerprint(read_spec(folder)) != before


def test_a_changed_padding_is_another_fingerprint(tmp_path):
    folder = model(tmp_path / "model")
    before = vector_fingerprint(read_spec(folder))

    write(folder / "tokenizer_config.json", {"model_max_length": 77, "padding_side": "left"})

    assert vector_fingerprint(read_spec(folder)) != before


def test_a_processor_that_is_only_written_down_anew_is_the_same_fingerprint(tmp_path):
    folder = model(tmp_path / "model")
    moved = shutil.copytree(folder, tmp_path / "moved")
    (moved / "preprocessor_config.json").unlink()
    write(moved / "processor_config.json", {"image_processor": PROCESSOR | {"do_rescale": True}})

    assert vector_fingerprint(read_spec(moved)) == vector_fingerprint(read_spec(folder))


@pytest.mark.parametrize(
    ("height", "width", "resized"), [(40, 80, (36, 72)), (80, 41, (70, 36)), (5, 5, (36, 36))]
)
def test_the_shorter_side_is_resized_and_the_longer_one_follows(height, width, resized):
    wanted = ImageInput(32, 32, shortest_edge=36)

    assert wanted.resized(height, width) == resized
    assert wanted.corner(36, 73) == (2, 20)
    assert ImageInput(32, 30).resized(height, width) == (32, 30)
    assert wanted.pixel_bytes == 32 * 32 * 3
