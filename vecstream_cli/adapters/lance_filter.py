"""A filter as LanceDB's SQL: exactly, or as far as it goes.

Columns are compared by the database. What stands in a column of JSON it cannot compare (its own
JSON functions want another type of column), but it can look for the key and for a text's JSON in
it, which holds for every row that matches and for few others.
"""

import json
import math
from dataclasses import dataclass

from vecstream_cli.adapters.predicates import quoted
from vecstream_cli.core.filters import (
    JSON_COLUMNS,
    NUMBER_COLUMNS,
    All,
    Compare,
    Field,
    Filter,
    Like,
    Missing,
    Not,
    Some,
)

_INT32 = frozenset(("ordinal", "page"))
_NEVER = "(1 = 0)"


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that holds for every row that matches (None: says nothing), and whether it
    holds for no other."""

    sql: str | None
    exact: bool


def condition(wanted: Filter) -> Condition:
    """What LanceDB can be asked for."""
    match wanted:
        case Compare(Field(column, keys), relation, value) if column in JSON_COLUMNS:
            parts = [_has(column, keys[-1])]
            if relation == "=" and isinstance(value, str):
                parts.append(_has(column, value))
            return Condition(" AND ".join(parts), exact=False)
        case Compare(Field(column), relation, value):
            if isinstance(value, str):
                return Condition(f"{column} {relation} {quoted(value)}", exact=True)
            assert isinstance(value, int | float)
            return Condition(_number(column, relation, value), exact=True)
        case Like(Field(column, keys), pattern):
            if column in JSON_COLUMNS:
                return Condition(_has(column, keys[-1]), exact=False)
            return Condition(f"{column} LIKE {quoted(pattern)}", exact=True)
        case Missing(Field(column, keys)):
            return Condition(None, False) if keys else Condition(f"{column} IS NULL", exact=True)
        case Not(part):
            inner = condition(part)
            if not inner.exact:
                return Condition(None, exact=False)
            return Condition(f"NOT coalesce({inner.sql}, false)", exact=True)
        case All(parts):
            return _joined(" AND ", [condition(part) for part in parts])
        case Some(parts):
            found = [condition(part) for part in parts]
            if any(part.sql is None for part in found):
                return Condition(None, exact=False)
            return _joined(" OR ", found)


def _joined(word: str, parts: list[Condition]) -> Condition:
    told = [f"({part.sql})" for part in parts if part.sql is not None]
    return Condition(word.join(told) or None, exact=all(part.exact for part in parts))


def _has(column: str, text: str) -> str:
    return f"contains({column}, {quoted(json.dumps(text, ensure_ascii=False))})"


def _number(column: str, relation: str, value: int | float) -> str:
    """The comparison in whole numbers that the column can hold, as all of its values are."""
    assert column in NUMBER_COLUMNS
    whole = math.floor(value)
    if whole != value:
        if relation == "=":
            return _NEVER
        # Below 2.5 is what is at most 2, and above it what is above 2.
        relation = "<=" if relation.startswith("<") else ">"
    most = 2**31 - 1 if column in _INT32 else 2**63 - 1
    if -most <= whole <= most:
        return f"{column} {relation} {whole}"
    below = relation.startswith("<") if whole > 0 else relation.startswith(">")
    return f"{column} IS NOT NULL" if below else _NEVER
