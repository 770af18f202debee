"""PDF: pages with their numbers, and failures that cost a page or a document, never more."""

import os
from pathlib import Path

import pytest
from pdf_maker import pdf

from vecstream_cli.errors import DocumentError
from vecstream_cli.readers import pdf_pdfium

PAGES = [["The first page.", "It has two lines."], ["The second page."], ["The third page."]]


def test_every_block_knows_its_page(read) -> None:
    found = read("a.pdf", pdf(PAGES, title="A title"))
    assert [block.page for block in found.blocks] == [1, 2, 3]
    assert found.metadata == {"title": "A title", "pages": 3}
    assert found.text.split() == " ".join(" ".join(page) for page in PAGES).split()


def test_a_bad_page_costs_only_that_page(read) -> None:
    found = read("a.pdf", pdf([PAGES[0], None, PAGES[2]]))
    assert [block.page for block in found.blocks] == [1, 3]
    assert [(warning.reason, warning.page) for warning in found.warnings] == [("page", 2)]


def test_a_sentence_that_goes_on_over_the_page_end_is_one_paragraph(read) -> None:
    found = read("a.pdf", pdf([["A sentence that is not"], ["finished before the page is."]]))
    assert [block.joined for block in found.blocks] == [False, True]
    assert "is not\nfinished" in found.text


def test_a_pdf_without_text_says_so(read) -> None:
    found = read("a.pdf", pdf([[], []]))
    assert found.blocks == []
    assert [warning.message for warning in found.warnings] == ["no text on 2 pages"]


@pytest.mark.parametrize("data", [b"%PDF-1.7\n", b"%PDF-1.7\n" + bytes(range(256)) * 40])
def test_a_broken_pdf_is_malformed(read, data: bytes) -> None:
    with pytest.raises(DocumentError) as caught:
        read("a.pdf", data)
    assert caught.value.reason == "malformed"


def test_a_pdf_that_shrinks_while_it_is_read_is_an_error(read, tmp_path: Path) -> None:
    path = tmp_path / "shrinks.pdf"
    path.write_bytes(pdf([["x" * 60] * 40] * 60))
    with read.opened(path, "shrinks.pdf") as (_, document):
        next(document.blocks)
        os.truncate(path, 100)
        with pytest.raises(DocumentError) as caught:
            list(document.blocks)
    assert caught.value.reason == "changed-while-reading"


def test_pages_are_read_one_at_a_time(read, tmp_path: Path, monkeypatch) -> None:
    loaded = []
    page_of = pdf_pdfium._page
    monkeypatch.setattr(
        pdf_pdfium,
        "_page",
        lambda document, number, **how: loaded.append(number) or page_of(document, number, **how),
    )
    path = tmp_path / "long.pdf"
    path.write_bytes(pdf([["A page with a sentence."]] * 50))
    with read.opened(path, "long.pdf") as (_, document):
        next(document.blocks)
        assert len(loaded) < 10


def test_the_second_opinion_reads_what_pdfium_cannot(read, monkeypatch) -> None:
    def refused(tap: object, password: object) -> object:
        raise ValueError("no")

    monkeypatch.setattr(pdf_pdfium, "opened", refused)
    found = read("a.pdf", pdf(PAGES))
    assert [block.page for block in found.blocks] == [1, 2, 3]
    assert "The second page." in found.text


def test_the_second_opinion_is_heard_where_pdfium_finds_no_text(read, monkeypatch) -> None:
    monkeypatch.setattr(pdf_pdfium, "_text", lambda textpage: "")
    found = read("a.pdf", pdf(PAGES))
    assert "The third page." in found.text
    assert found.warnings == []


def test_progress_is_told_at_least_once_a_page(read) -> None:
    assert read("a.pdf", pdf([["A page."]] * 20)).beats >= 20


def test_the_corpus_opens_but_for_what_is_locked(read, corpora: Path) -> None:
    reasons = []
    pages = 0
    for path in sorted((corpora / "pdf").rglob("*.pdf")):
        try:
            pages += len({block.page for block in read.file(path).blocks})
        except DocumentError as error:
            reasons.append(error.reason)
    assert set(reasons) <= {"encrypted"}
    assert len(reasons) < 10
    assert pages > 250
