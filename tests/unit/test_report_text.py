"""Numbers, names and snippets read well, and nothing in them can steer a terminal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reports import HOSTILE

from vecstream_cli.report import figures
from vecstream_cli.report.escape import decodable, one_line, printable
from vecstream_cli.report.places import folder, place
from vecstream_cli.report.snippet import snippet, stems

STEERING = {*map(chr, range(32)), *map(chr, range(0x7F, 0xA0)), "\u202e", "\u2066", "\u2028"}


@given(st.text())
def test_no_printed_text_holds_a_control_character(text: str) -> None:
    assert not STEERING & set(printable(text))


def test_a_byte_that_is_not_utf_8_is_shown_as_its_hex_digits() -> None:
    name = b"caf\xe9.md".decode("utf-8", "surrogateescape")
    assert printable(name) == decodable(name) == r"caf\xe9.md"


def test_an_escape_sequence_is_shown_not_obeyed() -> None:
    assert printable(HOSTILE) == r"a\x1b[31mred\x07\x9b2J\u202egnp.exe\xff" + r"\n"


def test_ordinary_text_is_left_as_it_is() -> None:
    assert printable("naïve 日本語 👩‍💻 C:\\path") == "naïve 日本語 👩‍💻 C:\\path"


def test_a_text_of_many_lines_becomes_one() -> None:
    assert one_line("  a\n\n b\tc\r\n") == "a b c"


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (812 << 20, "812 MiB"),
        (1023 << 20 | 1 << 19, "1.0 GiB"),
        (2 << 30, "2.0 GiB"),
        (5 << 50, "5,120 TiB"),
    ],
)
def test_sizes_have_the_unit_a_person_would_choose(number: int, shown: str) -> None:
    assert figures.size(number) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.04, "0.0 s"),
        (9.96, "10 s"),
        (59.6, "1 min 00 s"),
        (252, "4 min 12 s"),
        (3599.7, "1 h 00 min"),
        (3840, "1 h 04 min"),
    ],
)
def test_durations_are_in_two_units_at_most(seconds: float, shown: str) -> None:
    assert figures.duration(seconds) == shown


@pytest.mark.parametrize(
    ("rate", "shown"),
    [(0, "0.0"), (4.24, "4.2"), (412.3, "412"), (999.6, "1.0k"), (63100, "63.1k"), (2e5, "200k")],
)
def test_rates_have_three_digits(rate: float, shown: str) -> None:
    assert figures.rate(rate) == shown


def test_reused_chunks_are_told_where_there_are_any() -> None:
    assert figures.chunk_counts(1234, 0) == "1,234 chunks"
    assert figures.chunk_counts(1, 5678) == "1 chunk embedded, 5,678 reused"


def test_one_of_a_kind_is_singular() -> None:
    assert [figures.plural(n, "chunk") for n in (0, 1, 1234)] == [
        "0 chunks",
        "1 chunk",
        "1,234 chunks",
    ]


def test_a_document_is_named_by_the_path_that_opens_it_from_here() -> None:
    assert place("/data/docs", "a/b.md", here="/data") == "docs/a/b.md"
    assert place("/data/docs", "a/b.md", here="/home") == "/data/docs/a/b.md"
    assert place("/", "etc/motd", here="/home") == "/etc/motd"


def test_a_document_of_a_named_source_keeps_the_name() -> None:
    assert place("handbook", "a/b.md", here="/data") == "handbook:a/b.md"


def test_a_neighbour_with_a_longer_name_is_not_below_here() -> None:
    assert folder("/data/docs2", here="/data/docs") == "/data/docs2"
    assert folder("/data/docs", here="/data/docs") == "."


def test_a_snippet_is_cut_around_the_words_of_the_query() -> None:
    # given a long chunk whose answer stands far from its beginning
    text = "filler " * 200 + "To rotate the keys, run vault rotate on each node. " + "more " * 200
    # when it is cut for a query
    shown = snippet(text, "How do I rotate the keys?")
    # then the answer is in it, the words are marked, and both cuts are shown
    assert "To rotate the keys, run vault" in shown.plain
    assert shown.plain.startswith("…")
    assert shown.plain.endswith("…")
    assert len(shown.plain) <= 282
    marked = {shown.plain[span.start : span.end] for span in shown.spans}
    assert marked == {"rotate", "keys"}


def test_a_word_is_marked_in_its_other_forms_but_common_words_are_not() -> None:
    shown = snippet("Rotating a key: the Keys are rotated by a rota.", "how do I rotate the keys?")
    marked = [shown.plain[span.start : span.end] for span in shown.spans]
    assert marked == ["Rotating", "key", "Keys", "rotated"]


def test_a_query_of_common_words_marks_nothing() -> None:
    assert stems("how is it that they do") == frozenset()


def test_a_short_chunk_is_shown_whole() -> None:
    assert snippet("two\nlines", "x").plain == "two lines"


def test_a_snippet_leaves_out_rulers_and_the_heading_it_stands_under() -> None:
    text = "## The keys\n\n| who | when |\n|---|---|\n***\n### Next\nRotate them."
    assert snippet(text, "x", heading="Security > The keys").plain == (
        "who | when Next Rotate them."
    )


def test_a_snippet_of_a_heading_alone_is_the_heading() -> None:
    assert snippet("# The keys", "x", heading="The keys").plain == "The keys"


def test_a_snippet_without_a_match_is_the_beginning() -> None:
    text = "word " * 500
    assert text.startswith(snippet(text, "zebra").plain.removesuffix("…"))


@given(st.text(max_size=2000), st.text(max_size=40))
def test_a_snippet_of_anything_is_short_and_harmless(text: str, query: str) -> None:
    shown = snippet(text, query).plain
    assert len(shown) <= 282
    assert not STEERING & set(shown)
