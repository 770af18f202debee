"""A filter as LanceDB's SQL: exactly, or as far as it goes.

Columns are compared by the database. What stands in a column of JSON it cannot compare (its own
JSON functions want another type of column), but it can look for the key and for a text's JSON in
it, which holds for every row that matches and for few others.
"""

import json
from collections.abc import Sequence

from vecstream_cli.adapters.conditions import Condition, Dialect, whole_number
from vecstream_cli.adapters.predicates import quoted
from vecstream_cli.core.filters import JSON_COLUMNS, Date, Field, Value


class LanceDialect(Dialect[str]):
    """DataFusion's SQL."""

    def compare(self, field: Field, relation: str, value: Value | Date) -> Condition[str]:
        column = field.column
        if column in JSON_COLUMNS:
            parts = [_has(column, field.keys[-1])]
            if relation == "=" and isinstance(value, str):
                parts.append(_has(column, value))
            return Condition(" AND ".join(parts), exact=False)
        if isinstance(value, str):
            return Condition(f"{column} {relation} {quoted(value)}", exact=True)
        assert isinstance(value, int | float)
        told = whole_number(column, relation, value)
        if isinstance(told, bool):
            return Condition(f"{column} IS NOT NULL" if told else "(1 = 0)", exact=True)
        return Condition(f"{column} {told[0]} {told[1]}", exact=True)

    def like(self, field: Field, pattern: str) -> Condition[str]:
        if field.column in JSON_COLUMNS:
            return Condition(_has(field.column, field.keys[-1]), exact=False)
        return Condition(f"{field.column} LIKE {quoted(pattern)}", exact=True)

    def missing(self, field: Field) -> Condition[str]:
        if field.keys:
            return Condition(None, exact=False)
        return Condition(f"{field.column} IS NULL", exact=True)

    def negated(self, condition: str) -> str:
        return f"NOT coalesce({condition}, false)"

    def all_of(self, conditions: Sequence[str]) -> str:
        return " AND ".join(f"({condition})" for condition in conditions)

    def any_of(self, conditions: Sequence[str]) -> str:
        return " OR ".join(f"({condition})" for condition in conditions)


def _has(column: str, text: str) -> str:
    return f"contains({column}, {quoted(json.dumps(text, ensure_ascii=False))})"
