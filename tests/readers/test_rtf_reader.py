"""RTF: text in every encoding it knows, paragraphs, headings, tables and notes."""

import pytest

from vecstream_cli.core.blocks import BlockKind


def rtf(body: str, header: str = r"\ansi\ansicpg1252") -> str:
    return rf"{{\rtf1{header} {body}}}"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (r"one\par two\par", "one\n\ntwo\n"),
        (r"one\line two\par", "one\ntwo\n"),
        (r"caf\'e9\par", "café\n"),
        (r"\u8364?\par", "€\n"),
        (r"\uc2\u8364 ab!\par", "€!\n"),
        (r"\uc0\u8364!\par", "€!\n"),
        (r"\u8364\'80!\par", "€!\n"),
        (r"\u-10179?\u-8704?\par", "\U0001f600\n"),
        (r"a\~b\_c\-d \{e\}\\\par", "a\u00a0b\u2011cd {e}\\\n"),
        (r"\ldblquote a\rdblquote\emdash b\tab c\par", "“a”—b\tc\n"),
        (r"{\b bold} and {\i italic}\par", "bold and italic\n"),
        ("over\nlines\\par", "overlines\n"),
        (r"{\*\unknown hidden}seen\par", "seen\n"),
        (r"{\field{\*\fldinst HYPERLINK x}{\fldrslt a link}}\par", "a link\n"),
        (r"{\pict\pngblip 89504e47}seen\par", "seen\n"),
        (r"{\v hidden}\deleted gone\deleted0 seen\par", "seen\n"),
        (r"{\object{\*\objdata 0102}{\result shown}}\par", "shown\n"),
        (r"no end", "no end\n"),
    ],
)
def test_what_the_words_of_rtf_show(read, body: str, text: str) -> None:
    assert read("a.rtf", rtf(body)).text == text


def test_raw_bytes_after_bin_are_no_text(read) -> None:
    data = rb"{\rtf1 {\pict\bin8 }}}}{{{{}seen\par}"
    assert read("a.rtf", data).text == "seen\n"


def test_a_font_may_have_a_code_page_of_its_own(read) -> None:
    fonts = r"\ansi{\fonttbl{\f0\fcharset0 Times;}{\f1\fcharset204 Cyr;}{\f2\fcharset128 Mincho;}}"
    body = r"{\f1 \'cf\'f0\'e8}{\f2 \'93\'fa\'96{\f2\'7b}}\'e9\par"
    assert read("a.rtf", rtf(body, fonts)).text.startswith("При日")


def test_headings_are_known_by_level_and_by_style(read) -> None:
    styles = r"\ansi{\stylesheet{\s0 Normal;}{\s1\b heading 1;}{\s2 heading 2;}}"
    body = (
        r"\pard\s1 Keys\par\pard\s2 Rotation\par\pard Often.\par"
        r"\pard\outlinelevel0 Doors\par\pard Shut.\par"
    )
    found = read("a.rtf", rtf(body, styles))
    assert found.under("Often.") == ("Keys", "Rotation")
    assert found.under("Shut.") == ("Doors",)
    assert "heading" not in found.text


def test_every_row_of_a_table_has_the_words_of_its_header(read) -> None:
    def row(*cells: str) -> str:
        return r"\trowd\intbl " + "".join(rf"{cell}\cell " for cell in cells) + r"\row "

    body = "Before.\\par " + row("Name", "Role") + row("Alice", "admin") + r"\pard After.\par"
    found = read("a.rtf", rtf(body))
    assert found.text == "Before.\n\nName | Role\nName: Alice | Role: admin\n\nAfter.\n"
    assert dict(found.blocks[2].position) == {"table": 1, "row": 2}


def test_items_have_the_numbers_that_are_written_beside_them(read) -> None:
    body = r"{\listtext 1.\tab}one\par{\listtext\'b7\tab}two\par three\par"
    found = read("a.rtf", rtf(body))
    assert found.text == "1. one\n- two\n\nthree\n"
    assert found.kind("1. one") is BlockKind.LIST


def test_notes_comments_and_boxes_follow_what_they_hang_on(read) -> None:
    body = (
        r"A claim{\super\chftn{\footnote\pard \chftn See the annex.}}"
        r"{\*\atnauthor Ann}\chatn{\*\annotation Really?}."
        r"{\shp{\*\shpinst{\sp{\sn x}{\sv 1}}{\shptxt In the box.\par}}{\shprslt old}}\par"
    )
    assert read("a.rtf", rtf(body)).text == (
        "A claim[1].\n\n[1]See the annex.\n\nComment by Ann: Really?\n\nIn the box.\n"
    )


def test_headers_and_footers_come_once_at_the_end(read) -> None:
    body = (
        r"{\header Confidential\par}{\footerr Page \chpgn\par}{\headerl Confidential\par}Words.\par"
    )
    assert read("a.rtf", rtf(body)).text == "Words.\n\nHeader: Confidential\n\nFooter: Page\n"


def test_what_the_document_says_about_itself_is_metadata(read) -> None:
    info = (
        r"{\info{\title A \'e9 title}{\author Ann}{\keywords one, two}"
        r"{\creatim\yr2024\mo3\dy1\hr12\min5}{\operator Bob}}"
    )
    found = read("a.rtf", rtf(info + r"Words.\par", r"\ansi\deflang1031"))
    assert found.text == "Words.\n"
    assert found.metadata == {
        "title": "A é title",
        "author": "Ann",
        "keywords": "one, two",
        "created": "2024-03-01T12:05",
        "language": "de-DE",
    }


def test_the_text_is_the_same_wherever_the_pieces_end(read) -> None:
    unit = r"{\b caf\'e9} \u8364? \{x\}\par "
    whole = read("a.rtf", rtf(unit * 5000)).text
    assert whole == "café € {x}\n\n" * 4999 + "café € {x}\n"


def test_groups_without_end_are_malformed_and_not_a_crash(read) -> None:
    from vecstream_cli.errors import DocumentError

    with pytest.raises(DocumentError) as caught:
        read("a.rtf", r"{\rtf1 " + "{" * 100_000)
    assert caught.value.reason == "malformed"


def test_a_document_without_text_says_so(read) -> None:
    found = read("a.rtf", rtf(r"{\pict 00}\par"))
    assert [warning.reason for warning in found.warnings] == ["no-text"]


def test_text_that_is_only_called_rtf_is_text(read) -> None:
    assert read("a.rtf", "Only words.").text == "Only words."
