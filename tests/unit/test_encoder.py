"""The encoder gives sentence-transformers' own vectors, for every kind of model it runs."""

import warnings

import numpy as np
import pytest
import torch
from tiny_models import TEXTS, plain_model, sentence_model

from vecstream_cli.errors import InternalError, ModelError, UsageError
from vecstream_cli.models import linear as linear_module
from vecstream_cli.models.encoder import Encoder, is_out_of_memory
from vecstream_cli.models.spec import read_spec

PACKED = ["bert", "roberta", "xlm-roberta", "mpnet", "distilbert"]
PADDED = ["electra", "deberta-v2", "t5"]


@pytest.fixture(autouse=True)
def _others_warn():
    """sentence-transformers and torch's scripting warn of their own affairs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def reference(folder, texts, prompt=None):
    """Their ids and their vectors."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), device="cpu")
    vectors = model.encode(texts, prompt=prompt, convert_to_tensor=True, show_progress_bar=False)
    ids = model.tokenizer([f"{prompt or ''}{text}" for text in texts])["input_ids"]
    return [np.array(row, dtype=np.int32) for row in ids], vectors


def assert_same(ours, theirs):
    assert ours.shape == theirs.shape
    cosine = torch.cosine_similarity(ours.double(), theirs.double())
    assert cosine.min() >= 0.99999
    assert torch.allclose(ours, theirs, atol=1e-4)


@pytest.mark.parametrize("share_weights", [False, True])
@pytest.mark.parametrize("kind", PACKED)
def test_a_packed_model_gives_sentence_transformers_vectors(tmp_path, kind, share_weights):
    folder = sentence_model(tmp_path / "m", kind, normalize=False)
    ids, theirs = reference(folder, TEXTS)

    encoder = Encoder.load(read_spec(folder), device="cpu", share_weights=share_weights)

    assert encoder.kind == "packed"
    assert_same(encoder.embed(ids), theirs)


@pytest.mark.parametrize("kind", PACKED)
def test_a_packed_model_needs_no_onednn(tmp_path, kind, monkeypatch):
    folder = sentence_model(tmp_path / "m", kind)
    ids, theirs = reference(folder, TEXTS)
    monkeypatch.setattr(linear_module, "_onednn_works", lambda: False)

    encoder = Encoder.load(read_spec(folder), device="cpu")

    assert_same(encoder.embed(ids), theirs)


@pytest.mark.parametrize("kind", PADDED)
def test_any_other_encoder_gives_sentence_transformers_vectors(tmp_path, kind):
    folder = sentence_model(tmp_path / "m", kind, normalize=False)
    ids, theirs = reference(folder, TEXTS)

    encoder = Encoder.load(read_spec(folder), device="cpu")

    assert encoder.kind == "padded"
    assert_same(encoder.embed(ids), theirs)


@pytest.mark.parametrize("kind", ["bert", "electra"])
def test_a_plain_transformers_folder_is_mean_pooled(tmp_path, kind):
    folder = plain_model(tmp_path, kind)
    ids, theirs = reference(folder, TEXTS)

    assert_same(Encoder.load(read_spec(folder), device="cpu").embed(ids), theirs)


@pytest.mark.parametrize("activation", ["gelu_new", "relu", "silu"])
def test_other_activations_are_computed_as_they_are_named(tmp_path, activation):
    folder = plain_model(tmp_path, "bert", hidden_act=activation)
    ids, theirs = reference(folder, TEXTS)

    assert_same(Encoder.load(read_spec(folder), device="cpu").embed(ids), theirs)


POOLINGS = ["cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"]


@pytest.mark.parametrize("pooling", [*POOLINGS, ("cls", "mean")])
@pytest.mark.parametrize("include_prompt", [True, False])
def test_every_pooling_is_theirs_with_and_without_the_prompt(tmp_path, pooling, include_prompt):
    folder = sentence_model(
        tmp_path / "m",
        pooling=pooling,
        prompts={"document": "read the ", "query": ""},
        include_prompt=include_prompt,
    )
    spec = read_spec(folder)
    ids, theirs = reference(folder, TEXTS, prompt=spec.document_prompt)

    assert spec.document_prompt == "read the "
    assert_same(Encoder.load(spec, device="cpu").embed(ids), theirs)


@pytest.mark.parametrize("normalize", [True, False])
def test_a_dense_layer_stands_between_pooling_and_normalization(tmp_path, normalize):
    folder = sentence_model(tmp_path / "m", dense=12, normalize=normalize)
    ids, theirs = reference(folder, TEXTS)
    spec = read_spec(folder)

    assert spec.dimension == 12
    assert_same(Encoder.load(spec, device="cpu").embed(ids), theirs)


@pytest.mark.parametrize("kind", ["roberta", "mpnet"])
def test_a_padding_token_within_a_text_takes_no_position(tmp_path, kind):
    folder = sentence_model(tmp_path / "m", kind)
    texts = ["rotate [PAD] the keys", *TEXTS]
    ids, theirs = reference(folder, texts)

    assert 1 in ids[0]
    assert_same(Encoder.load(read_spec(folder), device="cpu").embed(ids), theirs)


def test_a_text_has_the_same_vector_alone_and_among_others(tmp_path):
    folder = sentence_model(tmp_path / "m")
    ids, _ = reference(folder, TEXTS)
    encoder = Encoder.load(read_spec(folder), device="cpu")

    together = encoder.embed(ids)
    alone = torch.cat([encoder.embed([one]) for one in ids])

    assert torch.allclose(together, alone, atol=1e-6)


