"""Markdown: offsets into the file, headings, and what is not embedded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecstream_cli.core.blocks import Block, BlockKind
from vecstream_cli.readers import markdown
from vecstream_cli.readers.lines import lines
from vecstream_cli.readers.markdown import MAX_SEGMENT_CHARS, SEGMENT_CHARS, plain_title

DOCUMENT = """\
---
title: Rotating keys
tags: [ops, keys]
date: 2024-05-01
---

# Keys

Intro *text*.

<!-- a note to
editors -->

## The `rotate` command {#rotate}

1. first
2. second
   with more

```sh
# not a heading
```

| a | b |
|---|---|
| 1 | 2 |

Setext
------

Last words.

[link]: http://example.org
"""

PIECES = [
    "# a\n", "> ", "- ", "```\n", "text\n", "\n", "    ", "<!-- ", "-->\n", "---\n",
    "|a|\n", "[a]: b\n", "\t", "\r\n", "\0",
]  # fmt: skip


def test_the_document_text_is_the_file(read) -> None:
    text = "\n\n" + DOCUMENT * 2 + "\tno end"
    assert read("a.md", text).text == text
    assert read("a.md", text.replace("\n", "\r\n")).text == text.replace("\n", "\r\n")


def test_headings_make_the_path(read) -> None:
    found = read("a.md", DOCUMENT)
    assert found.headings == [
        ("Keys",),
        ("Keys", "The rotate command"),
        ("Keys", "Setext"),
    ]
    assert found.under("| a | b |") == ("Keys", "The rotate command")
    assert found.under("Last words") == ("Keys", "Setext")


def test_blocks_have_their_kinds(read) -> None:
    found = read("a.md", DOCUMENT)
    assert found.kind("1. first") is BlockKind.LIST
    assert found.kind("2. second\n   with more") is BlockKind.LIST
    assert found.kind("```sh") is BlockKind.CODE
    assert found.kind("| a | b |") is BlockKind.TABLE
    assert found.kind("Last words") is BlockKind.PARAGRAPH


def test_front_matter_is_metadata_and_not_embedded(read) -> None:
    found = read("a.md", DOCUMENT)
    assert found.metadata == {
        "title": "Rotating keys",
        "tags": ["ops", "keys"],
        "date": "2024-05-01",
    }
    assert found.kind("---\ntitle:") is BlockKind.SKIPPED


def test_a_comment_is_not_embedded_but_counts(read) -> None:
    found = read("a.md", DOCUMENT)
    assert found.kind("<!-- a note") is BlockKind.SKIPPED


def test_without_front_matter_the_first_heading_is_the_title(read) -> None:
    assert read("a.md", "text\n\n# My *title*\n").metadata == {"title": "My title"}


@pytest.mark.parametrize(
    ("markdown_text", "plain"),
    [
        ("The `rotate` **command**", "The rotate command"),
        ("[Setup](#setup) and [more][x]", "Setup and more"),
        ('<a id="x"></a>Old_name_kept', "Old_name_kept"),
        ("C# _and_ F#", "C# and F#"),
        ("![logo](a.png) Name {#id}", "logo Name"),
    ],
)
def test_a_title_is_what_a_reader_sees(markdown_text: str, plain: str) -> None:
    assert plain_title(markdown_text) == plain


@given(st.lists(st.sampled_from(PIECES)))
def test_any_markdown_joins_to_itself(pieces: list[str]) -> None:
    text = "".join(pieces)
    assert _joined(markdown._blocks(None, lines([text]))) == text


def test_a_big_file_is_cut_only_where_markdown_starts_anew(read) -> None:
    section = "## Part\n\nwords of it\n\n```\n# code\n\nmore\n```\n\n- item\n\n  still the item\n\n"
    count = 3 * SEGMENT_CHARS // len(section)
    found = read("a.md", section * count)
    assert found.text == section * count
    assert len(found.headings) == count
    assert sum(block.kind is BlockKind.CODE for block in found.blocks) == count
    assert sum(block.kind is BlockKind.LIST for block in found.blocks) == count


def test_a_code_block_longer_than_a_segment_stays_code(read) -> None:
    code = "# not a heading\n\n" * (2 * MAX_SEGMENT_CHARS // 17)
    found = read("a.md", f"# Real\n\n```\n{code}```\n\n# After\n")
    assert found.text == f"# Real\n\n```\n{code}```\n\n# After\n"
    assert found.headings == [("Real",), ("After",)]


def _joined(blocks: list[Block]) -> str:
    return "".join(block.text for block in blocks)
