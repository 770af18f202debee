"""A filter as Qdrant's conditions on payloads: exactly, or as far as it goes.

Qdrant knows equality of texts and truth values, ranges of numbers, and whether there is a value;
it looks at every value of a list, as we do. It neither orders texts nor knows patterns, and its
dates are moments, with time zones: of those it is told that there must be a value.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from vecstream_cli.adapters.conditions import Condition, Dialect, whole_number
from vecstream_cli.adapters.qdrant.points import UNSAID, key_of, point_id, readable
from vecstream_cli.core.filters import JSON_COLUMNS, Date, Field, Value

Native = Mapping[str, Any]

NOTHING: Native = {"has_id": []}
ANYTHING: Native = {"must_not": [NOTHING]}

_BOUNDS = {"=": ("gte", "lte"), "<": ("lt",), "<=": ("lte",), ">": ("gt",), ">=": ("gte",)}
# Below it every whole number is a float's, and Qdrant compares ranges as floats.
_EXACT = 2**53
_NULLABLE = frozenset(("page", "heading", *JSON_COLUMNS))


class QdrantDialect(Dialect[Native]):
    """Conditions as they stand in a request; `keys` are all that may be filtered by, None: any.

    A collection in strict mode may refuse to filter by keys that have no index.
    """

    def __init__(self, keys: Collection[str] | None = None) -> None:
        self._keys = keys

    def compare(self, field: Field, relation: str, value: Value | Date) -> Condition[Native]:
        if field.column == "id" and relation == "=" and isinstance(value, str):
            found = point_id(value)
            return Condition({"has_id": [found]} if found else NOTHING, exact=True)
        if (path := self._path(field)) is None:
            return Condition(None, exact=False)
        present = None if _always(field) else self.negated(_empty(path))
        if isinstance(value, Date):
            return Condition(present, exact=False)
        if isinstance(value, str):
            if relation != "=":
                return Condition(present, exact=False)
            said = readable(value)
            return Condition(_match(path, said), exact=UNSAID not in said)
        if isinstance(value, bool):
            if relation != "=":
                return Condition(present, exact=False)
            return Condition(_match(path, value), exact=True)
        if not field.keys:
            told = whole_number(field.column, relation, value)
            if isinstance(told, bool):
                return Condition((present or ANYTHING) if told else NOTHING, exact=True)
            relation, value = told
            if relation == "=":
                return Condition(_match(path, value), exact=True)
        if not math.isfinite(value) or abs(value) >= _EXACT:
            return Condition(present, exact=False)
        bounds = dict.fromkeys(_BOUNDS[relation], value)
        return Condition({"key": path, "range": bounds}, exact=True)

    def like(self, field: Field, pattern: str) -> Condition[Native]:
        path = self._path(field)
        if path is None or _always(field):
            return Condition(None, exact=False)
        return Condition(self.negated(_empty(path)), exact=False)

    def missing(self, field: Field) -> Condition[Native]:
        if _always(field):
            return Condition(NOTHING, exact=True)
        path = self._path(field)
        if path is None:
            return Condition(None, exact=False)
        return Condition(_empty(path), exact=True)

    def negated(self, condition: Native) -> Native:
        return {"must_not": [condition]}

    def all_of(self, conditions: Sequence[Native]) -> Native:
        return {"must": list(conditions)}

    def any_of(self, conditions: Sequence[Native]) -> Native:
        return {"should": list(conditions)}

    def _path(self, field: Field) -> str | None:
        """Where the field stands in a payload; None where that cannot be said, or asked."""
        if not field.keys:
            path = key_of(field.column)
        elif any('"' in key or "\\" in key or readable(key) != key for key in field.keys):
            return None  # the server's paths know no escapes
        else:
            path = ".".join((field.column, *(f'"{key}"' for key in field.keys)))
        if self._keys is not None and path.replace('"', "") not in self._keys:
            return None
        return path


def _always(field: Field) -> bool:
    """Whether every row has a value there."""
    return field.column not in _NULLABLE


def _empty(path: str) -> Native:
    return {"is_empty": {"key": path}}


def _match(path: str, value: str | int | bool) -> Native:
    return {"key": path, "match": {"value": value}}
