"""A filter means what it says, however it is written, and what is wrong with it is told."""

import json
from typing import Any

import pytest
from filter_strategies import FIELDS, FILTERS, ROWS
from hypothesis import given
from hypothesis import strategies as st

from vecstream_cli.core.filter_text import field_text, parsed
from vecstream_cli.core.filters import (
    All,
    Compare,
    Date,
    Field,
    Filter,
    Like,
    Missing,
    Not,
    Some,
    columns,
    matches,
)  # fmt: skip
from vecstream_cli.errors import UsageError

ROW: dict[str, Any] = {
    "path": "guides/keys.md", "page": 3, "ordinal": 0, "heading": None, "source": "docs",
    "text": "Rotate\nthe keys", "position": '{"sheet": "Costs", "row": 7, "last": true}',
    "metadata": json.dumps(
        {
            "author": "Ann", "title": "Keys & 100% of \"locks\"", "created": "2024-03-05T10:30:00Z",
            "keywords": ["safety", "keys"], "year": 2024, "draft": False, "share": 0.5,
            "owner": {"team": "ops"}, "review date": "2025-01-01 08:00", "path": "elsewhere",
            "nothing": None, "Ünïcode": "ß", "post-history": "x",
        }
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        'author = "Ann"', "author = 'Ann'", 'metadata.author = "Ann"', 'author == "Ann"',
        'author != "Bob"', 'author <> "Bob"', 'author in ("Bob", "Ann")', 'author not in ("Bob")',
        'author < "Bob"', 'author >= "Ann"', "page = 3", "page >= 2.5", "page != 4", "ordinal = 0",
        "page = 3 and ordinal = 0", "page = 9 or ordinal = 0", "not page = 9",
        "page = 3 or page = 9 and ordinal = 9", "(page = 9 or page = 3) and ordinal = 0",
        "not (page = 9 or page = 8)", "NOT page = 9 AND Page IS NULL", "not not page = 3",
        'path like "guides/%"', 'path like "%.md"', 'path like "guides/____.md"',
        'path not like "guides"', 'text like "Rotate%keys"', r'title like "%100\% of%"',
        r'title like "%\"locks\""', r'title = "Keys & 100% of \"locks\""',
        'metadata["author"] = "Ann"',
        "created >= 2024-01-01", "created = 2024-03-05", "created <= 2024-03-05",
        "created > 2024-03-04", "not created > 2024-03-05", "created = 2024-03-05T10:30",
        "created < 2024-03-05T10:31", "created in (2024-03-04, 2024-03-05)",
        'metadata["review date"] = 2025-01-01T08:00', 'keywords = "keys"', 'keywords like "saf%"',
        "year = 2024", "year = 2024.0", "draft = false", "draft != true", "share < 1",
        'owner.team = "ops"', 'metadata.owner.team = "ops"', 'metadata["owner"]["team"] = "ops"',
        "heading is null", "page is not null", "nothing is null", "editor is null",
        "author is not null", 'position.sheet = "Costs"', "position.row < 8",
        'metadata.path = "elsewhere"', 'Ünïcode = "ß"', 'post-history = "x"', "Author is null",
        'editor != "Ann"', 'not editor = "Ann"', 'not (editor like "%")', "not editor < 3",
    ],
)  # fmt: skip
def test_it_holds_for_the_row(text: str) -> None:
    assert matches(parsed(text), ROW)


@pytest.mark.parametrize(
    "text",
    [
        'author = "ann"', 'Author = "Ann"', 'editor = "Ann"', 'editor < "z"', "editor like '%'",
        'heading = ""', 'heading like "%"', 'year = "2024"', "author = 3", "draft = 0",
        "share = true",
        "year > 2024", "created = 2024-03-04", "created > 2024-03-05", "author >= 2024-01-01",
        "year = 2024-01-01", 'keywords = "key"', 'path like "keys"', 'path like "%_md_"',
        "page = 3 and ordinal = 1", "not (page = 3 or page = 9)", 'owner = "ops"',
        'owner.team.name = "ops"', "position.last is null", "page not in (1, 2, 3)",
    ],
)  # fmt: skip
def test_it_does_not_hold_for_the_row(text: str) -> None:
    assert not matches(parsed(text), ROW)


