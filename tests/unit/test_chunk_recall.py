"""On texts with marked spans, cuts seldom go through what belongs together."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
from tiny_tokenizers import minilm_file

from vecstream_cli.models.tokenizer import Tokenizer

SCRIPT = Path(__file__).parents[2] / "scripts" / "chunkeval.py"


@pytest.fixture(scope="module")
def chunkeval() -> ModuleType:
    spec = importlib.util.spec_from_file_location("chunkeval", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["chunkeval"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("size", "least"), [(128, 0.95), (256, 0.985), (512, 0.99)])
def test_reference_spans_lie_whole_in_one_chunk(
    corpora: Path, chunkeval: ModuleType, size: int, least: float
) -> None:
    texts, spans = chunkeval.load(corpora)
    tokenizer = Tokenizer.load(minilm_file(), max_tokens=size)

    result = chunkeval.score(chunkeval.vecstream(tokenizer, size), texts, spans)

    assert result.recall >= least
    assert result.retokenized <= result.chunks * 0.01
