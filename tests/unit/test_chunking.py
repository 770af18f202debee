"""The chunker's promises: exact offsets, exact ids, nothing lost, flat memory, no worst case."""

import tracemalloc
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_tokenizers import FAMILIES, NAMES, SAMPLE, load

from vecstream_cli.core.blocks import MAX_BLOCK_CHARS, Block, BlockKind
from vecstream_cli.core.chunk_size import max_chunk_chars
from vecstream_cli.core.chunking import Chunk, Chunker

PIECES = st.sampled_from(
    [
        *SAMPLE.split("\n")[:200],
        *(" ", "\n", "\n\n", "\t", "\u00a0", "\u3000", "x" * 300, "[SEP]", "</s>", "e\u0301"),
        *("漢字かな。", ". ", ", ", "\\n", "\x00", "\u200b", "🙂" * 40, " " * 400),
        *("\x85", "\x0b", "\x0c", "\x1c"),
    ]
)
BLOCKS = st.lists(
    st.builds(
        Block,
        st.lists(PIECES | st.text(max_size=8), min_size=1, max_size=12).map("".join),
        st.sampled_from([*BlockKind, BlockKind.PARAGRAPH, BlockKind.PARAGRAPH]),
        st.sampled_from([(), ("A",), ("A", "B"), ("C",)]),
        st.sampled_from([None, 1, 2]),
        st.booleans(),
    ),
    max_size=20,
)


