"""The first bytes tell what a file is where its name says nothing, or the wrong thing."""

import pytest

from vecstream_cli.readers.formats import FORMATS, suffixes
from vecstream_cli.settings import ReadingOptions

PAGE = "<!DOCTYPE html><html><body><p>Words on a page.</p></body></html>"
MAIL = "From: a@x.org\nMessage-ID: <1@x>\nSubject: Words\n\nMore words.\n"


@pytest.mark.parametrize(
    ("name", "content", "reader"),
    [
        ("a.json", PAGE, "html"),
        ("a.csv", PAGE, "html"),
        ("a.mht", PAGE, "html"),
        ("a.tex", PAGE, "latex"),
        ("a.js", PAGE, "code"),
        ("feed", "<?xml version='1.0'?><d><p>Words.</p></d>", "xml"),
        ("mail", MAIL, "mail"),
        ("a.txt", MAIL, "text"),
        ("a.md", MAIL, "markdown"),
        ("a.md", "From a@x.org Wed Mar  3 10:00:00 2021\nX: y\n", "markdown"),
        ("a.md", '{"a": "x"}', "markdown"),
        ("a.md", "<?xml version='1.0'?>", "markdown"),
        ("data", '{"a": "x"}', "text"),
        ("A.CSV", "a,b\n", "csv"),
        ("a.ndjson", '{"a": "x"}', "jsonl"),
    ],
)
def test_the_right_reader_takes_the_file(read, name: str, content: str, reader: str) -> None:
    assert read(name, content).version == FORMATS[reader].version


def test_archives_are_looked_for_only_when_they_are_asked_for() -> None:
    assert ".zip" not in suffixes(ReadingOptions())
    assert ".zip" in suffixes(ReadingOptions(archives=True))


def test_no_two_formats_share_a_suffix() -> None:
    named = [suffix for each in FORMATS.values() for suffix in each.suffixes]
    assert len(named) == len(set(named))
