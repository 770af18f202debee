"""A row alone tells which file it is of, which of equal chunks it is, and if it is the last."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecstream_cli.core.ids import ChunkKey, DocumentId, document_id, row_id
from vecstream_cli.core.stored import (
    OCCURRENCES_COUNTED,
    DocumentRows,
    is_last,
    named,
    occurrence,
    position,
)

DOCUMENT = DocumentId(bytes(16))
KEY = ChunkKey(b"k" * 16)
NAMES = st.binary(min_size=1, max_size=12).filter(lambda name: b"\\x" not in name)


def shown(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")


@given(NAMES, NAMES)
def test_a_file_is_found_by_what_its_row_shows_whatever_its_bytes(
    source: bytes, path: bytes
) -> None:
    name = source.decode("utf-8", "surrogateescape")
    assert named(document_id(name, path), shown(source), shown(path)) == (name, path)


def test_a_name_that_looks_escaped_but_is_not_is_taken_as_it_is() -> None:
    path = b"caf\\xe9.md"  # a backslash, an x, …
    assert named(document_id("/docs", path), "/docs", path.decode()) == ("/docs", path)


def test_a_row_whose_names_do_not_make_its_document_id_is_nobodys() -> None:
    assert named(DOCUMENT, "/docs", "a.md") is None


@pytest.mark.parametrize("number", [0, 1, 7, OCCURRENCES_COUNTED + 70_000])
@pytest.mark.parametrize("guess", [0, 3])
def test_which_of_the_equal_chunks_a_row_is_follows_from_its_id(number: int, guess: int) -> None:
    ordinal = number if number < 100 else 70_000
    row = row_id(DOCUMENT, KEY, number)
    assert occurrence(row, DOCUMENT, KEY, ordinal, guess) == number


def test_an_id_that_no_such_chunk_can_have_is_seen() -> None:
    assert occurrence(row_id(DOCUMENT, KEY, 9), DOCUMENT, KEY, 5, 0) is None


@pytest.mark.parametrize("page_end", [None, 3])
@pytest.mark.parametrize("last", [False, True])
def test_the_position_carries_the_mark_beside_the_page(page_end: int | None, last: bool) -> None:
    stored = position({} if page_end is None else {"page_end": page_end}, last=last)
    assert is_last(stored) is last
    assert (json.loads(stored or "{}").get("page_end")) == page_end


@pytest.mark.parametrize("stored", [None, "", "null", "[]", "{", '{"last": 1}', '"last"'])
def test_anything_else_in_its_place_is_no_mark(stored: str | None) -> None:
    assert not is_last(stored)


def rows(**facts: int | bool) -> DocumentRows:
    """Three rows of one attempt, all there, but for `facts`."""
    whole = {
        "rows": 3, "ordinals": 3, "highest": 2, "last": 2, "least_attempt": 5, "attempt": 5,
        "same_content": True,
    }  # fmt: skip
    return DocumentRows(**(whole | facts))  # type: ignore[arg-type]


def test_rows_from_the_first_to_the_marked_last_are_a_whole_document() -> None:
    assert rows().whole


@pytest.mark.parametrize(
    "facts",
    [
        {"last": -1},  # the end was never written
        {"rows": 2, "ordinals": 2},  # the first or the second is missing
        {"ordinals": 2},  # one stands twice in the place of another
        {"highest": 3},  # there are rows behind the last
        {"least_attempt": 4},  # two versions in one
        {"same_content": False},
    ],
)
def test_anything_less_is_not(facts: dict[str, int | bool]) -> None:
    assert not rows(**facts).whole
