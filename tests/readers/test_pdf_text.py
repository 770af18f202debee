"""What comes out of a PDF is put right, and cut into paragraphs without losing a character."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecstream_cli.readers.pdf_text import cleaned, goes_on, paragraphs


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("dif\x02ferent", "different"),
        ("guar\ufffeantee", "guarantee"),
        ("COVID\x0219", "COVID-19"),
        ("non\x02European", "non-European"),
        ("DIF\x02FERENT", "DIFFERENT"),
        ("the \x02 parameter (\x02, d)", "the  parameter (, d)"),
        ("soft\u00adhyphen and soft\u00ad\nhyphen", "softhyphen and softhyphen"),
        ("one\r\ntwo\rthree", "one\ntwo\nthree"),
        ("\x00a\x03\x7f\x9f\ud800b", "ab"),
        ("trailing  \r\n\r\n", "trailing"),
    ],
)
def test_text_is_cleaned(raw: str, text: str) -> None:
    assert cleaned(raw) == text


@given(st.text(alphabet="aB1 .\n\r\x02•-\x0c\u2028"))
def test_paragraphs_join_to_the_text(raw: str) -> None:
    text = cleaned(raw)
    assert "".join(paragraphs(text)) == text


def test_a_short_line_that_ends_a_sentence_ends_a_paragraph() -> None:
    full = "A line of the running text that is full of words\n"
    found = paragraphs(full + "and ends early.\n" + full + full + "end.\n")
    assert len(found) == 2


def test_list_items_are_paragraphs() -> None:
    assert len(paragraphs("Shopping:\n• apples and\npears\n• bread\n1. first\n")) == 4


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("is not", "finished", True),
        ("is done.", "then", False),
        ("is not", "Finished", False),
        ("", "x", False),
    ],
)
def test_a_paragraph_goes_on_where_the_sentence_does(
    before: str, after: str, expected: bool
) -> None:
    assert goes_on(before, after) is expected
