"""A filter as Pinecone's, which are MongoDB's in small: exactly, or as far as they go.

Pinecone compares numbers by order and texts for being equal, and has no pattern and no negation.
So every condition is told with its opposite, where that can be said. What stands in `metadata` and
`position` is found by its `facts`; of an order or a pattern there, only that something is there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from vecstream_cli.adapters.conditions import Condition, Dialect, whole_number
from vecstream_cli.adapters.pinecone.rows import FACTS, equality, presence
from vecstream_cli.core.filters import JSON_COLUMNS, Date, Field, Filter, Not, Value

Words = dict[str, Any]

_OPERATORS = {"=": "$eq", "<": "$lt", "<=": "$lte", ">": "$gt", ">=": "$gte"}
_OPPOSITES = {"=": "$ne", "<": "$gte", "<=": "$gt", ">": "$lte", ">=": "$lt"}
_NULLABLE = frozenset(("page", "heading"))
_MOST_EXACT = 2**53
_EVERY_ROW: Words = {"id": {"$exists": True}}
_NO_ROW: Words = {"id": {"$exists": False}}


@dataclass(frozen=True, slots=True)
class Told:
    """A condition and its opposite, as far as that can be said."""

    words: Words
    opposite: Words | None = None


class PineconeDialect(Dialect[Told]):
    """Conditions on metadata."""

    def condition(self, wanted: Filter) -> Condition[Told]:
        if isinstance(wanted, Not):
            inner = self.condition(wanted.part)
            if inner.native is None or inner.native.opposite is None:
                return Condition(None, exact=False)
        return super().condition(wanted)

    def compare(self, field: Field, relation: str, value: Value | Date) -> Condition[Told]:
        column = field.column
        if column in JSON_COLUMNS:
            return _by_facts(field, relation, value)
        if column == "text" or isinstance(value, Date):
            return Condition(None, exact=False)
        if isinstance(value, str):
            return _compared(column, relation, value) if relation == "=" else _unknown()
        told = whole_number(column, relation, value)
        if isinstance(told, bool):
            return _constant(column, told)
        if column == "attempt":
            return _compared(column, "=", str(told[1])) if told[0] == "=" else _unknown()
        if abs(told[1]) >= _MOST_EXACT:
            return _unknown()
        return _compared(column, *told)

    def like(self, field: Field, pattern: str) -> Condition[Told]:
        if field.column in JSON_COLUMNS:
            return Condition(Told(_has(presence(field.column, field.keys))), exact=False)
        return _unknown()

    def missing(self, field: Field) -> Condition[Told]:
        column = field.column
        if column in JSON_COLUMNS or column == "text":
            return _unknown()
        if column not in _NULLABLE:
            return Condition(Told(_NO_ROW, _EVERY_ROW), exact=True)
        there = {column: {"$exists": True}}
        return Condition(Told({column: {"$exists": False}}, there), exact=True)

    def negated(self, condition: Told) -> Told:
        assert condition.opposite is not None
        return Told(condition.opposite, condition.words)

    def all_of(self, conditions: Sequence[Told]) -> Told:
        return _joined("$and", "$or", conditions)

    def any_of(self, conditions: Sequence[Told]) -> Told:
        return _joined("$or", "$and", conditions)


def _unknown() -> Condition[Told]:
    return Condition(None, exact=False)


def _has(fact: str) -> Words:
    return {FACTS: {"$in": [fact]}}


def _by_facts(field: Field, relation: str, value: Value | Date) -> Condition[Told]:
    if relation == "=" and not isinstance(value, Date) and field.keys:
        fact = equality(field.column, field.keys, value)
        if fact is not None:
            return Condition(Told(_has(fact)), exact=True)
    return Condition(Told(_has(presence(field.column, field.keys))), exact=False)


def _compared(column: str, relation: str, value: str | int) -> Condition[Told]:
    opposite: Words = {column: {_OPPOSITES[relation]: value}}
    if column in _NULLABLE:
        opposite = {"$or": [opposite, {column: {"$exists": False}}]}
    return Condition(Told({column: {_OPERATORS[relation]: value}}, opposite), exact=True)


def _constant(column: str, holds: bool) -> Condition[Told]:
    """Of every value that is there, or of none."""
    if not holds:
        return Condition(Told(_NO_ROW, _EVERY_ROW), exact=True)
    there, away = {column: {"$exists": True}}, {column: {"$exists": False}}
    return Condition(Told(there, away), exact=True)


def _joined(word: str, other: str, conditions: Sequence[Told]) -> Told:
    opposites = [each.opposite for each in conditions if each.opposite is not None]
    return Told(
        {word: [each.words for each in conditions]},
        {other: opposites} if len(opposites) == len(conditions) else None,
    )
