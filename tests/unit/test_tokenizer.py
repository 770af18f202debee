"""The tokenizer wrapper: whatever it remembers or slices, the ids are the tokenizer's own."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_tokenizers import FAMILIES, NAMES, SAMPLE, load, tokenizer_file
from tokenizers import Tokenizer as HFTokenizer

from vecstream_cli.errors import ModelError
from vecstream_cli.models.tokenizer import Tokenizer

SLICEABLE = [name for name in NAMES if FAMILIES[name] != "generic"]

# Text that tokenizers disagree about: spaces of all kinds, marks that combine, special tokens.
HARD = st.sampled_from(
    [
        *(" ", "\n", "\t", "\u00a0", "\u3000", "\u2028", "\x1c", "\x85", "\x00", "  ", "\r\n"),
        *("\u0301", "\u200d", "[SEP]", "</s>", "<mask>", "don't", "naïve", "漢字", "。", "สวัสดี"),
        *("ﬁ", "´", "İ", "🙂", "…", "x" * 130, "#1"),
    ]
)
TEXTS = st.lists(HARD | st.sampled_from(SAMPLE.split()) | st.text(max_size=6), max_size=30).map(
    "".join
) | st.lists(st.sampled_from(SAMPLE.split()) | HARD, max_size=40).map(" ".join)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    shared = tmp_path_factory.getbasetemp() / "tokenizers"  # trained once for all files
    shared.mkdir(exist_ok=True)
    return shared


@pytest.mark.parametrize("name", NAMES)
def test_each_tokenizer_is_known_by_its_parts(name: str, folder: Path) -> None:
    tokenizer = load(name, folder)

    assert tokenizer.family == FAMILIES[name]
    assert tokenizer.sliceable == (FAMILIES[name] != "generic")


@pytest.mark.parametrize("name", NAMES)
@given(text=TEXTS)
@settings(max_examples=40)
def test_units_join_to_the_text_and_to_its_ids(name: str, folder: Path, text: str) -> None:
    tokenizer = load(name, folder)

    tokens = tokenizer.encode(text, longest_unit=128)

    assert tokens.chars[0] == tokens.tokens[0] == 0
    assert tokens.chars[-1] == len(text)
    assert tokens.tokens[-1] == len(tokens.ids)
    assert (np.diff(tokens.chars) > 0).all()
    assert (np.diff(tokens.tokens) >= 0).all()


@pytest.mark.parametrize("name", SLICEABLE)
@given(text=TEXTS)
@settings(max_examples=100)
def test_text_without_doubtful_units_has_the_tokenizers_own_ids(
    name: str, folder: Path, text: str
) -> None:
    tokenizer = load(name, folder)
    text = text.strip()
    tokens = tokenizer.encode(text, longest_unit=1 << 20)

    if text and not len(tokens.doubtful) and not len(tokens.severed):
        first = tokenizer.opening(text[: int(tokens.chars[1])])
        ids = np.concatenate((first, tokens.ids[int(tokens.tokens[1]) :]))
        assert tokenizer.model_input(ids).tolist() == tokenizer.exact_ids(text).tolist()


@pytest.mark.parametrize("name", NAMES)
def test_truncation_and_padding_in_the_file_are_ignored(
    name: str, folder: Path, tmp_path: Path
) -> None:
    raw = HFTokenizer.from_file(str(tokenizer_file(name, folder)))
    raw.enable_truncation(8)
    raw.enable_padding(length=64)
    raw.save(str(tmp_path / "tokenizer.json"))

    tokenizer = Tokenizer.load(tmp_path / "tokenizer.json", max_tokens=8)

    text = "one two three four " * 20
    assert tokenizer.exact_ids(text).tolist() == load(name, folder).exact_ids(text).tolist()


@pytest.mark.parametrize("name", NAMES)
def test_overhead_counts_special_tokens_and_prompt(name: str, folder: Path) -> None:
    plain, prompted = load(name, folder), load(name, folder, "query: ")
    empty = np.zeros(0, np.int32)

    assert plain.overhead == len(plain.model_input(empty)) == 2
    assert prompted.overhead == len(prompted.model_input(empty)) > 2


@pytest.mark.parametrize("name", NAMES)
def test_a_prompt_that_runs_into_the_text_leaves_nothing_to_slice(name: str, folder: Path) -> None:
    assert not load(name, folder, "query").sliceable


def test_a_special_token_in_the_text_is_doubtful(folder: Path) -> None:
    tokens = load("wordpiece", folder).encode("a [MASK] b", longest_unit=64)

    assert tokens.doubtful.tolist() == [1, 2, 3]  # " [", "MASK", "]"


def test_a_word_without_end_is_cut_into_pieces_that_are_still_read(folder: Path) -> None:
    tokens = load("wordpiece", folder).encode("see " + "ab" * 5000, longest_unit=64)

    assert np.diff(tokens.tokens).max() <= 64
    assert len(tokens.ids) > 2000
    assert len(tokens.severed) >= 99


def test_pieces_do_not_part_a_letter_from_its_marks(folder: Path) -> None:
    text = "e\u0301" * 500

    tokens = load("bytelevel", folder).encode(text, longest_unit=16)

    assert all(text[start] == "e" for start in tokens.chars[:-1])


def test_rare_words_do_not_pile_up_in_memory(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vecstream_cli.models.tokenizer._REMEMBERED_UNITS", 500)
    tokenizer = Tokenizer.load(tokenizer_file("wordpiece", folder), max_tokens=256)

    for start in range(0, 5000, 100):
        text = " ".join(f"word{n}" for n in range(start, start + 100))
        assert len(tokenizer.encode(text, 64).ids) == len(tokenizer.exact_ids(text)) - 2
        assert len(tokenizer._known) <= 500


def test_a_file_that_is_no_tokenizer_is_a_model_error(tmp_path: Path) -> None:
    broken = tmp_path / "tokenizer.json"
    broken.write_text("{}")

    with pytest.raises(ModelError, match="is not a tokenizer"):
        Tokenizer.load(broken, max_tokens=256)
    with pytest.raises(ModelError, match="cannot be read"):
        Tokenizer.load(tmp_path / "absent.json", max_tokens=256)


def test_loading_imports_neither_torch_nor_transformers(folder: Path) -> None:
    path = tokenizer_file("bytelevel", folder)
    code = (
        "import sys; from pathlib import Path;"
        "from vecstream_cli.models.tokenizer import Tokenizer;"
        f"Tokenizer.load(Path({str(path)!r}), max_tokens=64).encode('a b', 8);"
        "heavy = {'torch', 'transformers', 'lancedb', 'pyarrow'} & set(sys.modules);"
        "assert not heavy, heavy"
    )

    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
