"""Which rows a search may find: conditions on their columns, positions and metadata.

One small language for every database; docs/search.md teaches it. A text becomes a tree of the
classes below, and `matches` says what it means, whatever a database can do by itself:

    filter     = all-of ("or" all-of)*
    all-of     = one ("and" one)*
    one        = "not" one | "(" filter ")" | condition
    condition  = field ("=" | "!=" | "<" | "<=" | ">" | ">=") value
               | field ["not"] "in" "(" value ("," value)* ")"
               | field ["not"] "like" text
               | field "is" ["not"] "null"
    field      = name ("." name | "[" text "]")*
    value      = text | number | date | "true" | "false"

What is not there satisfies no condition but ``is null``; ``!=`` and ``not`` say the opposite of a
condition, so they hold for what is not there. Values of different kinds are never equal, nor is
one before the other. A list satisfies a condition where one of its values does. A date stands for
the day, the minute or the second that it names.
"""

import json
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

Value = str | int | float | bool
Row = Mapping[str, object]
"""A row's columns by their names; `position` and `metadata` as JSON, or None."""

TEXT_COLUMNS = frozenset(
    ("id", "document_id", "source", "path", "heading", "text", "chunk_key", "content_hash")
)
NUMBER_COLUMNS = frozenset(("ordinal", "char_start", "char_end", "page", "attempt"))
JSON_COLUMNS = frozenset(("position", "metadata"))

_DATED = re.compile(r"[0-9]{4}-[0-9][0-9]-[0-9][0-9](?![0-9])")


@dataclass(frozen=True, slots=True)
class Field:
    """A column, or with `keys` what stands under them in a column of JSON."""

    column: str
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Date:
    """A day, or a moment of it as far as it is told: ISO 8601 without a time zone."""

    text: str


@dataclass(frozen=True, slots=True)
class Compare:
    """The field stands in this relation (``=``, ``<``, ``<=``, ``>``, ``>=``) to the value."""

    field: Field
    relation: str
    value: Value | Date


@dataclass(frozen=True, slots=True)
class Like:
    """The text of the field has this pattern: ``%`` is any text, ``_`` a character, ``\\`` quotes
    the next character."""

    field: Field
    pattern: str


@dataclass(frozen=True, slots=True)
class Missing:
    """The field has no value."""

    field: Field


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    part: "Filter"


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds."""

    parts: "tuple[Filter, ...]"


@dataclass(frozen=True, slots=True)
class Some:
    """A part holds."""

    parts: "tuple[Filter, ...]"


Filter = Compare | Like | Missing | Not | All | Some

RELATIONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def matches(wanted: Filter, row: Row) -> bool:
    """Whether a search for `wanted` may find the row; the columns it names must be there."""
    match wanted:
        case Compare(field, relation, value):
            return any(_holds(each, relation, value) for each in _values(field, row))
        case Like(field, pattern):
            like = like_pattern(pattern)
            return any(
                isinstance(each, str) and like.fullmatch(each) is not None
                for each in _values(field, row)
            )
        case Missing(field):
            return not _values(field, row)
        case Not(part):
            return not matches(part, row)
        case All(parts):
            return all(matches(part, row) for part in parts)
        case Some(parts):
            return any(matches(part, row) for part in parts)


def columns(wanted: Filter) -> frozenset[str]:
    """The columns that decide."""
    match wanted:
        case Compare(field) | Like(field) | Missing(field):
            return frozenset((field.column,))
        case Not(part):
            return columns(part)
        case All(parts) | Some(parts):
            return frozenset[str]().union(*map(columns, parts))


@lru_cache(maxsize=64)
def like_pattern(pattern: str) -> re.Pattern[str]:
    """A ``like`` pattern as a regular expression."""
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    expression = (
        {"%": ".*", "_": "."}.get(part) or re.escape(part[1:] if len(part) == 2 else part)
        for part in parts
    )
    return re.compile("".join(expression), re.DOTALL)


def _holds(found: object, relation: str, value: Value | Date) -> bool:
    if isinstance(value, Date):
        if not isinstance(found, str) or _DATED.match(found) is None:
            return False
        return RELATIONS[relation](found.replace(" ", "T", 1)[: len(value.text)], value.text)
    if _kind(found) is not _kind(value):
        return False
    return RELATIONS[relation](found, value)


def _kind(value: object) -> type | None:
    """Numbers are of one kind; JSON's other kinds are Python's."""
    return float if type(value) is int else type(value)


def _values(field: Field, row: Row) -> list[object]:
    """What the field holds: nothing, a value, or those of a list."""
    found = row[field.column]
    if field.keys:
        found = _loaded(found) if isinstance(found, str) else None
    for key in field.keys:
        found = found.get(key) if isinstance(found, Mapping) else None
    values = found if isinstance(found, list) else [found]
    return [value for value in values if value is not None]


@lru_cache(maxsize=1024)
def _loaded(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None
