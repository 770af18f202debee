"""Where chunks begin and end: at headings, paragraphs, sentences before words; and their place."""

from pathlib import Path

import pytest
from tiny_tokenizers import load

from vecstream_cli.core.blocks import Block, BlockKind
from vecstream_cli.core.chunking import Chunk, Chunker

WORDS = "one two three four five six seven eight nine ten"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    shared = tmp_path_factory.getbasetemp() / "tokenizers"  # trained once for all files
    shared.mkdir(exist_ok=True)
    return shared


def _chunks(folder: Path, size: int, *blocks: Block) -> list[Chunk]:
    return list(Chunker(load("wordpiece", folder), size).chunks(blocks))


def _heading(title: str, *path: str) -> Block:
    return Block(f"{title}\n\n", BlockKind.HEADING, heading=(*path, title))


def test_a_chunk_ends_before_a_heading_rather_than_behind_it(folder: Path) -> None:
    made = _chunks(
        folder,
        32,
        Block(f"{WORDS}. {WORDS}.\n\n"),
        _heading("Title"),
        Block(f"{WORDS}. {WORDS}.\n\n", heading=("Title",)),
    )

    assert [chunk.text.split()[0] for chunk in made] == ["one", "Title"]
    assert [chunk.place.heading for chunk in made] == [(), ("Title",)]


def test_small_sections_share_a_chunk_under_the_heading_they_have_in_common(folder: Path) -> None:
    made = _chunks(
        folder,
        128,
        _heading("Top"),
        _heading("Left", "Top"),
        Block("Few words.\n\n", heading=("Top", "Left")),
        _heading("Right", "Top"),
        Block("Few more.\n\n", heading=("Top", "Right")),
    )

    assert [chunk.place.heading for chunk in made] == [("Top",)]


def test_sections_with_nothing_in_common_are_named_after_the_first(folder: Path) -> None:
    made = _chunks(folder, 128, _heading("A"), Block("a\n\n", heading=("A",)), _heading("B"))

    assert [chunk.place.heading for chunk in made] == [("A",)]


def test_a_paragraph_is_cut_between_sentences(folder: Path) -> None:
    made = _chunks(folder, 32, Block(f"{WORDS}. " * 12))

    assert all(chunk.text.startswith("one") for chunk in made)
    assert all(chunk.text.endswith("ten.") for chunk in made)


@pytest.mark.parametrize("short", ["Dr.", "et al.", "e.g.", "U.S.", "J."])
def test_an_abbreviation_ends_no_sentence(folder: Path, short: str) -> None:
    text = f"{WORDS} {short} Ten {WORDS}. " * 20

    made = _chunks(folder, 40, Block(text))

    assert not any(chunk.text.endswith(short) for chunk in made)


def test_chinese_sentences_need_no_space_to_be_told_apart(folder: Path) -> None:
    made = _chunks(folder, 40, Block("今天天气很好。我们去公园散步吧！" * 30))

    assert all(chunk.text[-1] in "。！" for chunk in made)


def test_a_list_is_cut_between_lines_that_end_in_no_mark(folder: Path) -> None:
    made = _chunks(folder, 32, Block(f"item {WORDS}\n" * 20, BlockKind.LIST))

    assert all(chunk.text.startswith("item") for chunk in made)


def test_words_are_kept_whole_where_nothing_else_parts_them(folder: Path) -> None:
    made = _chunks(folder, 16, Block("considerable " * 200))

    assert all(set(chunk.text.split()) == {"considerable"} for chunk in made)


def test_the_end_of_a_document_is_not_left_in_a_crumb(folder: Path) -> None:
    made = _chunks(folder, 64, Block("\n".join([f"{WORDS}."] * 6)))

    assert len(made) == 2
    assert min(len(chunk.ids) for chunk in made) >= 16


def test_no_chunk_reaches_over_a_skipped_block(folder: Path) -> None:
    made = _chunks(
        folder, 128, Block("Before.\n"), Block("left: out\n", BlockKind.SKIPPED), Block("After.\n")
    )

    assert [(chunk.text, chunk.char_start) for chunk in made] == [("Before.", 0), ("After.", 18)]


def test_a_chunk_over_two_pages_names_both(folder: Path) -> None:
    made = _chunks(folder, 128, Block("On one.\n", page=1), Block("On two.\n", page=2))

    assert [(chunk.place.page, chunk.place.position.get("page_end")) for chunk in made] == [(1, 2)]


def test_space_at_a_pages_start_does_not_make_the_page_before_its_own(folder: Path) -> None:
    made = _chunks(
        folder, 24, Block(f"{WORDS}. {WORDS}.\n\n", page=1), Block(f"  {WORDS}. {WORDS}.", page=2)
    )

    assert [(chunk.place.page, chunk.place.position.get("page_end")) for chunk in made] == [
        (1, None),
        (2, None),
    ]


@pytest.mark.parametrize("text", ["", " \n\t", "\x00\x00", "\u200b"])
def test_text_without_tokens_makes_no_chunk(folder: Path, text: str) -> None:
    assert _chunks(folder, 32, Block(text)) == []


def test_an_edit_leaves_the_chunks_of_other_sections_as_they_were(folder: Path) -> None:
    def document(word: str) -> list[Block]:
        blocks: list[Block] = []
        for section in range(12):
            blocks.append(_heading(f"Section {section}"))
            said = f"{word} " if section == 1 else ""
            blocks.extend(Block(f"{said}{WORDS} {section}.\n\n" * 2) for _ in range(4))
        return blocks

    before = {chunk.text for chunk in _chunks(folder, 128, *document("old"))}
    after = {chunk.text for chunk in _chunks(folder, 128, *document("an entirely new"))}

    assert len(after - before) <= 2


def test_a_chunk_over_two_rows_names_the_first_and_what_the_last_has_of_its_own(
    folder: Path,
) -> None:
    rows = [
        Block("One.\n", position={"sheet": "Costs", "row": 2}),
        Block("Two.\n", position={"sheet": "Costs", "row": 3}),
    ]

    [made] = _chunks(folder, 128, *rows)

    assert made.place.position == {"sheet": "Costs", "row": 2, "row_end": 3}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("lines", [40, 9000])  # within one window of text, and over several
def test_a_chunk_knows_the_lines_it_stands_on(folder: Path, end: str, lines: int) -> None:
    blocks = [Block(f"line {n} {WORDS}{end}") for n in range(1, lines + 1)]
    blocks[4] = Block(blocks[4].text, BlockKind.SKIPPED)
    blocks[7:7] = [Block(end * 30_000)] * 3 if lines > 40 else []
    text = "".join(block.text for block in blocks)

    made = _chunks(folder, 64, *blocks)

    assert len(made) > 5
    for chunk in made[:: max(1, len(made) // 50)]:
        before = len((text[: chunk.char_start] + "x").splitlines())
        assert chunk.lines == (before, before + len(chunk.text.splitlines()) - 1)