@pytest.fixture(scope="module", params=[200, 32_768])
def window_chars(request: pytest.FixtureRequest) -> Iterator[int]:
    """Windows so small that chunks reach over several, and windows as they are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vecstream_cli.core.windows.WINDOW_CHARS", request.param)
        yield request.param


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    shared = tmp_path_factory.getbasetemp() / "tokenizers"  # trained once for all files
    shared.mkdir(exist_ok=True)
    return shared


@pytest.mark.usefixtures("window_chars")
@pytest.mark.parametrize("name", NAMES)
@given(blocks=BLOCKS, size=st.sampled_from([12, 40, 256]), overlap=st.sampled_from([0, 5]))
@settings(max_examples=30)
def test_every_chunk_has_exact_offsets_and_the_tokenizers_own_ids(
    name: str, folder: Path, blocks: list[Block], size: int, overlap: int
) -> None:
    tokenizer = load(name, folder)
    document = "".join(block.text for block in blocks)
    chunker = Chunker(tokenizer, size, overlap)

    made = list(chunker.chunks(blocks))

    for chunk in made:
        assert document[chunk.char_start : chunk.char_end] == chunk.text
        assert chunk.text == chunk.text.strip() != ""
        assert len(chunk.text) <= max_chunk_chars(size)
        assert tokenizer.overhead < len(chunk.ids) <= size
        if len(chunk.text) > 1:
            assert chunk.ids.tolist() == tokenizer.exact_ids(chunk.text).tolist()
    assert chunker.made == len(made)
    assert chunker.retokenized <= len(made)


@pytest.mark.parametrize("control", ["\x85", "\x1c", "\x0b"])
def test_a_control_that_python_takes_for_space_parts_no_word_at_a_window_s_end(
    control: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a window that ends before it, in the middle of what the tokenizer takes for one word
    monkeypatch.setattr("vecstream_cli.core.windows.WINDOW_CHARS", 20)
    tokenizer = load("wordpiece", folder)
    blocks = [Block(f"the formatter which{control}"), Block("0 and more of it")]
    # When it is cut
    chunks = list(Chunker(tokenizer, 40).chunks(blocks))
    # Then the ids are those of the text as one
    assert [chunk.text for chunk in chunks] == ["".join(block.text for block in blocks)]
    assert chunks[0].ids.tolist() == tokenizer.exact_ids(chunks[0].text).tolist()


@pytest.mark.usefixtures("window_chars")
@given(blocks=BLOCKS, size=st.sampled_from([12, 40, 256]), overlap=st.sampled_from([0, 5]))
@settings(max_examples=60)
def test_all_visible_text_but_skipped_blocks_is_in_some_chunk(
    folder: Path, blocks: list[Block], size: int, overlap: int
) -> None:
    made = list(Chunker(load("bytelevel", folder), size, overlap).chunks(blocks))

    covered: set[int] = set()
    for chunk in made:
        covered.update(range(chunk.char_start, chunk.char_end))
    at = 0
    for block in blocks:
        visible = {at + i for i, char in enumerate(block.text) if not char.isspace()}
        if block.kind is BlockKind.SKIPPED:
            assert not visible & covered
        else:
            assert visible <= covered
        at += len(block.text)


@given(blocks=BLOCKS, overlap=st.sampled_from([0, 10]))
@settings(max_examples=30)
def test_chunks_follow_each_other_and_come_out_the_same_each_time(
    folder: Path, blocks: list[Block], overlap: int
) -> None:
    tokenizer = load("wordpiece", folder)

    made = list(Chunker(tokenizer, 40, overlap).chunks(blocks))
    again = list(Chunker(tokenizer, 40, overlap).chunks(blocks))

    assert [_facts(chunk) for chunk in made] == [_facts(chunk) for chunk in again]
    for one, following in pairwise(made):
        assert one.char_start < following.char_start
        assert one.char_end < following.char_end
        assert overlap or one.char_end <= following.char_start


@pytest.mark.parametrize("name", NAMES)
def test_real_documents_keep_their_ids(name: str, folder: Path, corpora: Path) -> None:
    tokenizer = load(name, folder)
    chunker = Chunker(tokenizer, 256)
    files = [
        *sorted(corpora.glob("kep/**/*.md"))[::24],
        *sorted(corpora.glob("peps/**/*.rst"))[::50],
    ]

    for file in files:
        text = file.read_bytes().decode()
        for chunk in chunker.chunks(_paragraphs(text)):
            assert text[chunk.char_start : chunk.char_end] == chunk.text
            assert chunk.ids.tolist() == tokenizer.exact_ids(chunk.text).tolist()

    assert chunker.made > 100
    if FAMILIES[name] == "wordpiece":
        assert chunker.retokenized <= chunker.made * 0.01


def test_overlapping_chunks_share_whole_words_and_about_the_tokens_asked_for(folder: Path) -> None:
    text = " ".join(f"word{n}" for n in range(2000))

    made = list(Chunker(load("wordpiece", folder), 64, 16).chunks([Block(text)]))

    for one, following in pairwise(made):
        shared = text[following.char_start : one.char_end]
        assert shared.startswith("word")
        assert text[following.char_start - 1] == " "
        assert 8 <= len(load("wordpiece", folder).encode(shared, 64).ids) <= 16


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "word", ["a", "ab1", "漢", "สวัส", "🙂", ".", "(", "\\n", "\u0301", "\x00", "="]
)
def test_a_hundred_thousand_characters_without_a_space_are_many_small_chunks(
    name: str, folder: Path, word: str
) -> None:
    text = (word * 100_000)[:100_000]
    chunker = Chunker(load(name, folder), 256)

    made = list(chunker.chunks([Block(text[:60_000]), Block(text[60_000:], joined=True)]))

    assert all(len(chunk.text) <= max_chunk_chars(256) for chunk in made)
    assert all(len(chunk.ids) <= 256 for chunk in made)
    if word not in {"\u0301", "\x00"}:  # which have no tokens in some
        assert sum(len(chunk.text) for chunk in made) == len(text)
        assert len(made) > 20


def test_one_endless_word_is_read_and_not_given_up_as_unknown(folder: Path) -> None:
    tokenizer = load("wordpiece", folder)
    unknown = int(tokenizer.exact_ids("a" * 101)[1])

    made = list(Chunker(tokenizer, 256).chunks([Block("a" * 50_000)]))

    assert all(unknown not in chunk.ids for chunk in made)


def test_a_document_of_many_windows_is_never_held_whole(folder: Path) -> None:
    line = (" ".join(SAMPLE.split()[:4000]) + " ")[:MAX_BLOCK_CHARS]
    seen = 0

    def endless_line() -> Iterator[Block]:
        for _ in range(80):
            yield Block(line[:], joined=True)

    chunker = Chunker(load("wordpiece", folder), 256)
    assert list(chunker.chunks([Block(line)]))  # the words are remembered now
    tracemalloc.start()
    for chunk in chunker.chunks(endless_line()):
        seen = chunk.char_end
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert seen > 70 * len(line)
    assert peak < 12 << 20


def test_progress_is_called_for_each_block_before_its_chunks(folder: Path) -> None:
    calls: list[int] = []
    blocks = [Block("Some words.\n\n") for _ in range(50)]

    list(Chunker(load("wordpiece", folder), 32).chunks(blocks, lambda: calls.append(1)))

    assert len(calls) == 50


def test_a_size_that_leaves_no_room_is_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match="leave no room for text"):
        Chunker(load("wordpiece", folder, "a prompt that is longer than the chunk: "), 8)


def _paragraphs(text: str) -> Iterator[Block]:
    for paragraph in text.split("\n\n"):
        yield Block(paragraph + "\n\n")


def _facts(chunk: Chunk) -> tuple[object, ...]:
    return (
        chunk.text,
        chunk.char_start,
        chunk.place.page,
        chunk.place.heading,
        np.asarray(chunk.ids).tobytes(),
    )
