"""A PDF's pages come as they are read: columns, headings, labels, and without repeated margins."""

from pathlib import Path

import pytest
from pdf_maker import pdf

from vecstream_cli.core.blocks import BlockKind
from vecstream_cli.readers.pdf_facts import moment

WORDS = [
    "the",
    "quick",
    "brown",
    "fox",
    "jumps",
    "over",
    "a",
    "lazy",
    "dog",
    "and",
    "then",
    "goes",
    "home",
    "to",
    "sleep",
]


def body(page: int, lines: int = 20) -> list[tuple[float, float, str]]:
    """A page's own text: no line of it is another's."""
    letter = "abcdefghijklmnopqrstuvwxyz"[page % 26]
    said = (f"Line {at} of text {letter} is {WORDS[(page * 7 + at) % 13]}" for at in range(lines))
    return [(72, 700 - 14 * at, text) for at, text in enumerate(said)]


def dressed(count: int) -> list[list[tuple[float, float, str]]]:
    """Pages with a header, and a footer that counts."""
    return [
        [(72, 760, "A report on foxes"), *body(page), (300, 30, f"Page {page + 1} of {count}")]
        for page in range(count)
    ]


def test_a_header_stays_where_it_first_stands_and_nowhere_else(read) -> None:
    found = read("a.pdf", pdf(dressed(12)))
    assert found.text.count("A report on foxes") == 1
    assert found.blocks[0].text.startswith("A report on foxes")


def test_page_numbers_go(read) -> None:
    assert "Page" not in read("a.pdf", pdf(dressed(12))).text


def test_what_is_not_repeated_stays_at_the_edges_of_its_page(read) -> None:
    found = read("a.pdf", pdf([body(page, 45) for page in range(12)]))
    assert all(text in found.text for page in range(12) for _, _, text in body(page, 45))


def test_a_number_that_does_not_count_with_the_pages_stays(read) -> None:
    pages = [[*body(page), (300, 30, f"Total {(page * 37) % 11 + 100}")] for page in range(12)]
    assert read("a.pdf", pdf(pages)).text.count("Total") == 12


@pytest.mark.parametrize("line", ["Exercise {}", "What step {} of it means to us all"])
def test_a_title_that_counts_with_the_pages_stays(read, line: str) -> None:
    pages = [[(72, 760, line.format(page + 1)), *body(page)] for page in range(12)]
    found = read("a.pdf", pdf(pages))
    assert all(line.format(page + 1) in found.text for page in range(12))


def test_a_page_is_never_left_empty(read) -> None:
    found = read("a.pdf", pdf([[(72, 760, "This page is left blank")]] * 12))
    assert found.text.count("left blank") == 12


def test_two_pages_prove_no_header(read) -> None:
    assert read("a.pdf", pdf(dressed(2))).text.count("A report on foxes") == 2


def test_headers_that_alternate_go(read) -> None:
    pages = [
        [(72, 760, ("On the left", "On the right")[page % 2]), *body(page)] for page in range(16)
    ]
    found = read("a.pdf", pdf(pages))
    assert found.text.count("On the left") == found.text.count("On the right") == 1


def test_a_line_repeated_at_another_place_stays(read) -> None:
    pages = [[(72, 770 - 7 * (page % 5), "Again"), *body(page)] for page in range(12)]
    assert read("a.pdf", pdf(pages)).text.count("Again") == 12


def test_roman_page_numbers_go(read) -> None:
    pages = [
        [*body(page), (300, 30, numeral)]
        for page, numeral in enumerate(["i", "ii", "iii", "iv", "v", "vi"])
    ]
    text = read("a.pdf", pdf(pages)).text
    assert not {"i", "ii", "iii", "iv", "v", "vi"} & set(text.splitlines())


def columns(rows: int, *, interleaved: bool) -> list[tuple[float, float, str]]:
    left = [(72, 700 - 14 * at, f"left {at:02} the quick brown fox jumps") for at in range(rows)]
    right = [(320, 700 - 14 * at, f"right {at:02} over a lazy dog at home") for at in range(rows)]
    if not interleaved:
        return [*left, *right]
    return [line for pair in zip(left, right, strict=True) for line in pair]


