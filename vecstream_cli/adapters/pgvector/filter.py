"""A filter as PostgreSQL's SQL, exactly: columns, and what stands in columns of JSON."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from vecstream_cli.adapters.conditions import Condition, Dialect, whole_number
from vecstream_cli.adapters.pgvector.json import as_stored
from vecstream_cli.core.filters import JSON_COLUMNS, Date, Field, Value

_UNKNOWN: "Condition[Where]" = Condition(None, exact=False)
_UNSENT = re.compile("[\x00\ud800-\udfff]")  # no text of PostgreSQL has these
_STEP = re.compile(r"\\.|.", re.DOTALL)

_TEXT = """jsonb_typeof(value) = 'string' AND (value #>> '{}') COLLATE "C" """
_DATED = "~ '^[0-9]{4}-[0-9][0-9]-[0-9][0-9]([^0-9]|$)'"


@dataclass(frozen=True, slots=True)
class Where:
    """A condition with a ``%s`` for each of its values."""

    text: str
    values: tuple[object, ...] = ()


class PostgresDialect(Dialect[Where]):
    """SQL. Text columns have the collation "C", the order of code points."""

    def compare(self, field: Field, relation: str, value: Value | Date) -> Condition[Where]:
        if field.column in JSON_COLUMNS:
            return Condition(_compared(field, relation, value), exact=True)
        if isinstance(value, str):
            if _UNSENT.search(value):
                return _UNKNOWN
            return Condition(Where(f'"{field.column}" {relation} %s::text', (value,)), exact=True)
        assert isinstance(value, int | float)
        told = whole_number(field.column, relation, value)
        if isinstance(told, bool):
            text = f'"{field.column}" IS NOT NULL' if told else "false"
            return Condition(Where(text), exact=True)
        return Condition(Where(f'"{field.column}" {told[0]} %s::bigint', (told[1],)), exact=True)

    def like(self, field: Field, pattern: str) -> Condition[Where]:
        if field.column not in JSON_COLUMNS:
            if _UNSENT.search(pattern):
                return _UNKNOWN
            return Condition(
                Where(f'"{field.column}" LIKE %s::text', (_pattern(pattern),)), exact=True
            )
        # A character that jsonb has as two is one to "_".
        steps = _STEP.findall(pattern)
        loose = "".join("%" if step == "_" else step for step in steps)
        found = _some(field, _TEXT + "LIKE %s::text", _pattern(as_stored(loose)))
        return Condition(found, exact="_" not in steps)

    def missing(self, field: Field) -> Condition[Where]:
        if not field.keys:
            return Condition(Where(f'"{field.column}" IS NULL'), exact=True)
        there = _some(field, "jsonb_typeof(value) <> 'null'")
        return Condition(Where("NOT " + there.text, there.values), exact=True)

    def negated(self, condition: Where) -> Where:
        return Where(f"NOT coalesce({condition.text}, false)", condition.values)

    def all_of(self, conditions: Sequence[Where]) -> Where:
        return _joined(" AND ", conditions)

    def any_of(self, conditions: Sequence[Where]) -> Where:
        return _joined(" OR ", conditions)


def _joined(word: str, conditions: Sequence[Where]) -> Where:
    text = word.join(f"({condition.text})" for condition in conditions)
    return Where(text, tuple(value for each in conditions for value in each.values))


def _some(field: Field, condition: str, *values: object) -> Where:
    """Of the field's `value`, or of those in its list, one satisfies the condition."""
    # `->` with a text takes keys alone, so a number among them does not reach into a list.
    steps = " -> %s::text" * len(field.keys)
    text = (
        f'EXISTS (SELECT FROM (SELECT "{field.column}_json"{steps}) AS there(found),'
        " jsonb_array_elements(CASE jsonb_typeof(found) WHEN 'array' THEN found"
        f" ELSE jsonb_build_array(found) END) AS part(value) WHERE {condition})"
    )
    return Where(text, (*map(as_stored, field.keys), *values))


def _compared(field: Field, relation: str, value: Value | Date) -> Where:
    if isinstance(value, Date):
        begin = f"left(regexp_replace(value #>> '{{}}', ' ', 'T'), {len(value.text)})"
        condition = f"""{_TEXT}{_DATED} AND {begin} COLLATE "C" {relation} %s::text"""
        return _some(field, condition, value.text)
    if isinstance(value, str):
        return _some(field, f"{_TEXT}{relation} %s::text", as_stored(value))
    kind, cast = ("boolean", "boolean") if isinstance(value, bool) else ("number", "numeric")
    condition = (
        f"CASE jsonb_typeof(value) WHEN '{kind}'"
        f" THEN (value #>> '{{}}')::{cast} {relation} %s::{cast} ELSE false END"
    )
    return _some(field, condition, _sent(value))


def _sent(value: bool | float) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).lower()


def _pattern(pattern: str) -> str:
    """With a lone backslash at the end, which stands for itself, quoted."""
    steps = _STEP.findall(pattern)
    return pattern + "\\" if steps and steps[-1] == "\\" else pattern
