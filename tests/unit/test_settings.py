"""Settings that make no sense are refused when they are made."""

from typing import Any

import pytest

from vecstream_cli.errors import UsageError
from vecstream_cli.pipeline.arena import MAX_CHILDREN
from vecstream_cli.secret import Secret
from vecstream_cli.settings import MOST_PARSERS, Settings


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"limit": 0}, "--limit"),
        ({"parsers": 0}, "--parsers"),
        ({"parsers": MOST_PARSERS + 1}, "from 1 to"),
        ({"max_memory": 0}, "--max-memory"),
        ({"document_timeout": 0.0}, "--document-timeout"),
        ({"document_timeout": float("nan")}, "--document-timeout"),
        ({"max_duration": 0.0}, "--max-duration"),
        ({"max_load": 0.0}, "--max-load"),
        ({"nice": -1}, "--nice"),
        ({"nice": 20}, "--nice"),
        ({"chunk_size": 7}, "--chunk-size"),
        ({"chunk_overlap": -1}, "--chunk-overlap"),
        ({"chunk_size": 64, "chunk_overlap": 33}, "--chunk-overlap"),
        ({"device": "gpu"}, "--device"),
        ({"collection": "../up"}, "collection"),
        ({"source": ""}, "--source"),
        ({"json_text": "body"}, "--json-text"),
        ({"json_text": "/a~2b"}, "--json-text"),
    ],
)
def test_a_value_out_of_bounds_is_refused_with_its_flag(given: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Settings(**given)


def test_the_arena_has_a_control_row_for_every_parser_and_two_more_children() -> None:
    assert MOST_PARSERS + 2 <= MAX_CHILDREN


def test_a_secret_is_shown_by_nothing_but_reveal() -> None:
    secret = Secret("hunter2")
    shown = f"{secret} {secret!r} {[secret]} %s" % secret
    assert "hunter2" not in shown
    assert secret.reveal() == "hunter2"


def test_secrets_are_equal_when_their_texts_are() -> None:
    assert Secret("a") == Secret("a") != Secret("b")
    assert len({Secret("a"), Secret("a")}) == 1
    assert Secret("a") != "a"
