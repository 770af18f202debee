"""Search results read well at any width and cannot steer the terminal."""

from dataclasses import replace

import pytest
from reports import HOSTILE, console, written

from vecstream_cli.adapters.base import Hit
from vecstream_cli.report.results import print_hits

HIT = Hit(
    score=0.7423,
    id="00" * 16,
    document_id="11" * 16,
    source="/data/docs",
    path="security/keys.pdf",
    ordinal=0,
    char_start=0,
    char_end=10,
    page=3,
    heading="Security > Rotating keys",
    text="Rotating keys\n\nTo rotate the keys, run `vault rotate` on every node.",
    position='{"last": true}',
    metadata=None,
)


def shown(*hits: Hit, width: int = 80, terminal: bool = False) -> str:
    target = console(width, terminal=terminal)
    print_hits(target, hits, "how do I rotate the keys?")
    return written(target)


def test_a_hit_is_its_place_its_heading_its_score_and_its_text() -> None:
    assert shown(HIT, replace(HIT, page=None, heading=None, text="Other.", score=0.1)) == (
        " 1. /data/docs/security/keys.pdf p. 3\n"
        "    Security > Rotating keys · 0.742\n"
        "    To rotate the keys, run `vault rotate` on every node.\n"
        "\n"
        " 2. /data/docs/security/keys.pdf\n"
        "    0.100\n"
        "    Other.\n"
    )


def test_the_words_of_the_query_stand_out_on_a_terminal() -> None:
    assert "\x1b[1;33mrotate\x1b[0m" in shown(HIT, terminal=True)
    assert "\x1b" not in shown(HIT)


@pytest.mark.parametrize("width", [40, 60, 100])
def test_hits_fit_the_terminal(width: int) -> None:
    long = replace(HIT, path="long/" * 40, heading="word " * 40, text="text " * 200)
    lines = shown(long, width=width).splitlines()
    assert all(len(line) <= width for line in lines)
    assert all(line.startswith("    ") for line in lines[1:])


def test_a_hostile_document_cannot_steer_the_terminal() -> None:
    text = shown(replace(HIT, source=HOSTILE, path=HOSTILE, heading=HOSTILE, text=HOSTILE))
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(text)


def test_an_empty_collection_has_no_answer() -> None:
    assert shown() == "Nothing found: the collection is empty.\n"


def test_a_filter_that_lets_nothing_through_is_told() -> None:
    target = console(80)
    print_hits(target, [], "how?", filtered=True)
    assert written(target) == "Nothing found: nothing matches the filter.\n"
