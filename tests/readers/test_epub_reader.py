"""Books: chapters in reading order, each where it lies."""

import pytest
from office_maker import changed, epub

from vecstream_cli.errors import DocumentError

WORDS = "It was a bright cold day, and the clocks were striking thirteen as people came home."


def test_chapters_come_in_reading_order_with_their_headings(read) -> None:
    data = epub(
        {"b.xhtml": f"<h1>Second</h1><p>{WORDS}</p>", "a.xhtml": f"<h1>First</h1><p>{WORDS}</p>"}
    )
    found = read("a.epub", data)
    assert found.headings == [("Second",), ("First",)]
    assert dict(found.blocks[0].position) == {"member": "OEBPS/b.xhtml"}
    assert found.text.count(WORDS) == 2


def test_a_note_in_a_chapter_is_part_of_the_book(read) -> None:
    found = read("a.epub", epub({"a.xhtml": f"<p>{WORDS}</p><aside><p>A note.</p></aside>"}))
    assert found.text == f"{WORDS}\n\nA note.\n"


def test_what_the_book_says_about_itself_is_metadata(read) -> None:
    metadata = (
        "<dc:title>A title</dc:title><dc:creator>Ann</dc:creator><dc:creator>Bob</dc:creator>"
        "<dc:language>en</dc:language><dc:date>2020-01-01</dc:date>"
        '<meta property="dcterms:modified">2024-03-01T12:00:00Z</meta>'
    )
    found = read("a.epub", epub({"a.xhtml": f"<p>{WORDS}</p>"}, metadata=metadata))
    assert found.metadata == {
        "title": "A title",
        "author": "Ann, Bob",
        "language": "en",
        "created": "2020-01-01",
        "modified": "2024-03-01T12:00:00Z",
    }


def test_a_chapter_that_is_not_there_costs_only_itself(read) -> None:
    data = epub({"a.xhtml": f"<p>{WORDS}</p>", "b.xhtml": ""})
    found = read("a.epub", changed(data, {"OEBPS/b.xhtml": None}))
    assert WORDS in found.text
    assert [warning.reason for warning in found.warnings] == ["chapter"]


def test_a_protected_book_is_told_and_protected_fonts_are_not(read) -> None:
    def protected(name: str) -> bytes:
        xml = (
            '<encryption><EncryptedData><CipherData><CipherReference URI="'
            f'{name}"/></CipherData></EncryptedData></encryption>'
        )
        return epub({"a.xhtml": f"<p>{WORDS}</p>"}, extra={"META-INF/encryption.xml": xml})

    with pytest.raises(DocumentError) as caught:
        read("a.epub", protected("OEBPS/a.xhtml"))
    assert caught.value.reason == "encrypted"
    assert WORDS in read("a.epub", protected("OEBPS/font.otf")).text


def test_a_book_without_text_says_so(read) -> None:
    found = read("a.epub", epub({"a.xhtml": "<p></p>"}))
    assert [warning.reason for warning in found.warnings] == ["no-text"]


def test_a_book_that_does_not_say_what_is_in_it_is_malformed(read) -> None:
    with pytest.raises(DocumentError) as caught:
        read("a.epub", changed(epub({"a.xhtml": ""}), {"OEBPS/book.opf": None}))
    assert caught.value.reason == "malformed"
