"""Lines and blocks join to the text they were cut from."""

import re

from hypothesis import given
from hypothesis import strategies as st

from vecstream_cli.core.blocks import MAX_BLOCK_CHARS
from vecstream_cli.readers.lines import blocks, lines, parts

_TEXT = st.text(alphabet=st.sampled_from("ab \t\r\n\x0b\x0c\x85\u2028é"))


@given(st.lists(_TEXT))
def test_lines_join_to_the_text_wherever_the_pieces_were_cut(pieces: list[str]) -> None:
    text = "".join(pieces)
    found = list(lines(pieces))
    assert "".join(found) == text
    assert found == list(lines([text]))


@given(_TEXT)
def test_a_line_has_one_end_and_it_is_the_last_thing(text: str) -> None:
    found = list(lines([text]))
    assert all(re.fullmatch(r"[^\r\n]*(\r\n|\r|\n)", line) for line in found[:-1])
    assert len(found) == len(re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+", text))


def test_a_line_without_end_comes_in_bounded_parts() -> None:
    text = "x" * (3 * MAX_BLOCK_CHARS + 5) + "\n"
    found = list(lines(text[at : at + 1000] for at in range(0, len(text), 1000)))
    assert "".join(found) == text
    assert max(map(len, found)) <= MAX_BLOCK_CHARS


@given(st.text(alphabet="ab \n\r\u0301", max_size=200), st.integers(2, 40))
def test_parts_join_to_the_text_and_keep_the_limit(text: str, limit: int) -> None:
    found = list(parts(text, limit))
    assert "".join(found) == text
    assert all(0 < len(part) <= limit for part in found)


def test_a_part_ends_after_white_space_where_there_is_some() -> None:
    assert list(parts("hello wide world", 13)) == ["hello wide ", "world"]


def test_a_part_does_not_start_with_a_combining_accent() -> None:
    assert list(parts("abce\u0301f", 4)) == ["abc", "e\u0301f"]


def test_all_blocks_of_a_cut_run_but_the_first_are_joined() -> None:
    cut = list(blocks("y" * (2 * MAX_BLOCK_CHARS + 1), heading=("H",), page=3))
    assert [block.joined for block in cut] == [False, True, True]
    assert {(block.heading, block.page) for block in cut} == {(("H",), 3)}