@pytest.mark.parametrize(
    ("text", "place", "why"),
    [
        ("", "empty", "empty"),
        ("author = Ann", "character 10 (Ann)", '"Ann"'),
        ('author = "Ann', 'character 10 ("Ann)', "never closed"),
        ("author", "its end", "author needs ="),
        ("page = ", "its end", 'a value comes after "="'),
        ("page = null", "character 8", "is null"),
        ("page = '3'", "character 8", "page is a number"),
        ("path = 3", "character 8", "path is a text"),
        ("path > 2024-01-01", "character 8", "path is a text"),
        ("page like '3'", "character 11", "page is a number"),
        ("path like 3", "character 11", "pattern"),
        ("page = 3 page = 4", "character 10", '"and" or "or"'),
        ("(page = 3", "its end", '")" is missing'),
        ("page = 3)", "character 9", "after the end"),
        ("page in 3", "character 9", '"("'),
        ("page in (3", "its end", '")"'),
        ("page in ()", "character 10", "a value"),
        ("= 3", "character 1", "name"),
        ("metadata = 3", "character 1 ", "metadata.author"),
        ("vector = 3", "character 8", "vector"),
        ("lower(path) = 'a'", "character 1 ", "no functions"),
        ("page ! 3", "character 6", "no filter has this character"),
        ("page not 3", "character 10", "page needs"),
        ("page is 3", "character 9", '"null"'),
        ("page = 99999999999999999999", "character 8", "too large"),
        ("created = 2024-13-01", "character 11", "no such day"),
        ("created = 2024-01-01T25:00", "character 11", "no such"),
        ("(" * 5000 + "page = 3" + ")" * 4000, "character", "nested too deep"),
        ("not " * 2000 + "page = 3", "character", "nested too deep"),
        ("page = 3 or " * 1000, "longer", "longer"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(text: str, place: str, why: str) -> None:
    with pytest.raises(UsageError) as refused:
        parsed(text)

    assert place in refused.value.message
    assert why in refused.value.message
    assert refused.value.hint.endswith(".")


def written(wanted: Filter) -> str:
    """The filter as a person could write it."""
    match wanted:
        case Compare(field, relation, value):
            return f"{name(field)} {relation} {literal(value)}"
        case Like(field, pattern):
            # The pattern's own backslashes stay; one that would take the quote with it goes.
            return f"{name(field)} like {quoted(pattern)}"
        case Missing(field):
            return f"{name(field)} is null"
        case Not(part):
            return f"not ({written(part)})"
        case All(parts):
            return " and ".join(f"({written(part)})" for part in parts)
        case Some(parts):
            return " or ".join(f"({written(part)})" for part in parts)


def name(field: Field) -> str:
    return field.column + "".join(f"[{literal(key)}]" for key in field.keys)


def literal(value: object) -> str:
    if isinstance(value, str):
        return quoted(value.replace("\\", "\\\\").replace('"', '\\"'))
    return str(value).lower()


def quoted(text: str) -> str:
    return f'"{text}"'


@given(FILTERS, ROWS)
def test_a_filter_that_is_written_down_means_the_same(wanted: Filter, row: dict[str, Any]) -> None:
    text = written(without_odd_patterns(wanted))
    if len(text) <= 10_000:
        assert matches(parsed(text), row) == matches(without_odd_patterns(wanted), row)


def without_odd_patterns(wanted: Filter) -> Filter:
    """Patterns that need no quoting: how they are quoted has tests of its own."""
    match wanted:
        case Like(field, pattern):
            return Like(field, pattern.replace("\\", "").replace('"', ""))
        case Not(part):
            return Not(without_odd_patterns(part))
        case All(parts):
            return All(tuple(map(without_odd_patterns, parts)))
        case Some(parts):
            return Some(tuple(map(without_odd_patterns, parts)))
        case _:
            return wanted


@given(FILTERS, FILTERS, ROWS)
def test_and_or_and_not_are_those_of_logic(one: Filter, two: Filter, row: dict[str, Any]) -> None:
    first, second = matches(one, row), matches(two, row)

    assert matches(Not(one), row) is not first
    assert matches(All((one, two)), row) is (first and second)
    assert matches(Some((one, two)), row) is (first or second)


@given(st.text(max_size=40))
def test_any_text_is_a_filter_or_a_usage_error(text: str) -> None:
    try:
        found = parsed(text)
    except UsageError:
        return
    assert columns(found)


@given(FIELDS)
def test_a_field_is_told_as_it_can_be_written(field: Field) -> None:
    found = parsed(f"{field_text(field)} is null")

    assert found == Missing(field)


def test_a_date_is_not_a_text() -> None:
    assert parsed("created = 2024-03-05") == Compare(
        Field("metadata", ("created",)), "=", Date("2024-03-05")
    )
    assert not matches(parsed('created = "2024-03-05"'), ROW)
