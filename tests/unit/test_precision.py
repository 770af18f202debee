"""bf16 and int8: near fp32's vectors, the same whatever they are batched with, never mixed in."""

import warnings
from itertools import pairwise

import numpy as np
import pytest
import torch
from tiny_models import sentence_model

from vecstream_cli.errors import UsageError
from vecstream_cli.models.encoder import Encoder
from vecstream_cli.models.spec import facts, read_spec, vector_fingerprint
from vecstream_cli.settings import PRECISIONS, Settings

LOWER = [precision for precision in PRECISIONS if precision != "fp32"]


@pytest.fixture(autouse=True)
def _others_warn():
    """torch's scripting warns of its own affairs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def some_ids(count=24):
    random = np.random.default_rng(5)
    lengths = random.integers(1, 60, size=count)
    return [random.integers(4, 14, size=length, dtype=np.int32) for length in lengths]


@pytest.mark.parametrize("precision", LOWER)
@pytest.mark.parametrize("kind", ["bert", "mpnet", "distilbert"])
def test_a_lower_precision_gives_nearly_the_same_vectors(tmp_path, kind, precision):
    spec = read_spec(sentence_model(tmp_path / "m", kind))
    exact = Encoder.load(spec, device="cpu").embed(some_ids())

    made = Encoder.load(spec, device="cpu", precision=precision).embed(some_ids())

    assert made.dtype == torch.float32
    assert not torch.equal(made, exact)
    assert torch.cosine_similarity(made, exact).min() > 0.98


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_text_has_the_same_vector_whatever_it_is_batched_with(tmp_path, precision):
    encoder = Encoder.load(
        read_spec(sentence_model(tmp_path / "m")), device="cpu", precision=precision
    )
    ids = some_ids()

    alone = torch.cat([encoder.embed([one]) for one in ids])
    together = encoder.embed(ids)
    backwards = encoder.embed(ids[::-1]).flip(0)

    assert (alone - together).abs().max() < 1e-3
    assert (alone - backwards).abs().max() < 1e-3


@pytest.mark.parametrize("activation", ["gelu_new", "relu"])
def test_int8_computes_other_activations_as_they_are_named(tmp_path, activation):
    from tiny_models import plain_model

    spec = read_spec(plain_model(tmp_path, "bert", hidden_act=activation))
    exact = Encoder.load(spec, device="cpu").embed(some_ids())

    made = Encoder.load(spec, device="cpu", precision="int8").embed(some_ids())

    assert torch.cosine_similarity(made, exact).min() > 0.98


def test_transformers_own_forward_runs_in_bf16_and_refuses_int8(tmp_path):
    spec = read_spec(sentence_model(tmp_path / "m", "electra"))
    exact = Encoder.load(spec, device="cpu").embed(some_ids())

    made = Encoder.load(spec, device="cpu", precision="bf16").embed(some_ids())

    assert torch.cosine_similarity(made, exact).min() > 0.98
    with pytest.raises(UsageError, match="int8"):
        Encoder.load(spec, device="cpu", precision="int8")


def test_each_precision_is_a_fingerprint_of_its_own_and_a_fact(tmp_path):
    spec = read_spec(sentence_model(tmp_path / "m"))

    assert len({vector_fingerprint(spec, precision) for precision in PRECISIONS}) == 3
    assert facts(spec, "int8")["precision"] == "int8"


def test_a_precision_that_is_not_known_is_refused_where_it_is_given():
    with pytest.raises(UsageError, match="int4"):
        Settings(precision="int4")


def test_one_kernel_for_all_lengths_gives_what_a_call_for_each_length_does(tmp_path):
    """The kernel itself needs a GPU; here a plain double stands in for it, sequence by sequence."""
    calls = []

    def double(query, key, value, sequences):
        calls.append(sequences.longest)
        mixed = torch.zeros_like(query)
        bounds = sequences.bounds.tolist()
        for start, end in pairwise(bounds):
            parts = (part[start:end].transpose(0, 1) for part in (query, key, value))
            made = torch.nn.functional.scaled_dot_product_attention(*parts)
            mixed[start:end] = made.transpose(0, 1)
        return mixed

    encoder = Encoder.load(read_spec(sentence_model(tmp_path / "m", "roberta")), device="cpu")
    by_length = encoder.embed(some_ids())
    encoder._model._varlen = double

    assert torch.allclose(encoder.embed(some_ids()), by_length, atol=1e-6)
    assert calls == [max(map(len, some_ids()))] * 2
