"""A model's facts come from its JSON files, and its fingerprint from what decides a vector."""

import json
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from vecstream_cli.errors import ModelError
from vecstream_cli.models.spec import facts, read_spec, vector_fingerprint


def write(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def module(place: int, path: str, kind: str) -> dict[str, object]:
    return {"idx": place, "name": str(place), "path": path, "type": f"sentence_transformers.{kind}"}


STEPS = [
    module(0, "", "Transformer"),
    module(1, "1_Pooling", "Pooling"),
    module(2, "2", "Normalize"),
]


@pytest.fixture
def folder(tmp_path) -> Path:
    folder = tmp_path / "model"
    write(folder / "config.json", {"model_type": "bert", "hidden_size": 8})
    write(folder / "tokenizer.json", {"model": {}, "normalizer": None})
    (folder / "model.safetensors").write_bytes(b"weights")
    write(folder / "modules.json", STEPS)
    write(folder / "1_Pooling" / "config.json", {"pooling_mode_cls_token": True})
    return folder


def test_a_plain_folder_is_mean_pooled_and_not_normalized(folder):
    (folder / "modules.json").unlink()

    spec = read_spec(folder)

    assert (spec.pooling, spec.normalize, spec.dimension) == ("mean", False, 8)


def test_the_modules_decide_pooling_and_normalization(folder):
    spec = read_spec(folder, "a name", "abc")

    assert (spec.pooling, spec.normalize) == ("cls", True)
    assert (spec.name, spec.revision, spec.weights_bytes) == ("a name", "abc", 7)
    assert pickle.loads(pickle.dumps(spec)) == spec


@pytest.mark.parametrize(
    ("config", "pooling", "dimension"),
    [
        ({"pooling_mode": "max"}, "max", 8),
        ({"pooling_mode": ["cls", "mean"]}, "cls+mean", 16),
        ({"pooling_mode_mean_tokens": True, "pooling_mode_max_tokens": True}, "max+mean", 16),
        ({"pooling_mode_mean_tokens": False, "pooling_mode_lasttoken": True}, "lasttoken", 8),
        ({"word_embedding_dimension": 8}, "mean", 8),
    ],
)
def test_pooling_is_read_in_the_old_and_the_new_spelling(folder, config, pooling, dimension):
    write(folder / "1_Pooling" / "config.json", config)

    spec = read_spec(folder)

    assert (spec.pooling, spec.dimension) == (pooling, dimension)


@pytest.mark.parametrize(
    ("prompts", "document", "query"),
    [
        ({}, "", ""),
        ({"prompts": {"query": "q: ", "passage": "p: "}}, "p: ", "q: "),
        ({"prompts": {"a": "A "}, "default_prompt_name": "a"}, "A ", "A "),
        ({"prompts": {"query": None, "document": None}, "default_prompt_name": None}, "", ""),
        ({"prompts": {"document": "", "a": "A "}, "default_prompt_name": "a"}, "", "A "),
    ],
)
def test_prompts_are_picked_as_sentence_transformers_picks_them(folder, prompts, document, query):
    write(folder / "config_sentence_transformers.json", prompts)

    spec = read_spec(folder)

    assert (spec.document_prompt, spec.query_prompt) == (document, query)


@pytest.mark.parametrize(
    ("config", "tokenizer", "settings", "limit"),
    [
        ({"max_position_embeddings": 512}, {}, {"max_seq_length": 256}, 256),
        ({"max_position_embeddings": 512}, {"model_max_length": 384}, {}, 384),
        ({"max_position_embeddings": 512}, {"model_max_length": int(1e30)}, {}, 512),
        ({"max_position_embeddings": 128}, {}, {"max_seq_length": 256}, 128),
        ({"max_position_embeddings": 514, "model_type": "roberta", "pad_token_id": 1}, {}, {}, 512),
        ({}, {}, {}, 512),
    ],
)
def test_the_limit_is_the_models_own_and_never_above_its_positions(
    folder, config, tokenizer, settings, limit
):
    write(folder / "config.json", {"model_type": "bert", "hidden_size": 8} | config)
    write(folder / "tokenizer_config.json", tokenizer)
    write(folder / "sentence_bert_config.json", settings)

    assert read_spec(folder).max_tokens == limit


def test_a_transformer_in_a_folder_of_its_own_is_found(folder):
    inner = folder / "0_Transformer"
    inner.mkdir()
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        shutil.move(folder / name, inner / name)
    write(folder / "modules.json", [module(0, "0_Transformer", "Transformer"), *STEPS[1:]])

    spec = read_spec(folder)

    assert (spec.folder, spec.transformer) == (folder, inner)


def test_weights_in_shards_are_all_named(folder):
    (folder / "model.safetensors").rename(folder / "a.safetensors")
    (folder / "b.safetensors").write_bytes(b"more")
    index = {"weight_map": {"x": "a.safetensors", "y": "b.safetensors", "z": "a.safetensors"}}
    write(folder / "model.safetensors.index.json", index)

    spec = read_spec(folder)

    assert [path.name for path in spec.weights] == ["a.safetensors", "b.safetensors"]
    assert spec.weights_bytes == 11


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda f: (f / "config.json").unlink(), "no config.json"),
        (lambda f: (f / "config.json").write_text("{"), "unreadable config.json"),
        (lambda f: (f / "config.json").write_text("[]"), "not a JSON object"),
        (lambda f: (f / "tokenizer.json").unlink(), "no tokenizer.json"),
        (lambda f: (f / "model.safetensors").unlink(), "no weights"),
        (lambda f: shutil.rmtree(f / "1_Pooling"), "no config.json in .*1_Pooling"),
        (lambda f: write(f / "modules.json", STEPS[:1]), "no Pooling"),
        (lambda f: write(f / "modules.json", []), "lists no modules"),
        (lambda f: write(f / "modules.json", [*STEPS, module(3, "", "CNN")]), "'CNN'"),
        (lambda f: write(f / "1_Pooling" / "config.json", {"pooling_mode": "odd"}), "odd"),
        (lambda f: write(f / "sentence_bert_config.json", {"do_lower_case": True}), "lower-cased"),
    ],
)
def test_a_folder_that_cannot_be_run_is_refused_in_a_sentence(folder, change, sentence):
    change(folder)

    with pytest.raises(ModelError, match=sentence):
        read_spec(folder, "m")