def test_views_of_shared_memory_are_read_and_written_in_place(tmp_path):
    folder = sentence_model(tmp_path / "m")
    ids, _ = reference(folder, TEXTS)
    encoder = Encoder.load(read_spec(folder), device="cpu")
    region = bytearray(b"".join(row.tobytes() for row in ids))
    flat = torch.frombuffer(region, dtype=torch.int32)
    views = list(torch.split(flat, [len(row) for row in ids]))
    room = torch.full((len(ids), encoder.dimension), 7.0)

    made = encoder.embed(views, room)

    assert made is room
    assert torch.equal(room, encoder.embed(ids))
    assert region == b"".join(row.tobytes() for row in ids)


def test_read_only_ids_are_taken_without_a_warning(tmp_path):
    encoder = Encoder.load(read_spec(sentence_model(tmp_path / "m")), device="cpu")
    ids = np.array([1, 5, 6, 2], dtype=np.int32)
    ids.flags.writeable = False

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert encoder.embed([ids]).shape == (1, encoder.dimension)


def test_no_texts_give_no_vectors(tmp_path):
    encoder = Encoder.load(read_spec(sentence_model(tmp_path / "m")), device="cpu")

    assert encoder.embed([]).shape == (0, encoder.dimension)
    assert encoder.cost(np.array([], dtype=np.int32)) == 0


def test_padding_is_part_of_the_cost_only_where_it_is_computed(tmp_path):
    packed = Encoder.load(read_spec(sentence_model(tmp_path / "p")), device="cpu")
    padded = Encoder.load(read_spec(sentence_model(tmp_path / "e", "electra")), device="cpu")
    lengths = np.array([10, 4, 3])

    assert packed.cost(lengths) == 17
    assert padded.cost(lengths) == 30


@pytest.mark.parametrize("ids", [[], [5] * 200, [1, 64, 2], [1, -1, 2]])
def test_ids_that_no_tokenizer_makes_are_a_bug_and_not_a_vector(tmp_path, ids):
    encoder = Encoder.load(read_spec(sentence_model(tmp_path / "m")), device="cpu")

    with pytest.raises(InternalError):
        encoder.embed([np.array(ids, dtype=np.int32)])


def test_damaged_weights_are_named(tmp_path):
    spec = read_spec(sentence_model(tmp_path / "m"))
    spec.weights[0].write_bytes(spec.weights[0].read_bytes()[:1000])

    with pytest.raises(ModelError, match=r"model\.safetensors cannot be read"):
        Encoder.load(spec, device="cpu")


@pytest.mark.parametrize("kind", ["bert", "electra"])
def test_missing_weights_are_never_made_up(tmp_path, kind):
    from safetensors.torch import load_file, save_file

    spec = read_spec(sentence_model(tmp_path / "m", kind))
    tensors = load_file(spec.weights[0])
    del tensors["encoder.layer.1.output.dense.weight"]
    save_file(tensors, spec.weights[0], metadata={"format": "pt"})

    with pytest.raises(ModelError, match="weights"):
        Encoder.load(spec, device="cpu")


def test_weights_that_give_no_number_end_the_run(tmp_path):
    from safetensors.torch import load_file, save_file

    spec = read_spec(sentence_model(tmp_path / "m"))
    tensors = load_file(spec.weights[0])
    tensors["encoder.layer.1.output.dense.bias"][0] = float("nan")
    save_file(tensors, spec.weights[0], metadata={"format": "pt"})
    encoder = Encoder.load(spec, device="cpu")

    with pytest.raises(ModelError, match="not a number"):
        encoder.embed([np.array([1, 5, 2], dtype=np.int32)])


def test_a_pickled_checkpoint_is_read_as_weights_only(tmp_path):
    from safetensors.torch import load_file

    folder = sentence_model(tmp_path / "m")
    ids, theirs = reference(folder, TEXTS)
    safe = folder / "model.safetensors"
    torch.save(load_file(safe), folder / "pytorch_model.bin")
    safe.unlink()

    assert_same(Encoder.load(read_spec(folder), device="cpu").embed(ids), theirs)


def test_weights_under_a_task_heads_prefix_are_found(tmp_path):
    from safetensors.torch import load_file, save_file

    folder = sentence_model(tmp_path / "m")
    ids, theirs = reference(folder, TEXTS)
    safe = folder / "model.safetensors"
    tensors = {f"bert.{name}": tensor for name, tensor in load_file(safe).items()}
    save_file(tensors | {"cls.bias": torch.zeros(3)}, safe)

    assert_same(Encoder.load(read_spec(folder), device="cpu").embed(ids), theirs)


def test_a_device_that_is_not_there_is_a_mistake_of_usage(tmp_path):
    spec = read_spec(sentence_model(tmp_path / "m"))

    with pytest.raises(UsageError, match="cuda:99"):
        Encoder.load(spec, device="cuda:99")


def test_a_precision_that_is_not_known_is_refused(tmp_path):
    with pytest.raises(UsageError, match="int3"):
        Encoder.load(read_spec(sentence_model(tmp_path / "m")), device="cpu", precision="int3")


def test_memory_that_does_not_suffice_is_told_from_other_failures():
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))
    assert is_out_of_memory(MemoryError())
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 60, dtype=torch.uint8)
    assert is_out_of_memory(caught.value)
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
