"""Plain text and reStructuredText: the file itself, its paragraphs and the titles drawn in it."""

from pathlib import Path

import pytest

from vecstream_cli.core.blocks import BlockKind

RST = """\
PEP: 8
Title: Style Guide
Author: Guido <g@example.org>,
        Barry <b@example.org>

============
Introduction
============

First paragraph,
on two lines.

Details
-------

- one item
- another

As in::

    code = 1

    more = 2

Back to text.

=====
Again
=====

The end.
"""


@pytest.mark.parametrize("name", ["a.rst", "a.txt"])
def test_the_document_text_is_the_file(read, name: str) -> None:
    text = "\n\n" + RST + "\n\n\n" + RST.replace("\n", "\r\n") + "no end"
    assert read(name, text).text == text


def test_titles_make_the_heading_path(read) -> None:
    found = read("a.rst", RST)
    assert found.headings == [("Introduction",), ("Introduction", "Details"), ("Again",)]
    assert found.under("Back to text") == ("Introduction", "Details")
    assert found.under("The end") == ("Again",)


def test_lists_and_literal_blocks_are_told_from_paragraphs(read) -> None:
    found = read("a.rst", RST)
    assert found.kind("- one item") is BlockKind.LIST
    assert found.kind("    code = 1") is BlockKind.CODE
    assert found.kind("    more = 2") is BlockKind.CODE
    assert found.kind("Back to text") is BlockKind.PARAGRAPH


def test_fields_at_the_top_are_metadata(read) -> None:
    assert read("a.rst", RST).metadata == {
        "title": "Style Guide",
        "PEP": "8",
        "Author": "Guido <g@example.org>, Barry <b@example.org>",
    }


def test_the_first_title_is_the_documents(read) -> None:
    assert read("a.txt", "My notes\n========\n\nText.\n").metadata == {"title": "My notes"}


@pytest.mark.parametrize(
    "text",
    [
        "text\n\n-----\n\nmore text\n",
        "a line\nand another\n====\n",
        "=====  =====\nA      B\n=====  =====\n1      2\n=====  =====\n",
        "- item\n------\n",
        "so\n-------------------------------------------------\n",
    ],
)
def test_a_rule_or_a_table_is_no_title(read, text: str) -> None:
    assert read("a.rst", text).headings == []


@pytest.mark.parametrize("text", ["", "\n \n\t\n", "\ufeff"])
def test_a_file_without_text_has_no_text(read, text: str) -> None:
    assert read("a.txt", text).text.strip("\n \t") == ""
    assert read("a.txt", text).warnings == []


def test_the_peps_keep_their_titles_and_sections(read, corpora: Path) -> None:
    path = next((corpora / "peps").rglob("pep-0008.rst"))
    found = read.file(path)
    assert found.text == path.read_text(encoding="utf-8")
    assert found.metadata["title"] == "Style Guide for Python Code"
    assert ("Code Lay-out", "Tabs or Spaces?") in found.headings


@pytest.mark.parametrize("suffix", [".txt", ".md", ".rst", ".py"])
def test_a_nul_stands_as_the_replacement_character_in_its_place(read, suffix: str) -> None:
    before, after = "x = 'some words of text'\n" * 40, "y = 'and some more'\n" * 40
    text = f"{before}{after[:10]}\0{after[10:]}"
    found = read(f"a{suffix}", text).text
    assert found.rstrip() == text.replace("\0", "\ufffd").rstrip()