@pytest.mark.parametrize("interleaved", [True, False])
def test_two_columns_are_read_one_after_the_other(read, interleaved: bool) -> None:
    found = read("a.pdf", pdf([columns(30, interleaved=interleaved)]))
    words = found.text.split()
    numbers = [word for word in words if word.isdigit()]
    assert numbers == 2 * [f"{at:02}" for at in range(30)]
    assert words.index("right") > words.index("29")


def test_what_stands_over_both_columns_comes_before_them(read) -> None:
    title = (72, 740, "A title that is so long that it goes over both of the columns of the page")
    found = read("a.pdf", pdf([[title, *columns(30, interleaved=True)]]))
    assert found.text.startswith(title[2])
    assert found.text.count("left") == found.text.count("right") == 30


def test_the_rows_of_a_table_stay_together(read) -> None:
    rows = [
        cell
        for at in range(30)
        for cell in ((72, 700 - 14 * at, f"Item {at:02}"), (320, 700 - 14 * at, f"{at * 3} EUR"))
    ]
    found = read("a.pdf", pdf([rows]))
    assert all(f"Item {at:02} {at * 3} EUR" in found.text for at in range(30))


def test_bookmarks_are_headings(read) -> None:
    pages = [
        ["Foxes", "A fox is quick.", "", "1.1 Brown ones", "They jump."],
        ["More of it."],
        ["Dogs", "Lazy."],
    ]
    marks = [(0, "Foxes", 1), (1, "Brown ones", 1), (0, "2 Dogs", 3)]
    found = read("a.pdf", pdf(pages, bookmarks=marks))
    assert found.headings == [("Foxes",), ("Foxes", "Brown ones"), ("2 Dogs",)]
    assert found.under("A fox") == ("Foxes",)
    assert found.under("They jump") == found.under("More of it") == ("Foxes", "Brown ones")
    assert found.under("Lazy") == ("2 Dogs",)
    assert "".join(found.text.split()) == "".join(
        line.replace(" ", "") for page in pages for line in page
    )


def test_a_bookmark_whose_title_is_not_there_begins_with_its_page(read) -> None:
    found = read("a.pdf", pdf([["One."], ["Two."]], bookmarks=[(0, "Elsewhere", 2)]))
    assert [block.heading for block in found.blocks] == [(), ("Elsewhere",)]
    assert {block.kind for block in found.blocks} == {BlockKind.PARAGRAPH}


def test_a_page_s_label_is_told_where_it_is_not_its_number(read) -> None:
    pages = [["One."], ["Two."], ["Three."], ["Four."]]
    found = read("a.pdf", pdf(pages, labels="0 << /S /r >> 2 << /S /D /St 3 >>"))
    assert [dict(block.position) for block in found.blocks] == [
        {"label": "i"}, {"label": "ii"}, {}, {},
    ]  # fmt: skip


def test_a_word_cut_by_the_page_end_is_whole(read) -> None:
    found = read("a.pdf", pdf([["A sentence with a hyphen-"], ["ated word in it."]]))
    assert "hyphenated word" in found.text
    assert [block.page for block in found.blocks] == [1, 2]


def test_author_and_dates_are_told(read) -> None:
    about = "/Author (A. Fox) /CreationDate (D:20240229133000+02'00') /ModDate (D:202403)"
    found = read("a.pdf", pdf([["Text."]], info=about))
    assert found.metadata["author"] == "A. Fox"
    assert found.metadata["created"] == "2024-02-29T13:30:00+02:00"
    assert found.metadata["modified"] == "2024-03"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("D:20201231235959Z", "2020-12-31T23:59:59+00:00"),
        ("D:20201231235959-05'30", "2020-12-31T23:59:59-05:30"),
        ("20201231", "2020-12-31"),
        ("D:2020", "2020"),
        ("D:20201301", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_a_date_is_as_exact_as_it_is_told(raw: str, expected: str | None) -> None:
    assert moment(raw) == expected


def test_three_columns_of_a_real_form_are_put_in_order(read, corpora: Path) -> None:
    text = read.file(corpora / "pdf/pdfminer-samples/samples/nonfree/i1040nr.pdf").text
    assert "the IRS website at www.irs.gov. Also\nsee Taxpayer Assistance on page 32\nfor" in text
    assert "may be able\nto use Form 1040NR-EZ if your only\nincome from U.S. sources" in text