def test_a_moved_and_renamed_model_keeps_its_fingerprint(folder, tmp_path):
    before = vector_fingerprint(read_spec(folder, "one"))
    moved = shutil.copytree(folder, tmp_path / "moved")
    write(moved / "config.json", {"hidden_size": 8, "_name_or_path": "x", "model_type": "bert"})

    assert vector_fingerprint(read_spec(moved, "two")) == before


@pytest.mark.parametrize(
    ("change", "fact"),
    [
        (lambda f: (f / "model.safetensors").write_bytes(b"WEIGHTS"), "weights"),
        (
            lambda f: write(f / "config.json", {"model_type": "bert", "hidden_size": 8, "x": 1}),
            "config",
        ),
        (lambda f: write(f / "tokenizer.json", {"normalizer": 1}), "tokenizer"),
        (lambda f: write(f / "1_Pooling" / "config.json", {"pooling_mode": "mean"}), "pooling"),
        (lambda f: write(f / "modules.json", STEPS[:2]), "normalize"),
        (
            lambda f: write(
                f / "config_sentence_transformers.json", {"prompts": {"document": "d: "}}
            ),
            "document prompt",
        ),
    ],
)
def test_whatever_decides_a_vector_changes_the_fingerprint_and_shows(folder, change, fact):
    before = read_spec(folder)
    old, print_before = facts(before), vector_fingerprint(before)

    change(folder)
    after = read_spec(folder)

    assert vector_fingerprint(after) != print_before
    assert {name for name, value in facts(after).items() if value != old[name]} == {fact}


def test_the_precision_class_is_part_of_the_fingerprint(folder):
    spec = read_spec(folder)

    assert vector_fingerprint(spec, "fp32") != vector_fingerprint(spec, "int8")


def test_a_blob_of_the_hubs_cache_is_not_read_again(folder):
    name = "ab" * 32
    blobs = folder.parent / "blobs"
    blobs.mkdir()
    (folder / "model.safetensors").rename(blobs / name)
    (folder / "model.safetensors").symlink_to(blobs / name)

    assert facts(read_spec(folder))["weights"] == name


def test_reading_a_spec_imports_nothing_heavy(folder):
    code = (
        "import sys; from pathlib import Path; from vecstream_cli.models.spec import *;"
        "import vecstream_cli.models.resolve;"
        f"vector_fingerprint(read_spec(Path({str(folder)!r})));"
        "heavy = {'torch', 'transformers', 'tokenizers', 'huggingface_hub', 'pyarrow', 'lancedb'};"
        "sys.exit(sorted(heavy & set(sys.modules)) or 0)"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
