"""A filter as Chroma's `where`: exactly, or as far as it goes.

Chroma compares numbers, and texts for being equal. It has no ``not``, so a negation is carried down
to the comparisons: ``$ne`` holds for what is absent, the other relations do not. What lies inside
the JSON of `metadata` and `position` it cannot see.
"""

from collections.abc import Sequence
from typing import Any

from vecstream_cli.adapters.conditions import Condition, Dialect, whole_number
from vecstream_cli.core.filters import (
    JSON_COLUMNS,
    All,
    Compare,
    Date,
    Field,
    Filter,
    Like,
    Missing,
    Not,
    Some,
    Value,
)

Where = dict[str, Any]

_RELATIONS = {"<": "$lt", "<=": "$lte", ">": "$gt", ">=": "$gte"}
_OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}
_NULLABLE = frozenset(("page", "heading"))
_ELSEWHERE = JSON_COLUMNS | {"id", "text"}  # not among what `where` can name as it is

_ALL: Where = {"attempt": {"$gte": -(2**63)}}
_NONE: Where = {"document_id": ""}
_UNKNOWN: Condition[Where] = Condition(None, exact=False)


def any_of(conditions: Sequence[Where]) -> Where:
    """One of these holds; the values of one column in one list."""
    if len(conditions) == 1:
        return conditions[0]
    columns = {column for condition in conditions for column in condition}
    values = [value for condition in conditions for value in condition.values()]
    if len(columns) == 1 and all(isinstance(value, str | int) for value in values):
        return {columns.pop(): {"$in": values}}
    return {"$or": list(conditions)}


class ChromaDialect(Dialect[Where]):
    """Chroma's own language."""

    def condition(self, wanted: Filter) -> Condition[Where]:
        if not isinstance(wanted, Not):
            return super().condition(wanted)
        match wanted.part:
            case Not(part):
                return self.condition(part)
            case All(parts):
                return super().condition(Some(tuple(map(Not, parts))))
            case Some(parts):
                return super().condition(All(tuple(map(Not, parts))))
            case Missing(field):
                return self._present(field.column)
            case Compare(field, relation, value):
                return self._unlike(field, relation, value)
            case Like():
                return _UNKNOWN

    def compare(self, field: Field, relation: str, value: Value | Date) -> Condition[Where]:
        column = field.column
        if column in _ELSEWHERE or isinstance(value, Date):
            return _UNKNOWN
        if isinstance(value, str):
            return Condition({column: value}, exact=True) if relation == "=" else _UNKNOWN
        told = whole_number(column, relation, value)
        if told is False:
            return Condition(_NONE, exact=True)
        if told is True:
            return self._present(column)
        relation, number = told
        condition = number if relation == "=" else {_RELATIONS[relation]: number}
        return Condition({column: condition}, exact=True)

    def missing(self, field: Field) -> Condition[Where]:
        if field.column in _NULLABLE | JSON_COLUMNS:
            return _UNKNOWN
        return Condition(_NONE, exact=True)

    def all_of(self, conditions: Sequence[Where]) -> Where:
        return {"$and": list(conditions)}

    def any_of(self, conditions: Sequence[Where]) -> Where:
        return any_of(conditions)

    def _present(self, column: str) -> Condition[Where]:
        if column == "page":
            return Condition({column: {"$gte": -(2**31)}}, exact=True)
        if column in _NULLABLE | JSON_COLUMNS:
            return _UNKNOWN
        return Condition(_ALL, exact=True)

    def _unlike(self, field: Field, relation: str, value: Value | Date) -> Condition[Where]:
        """What holds where the comparison does not."""
        column = field.column
        if relation != "=" and column not in _NULLABLE:
            return self.compare(field, _OPPOSITE[relation], value)
        found = self.compare(field, relation, value)
        if found.native == _NONE:
            return Condition(_ALL, exact=True)
        if relation != "=" or found.native is None:
            return _UNKNOWN
        return Condition({column: {"$ne": found.native[column]}}, exact=True)
