"""A filter in Weaviate's words: exactly, or as far as they go.

Whole numbers are compared by the database. Texts are kept whole (tokenization "field") but for
white space around them, so equality finds all that match and few others, and the order of texts is
not asked for. What stands in a column of JSON was written down as facts
(`weaviate_rows.facts`), which are there or not, exactly.
"""

from collections.abc import Sequence
from typing import Any

from vecstream_cli.adapters.conditions import Condition, Dialect, whole_number
from vecstream_cli.adapters.weaviate.names import uuid_of
from vecstream_cli.adapters.weaviate.rows import FACTS, equal, there
from vecstream_cli.core.filters import JSON_COLUMNS, Date, Field, Value

_ANYTHING: Condition[Any] = Condition(None, exact=False)
_RELATIONS = {
    "=": "EQUAL",
    "<": "LESS_THAN",
    "<=": "LESS_THAN_EQUAL",
    ">": "GREATER_THAN",
    ">=": "GREATER_THAN_EQUAL",
}
_COMPARED = frozenset(("page", "ordinal"))
_KEPT_WHOLE = frozenset(("document_id", "source", "path"))


class WeaviateDialect(Dialect[Any]):
    """Weaviate's filters (``weaviate.v1.Filters``)."""

    def compare(self, field: Field, relation: str, value: Value | Date) -> Condition[Any]:
        column = field.column
        if column in JSON_COLUMNS:
            return self._compare_json(field, relation, value)
        if column in _COMPARED and isinstance(value, int | float):
            told = whole_number(column, relation, value)
            if told is True:
                return Condition(is_null(column, False), exact=True)
            if told is False:
                nothing = all_of(is_null(column, True), is_null(column, False))
                return Condition(nothing, exact=True)
            return Condition(single(column, _RELATIONS[told[0]], value_int=told[1]), exact=True)
        if relation != "=":
            return _ANYTHING
        if column == "attempt" and isinstance(value, int | float):
            told = whole_number(column, relation, value)
            if isinstance(told, bool):
                return _ANYTHING
            return Condition(text_equal(column, str(told[1])), exact=True)
        if not isinstance(value, str):
            return _ANYTHING
        if column == "id":
            uuid = uuid_of(value)
            return _ANYTHING if uuid is None else Condition(any_id([uuid]), exact=True)
        if column not in _KEPT_WHOLE or not value.strip():
            return _ANYTHING
        return Condition(text_equal(column, value), exact=column == "document_id")

    def _compare_json(self, field: Field, relation: str, value: Value | Date) -> Condition[Any]:
        if not field.keys:
            return _ANYTHING
        if relation == "=" and not isinstance(value, Date):
            fact = equal(field.column, field.keys, value)
            if fact is not None:
                return Condition(text_equal(FACTS, fact), exact=True)
        return self._there(field, exact=False)

    def like(self, field: Field, pattern: str) -> Condition[Any]:
        return self._there(field, exact=False) if field.keys else _ANYTHING

    def missing(self, field: Field) -> Condition[Any]:
        if field.keys:
            known = self._there(field, exact=True)
            return Condition(self.negated(known.native), exact=True)
        if field.column == "page":
            return Condition(is_null("page", True), exact=True)
        return _ANYTHING

    def _there(self, field: Field, *, exact: bool) -> Condition[Any]:
        return Condition(text_equal(FACTS, there(field.column, field.keys)), exact=exact)

    def negated(self, condition: Any) -> Any:
        return joined("NOT", [condition])

    def all_of(self, conditions: Sequence[Any]) -> Any:
        return joined("AND", conditions)

    def any_of(self, conditions: Sequence[Any]) -> Any:
        return joined("OR", conditions)


def single(name: str, operator: str, **value: Any) -> Any:
    """A condition on one property."""
    from weaviate.proto.v1 import base_pb2

    return base_pb2.Filters(
        operator=base_pb2.Filters.Operator.Value(f"OPERATOR_{operator}"),
        target=base_pb2.FilterTarget(property=name),
        **value,
    )


def joined(operator: str, conditions: Sequence[Any]) -> Any:
    """Several conditions, or the opposite of one."""
    from weaviate.proto.v1 import base_pb2

    return base_pb2.Filters(
        operator=base_pb2.Filters.Operator.Value(f"OPERATOR_{operator}"), filters=conditions
    )


def all_of(*conditions: Any) -> Any:
    """All of these, two at least."""
    return joined("AND", conditions)


def text_equal(name: str, value: str) -> Any:
    """The property is this text, or has it among its texts."""
    return single(name, "EQUAL", value_text=value)


def text_in(name: str, values: Sequence[str]) -> Any:
    """The property is one of these texts."""
    from weaviate.proto.v1 import base_pb2

    return single(name, "CONTAINS_ANY", value_text_array=base_pb2.TextArray(values=values))


def any_id(uuids: Sequence[str]) -> Any:
    """The row's own UUID is one of these."""
    return text_in("_id", uuids)


def is_null(name: str, null: bool) -> Any:
    """The property is absent, or is there."""
    return single(name, "IS_NULL", value_boolean=null)
