"""What PineconeDouble holds: namespaces with a log, whose writes reads see a moment later."""

import json
import operator
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

MOST_METADATA = 40_960
MOST_VALUES = 10_000
ABSENT_IS_OTHER = False
"""Whether what is not there satisfies $ne and $nin: the documentation does not say."""

Record = tuple[npt.NDArray[np.float32], dict[str, Any]]
Rows = dict[str, Record]


class Refused(Exception):
    """A response other than 200."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Namespace:
    """Records by their ids, as of the last write that reads see; the log holds later ones."""

    def __init__(self, fields: list[str] | None) -> None:
        self.fields = fields
        self.committed = 0
        self.seen = 0
        self.dropped = False
        self.rows: Rows = {}
        self._log: list[tuple[float, int, Callable[[Rows], None]]] = []

    def write(self, lag: float, change: Callable[[Rows], None]) -> int:
        """Take a change, which reads see after `lag` seconds; its place in the log."""
        self.committed += 1
        self._log.append((time.monotonic() + lag, self.committed, change))
        return self.committed

    def drop(self, lag: float) -> None:
        def dropped(rows: Rows) -> None:
            rows.clear()
            self.dropped = True

        self.write(lag, dropped)

    def settle(self) -> None:
        """Apply what is due."""
        now = time.monotonic()
        while self._log and self._log[0][0] <= now:
            _, self.seen, change = self._log.pop(0)
            change(self.rows)

    def matching(self, where: Mapping[str, Any] | None) -> list[str]:
        """The ids of the records that a filter lets through."""
        if where is None:
            return list(self.rows)
        check_filter(where, self.fields)
        holds = compiled(where)
        return [row_id for row_id, (_, metadata) in self.rows.items() if holds(metadata)]


def record_of(vector: Mapping[str, Any], dimension: int) -> Record:
    """A record as it is stored, or why it is not."""
    values = vector.get("values") or []
    if len(values) != dimension:
        raise Refused(
            400,
            f"Vector dimension {len(values)} does not match the dimension of the index {dimension}",
        )
    numbers = np.asarray(values, np.float64)
    if not np.isfinite(numbers).all():
        raise Refused(400, "Vector values must be finite")
    if not numbers.any():
        raise Refused(400, "Dense vectors must contain at least one non-zero value.")
    metadata = {key: _stored(key, value) for key, value in (vector.get("metadata") or {}).items()}
    size = len(json.dumps(metadata, ensure_ascii=False, separators=(",", ":")).encode())
    if size > MOST_METADATA:
        raise Refused(
            400,
            f"Metadata size is {size} bytes, which exceeds the limit of {MOST_METADATA} bytes"
            " per vector",
        )
    return numbers.astype(np.float32), metadata


def _stored(key: str, value: object) -> object:
    texts = isinstance(value, list) and all(isinstance(each, str) for each in value)
    if key.startswith("$") or not (isinstance(value, str | bool | int | float) or texts):
        raise Refused(
            400,
            "Metadata value must be a string, number, boolean or list of strings, got"
            f" '{str(value)[:16]}' for field '{key}'",
        )
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    number = float(value)  # a 64-bit float, whatever was sent
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


Test = Callable[[Mapping[str, Any]], bool]
_ORDERS = {"$gt": operator.gt, "$gte": operator.ge, "$lt": operator.lt, "$lte": operator.le}


def check_filter(where: Mapping[str, Any], fields: list[str] | None) -> None:
    """Refuse a filter that Pinecone does not know, and one on a field that is not indexed."""
    if not where:
        raise Refused(400, "Empty filter provided")
    for key, value in where.items():
        if key in ("$and", "$or"):
            if not isinstance(value, list) or not value:
                raise Refused(400, f"{key} needs a list of conditions")
            for each in value:
                check_filter(each, fields)
            continue
        if key.startswith("$"):
            raise Refused(400, f"{key} is not a valid operator")
        if fields is not None and key not in fields:
            raise Refused(400, f"the field {key} is not indexed")
        for name, operand in value.items():
            _check_operand(name, operand)


def _check_operand(name: str, operand: object) -> None:
    number = _number(operand)
    scalar = isinstance(operand, str | bool | int | float)
    kinds = {
        **dict.fromkeys(("$gt", "$gte", "$lt", "$lte"), number),
        **dict.fromkeys(("$eq", "$ne"), scalar),
        **dict.fromkeys(("$in", "$nin"), isinstance(operand, list)),
        "$exists": isinstance(operand, bool),
    }
    if not kinds.get(name, False):
        raise Refused(400, f"{name} does not take {str(operand)[:40]}")
    if isinstance(operand, list) and not 1 <= len(operand) <= MOST_VALUES:
        raise Refused(400, f"{name} takes from 1 to {MOST_VALUES} values")


def compiled(where: Mapping[str, Any]) -> Test:
    """Whether a filter lets a record with these metadata through."""
    tests = [_compiled(key, value) for key, value in where.items()]
    return tests[0] if len(tests) == 1 else lambda found: all(test(found) for test in tests)


def _compiled(key: str, value: Any) -> Test:
    if key in ("$and", "$or"):
        tests = [compiled(each) for each in value]
        join = all if key == "$and" else any
        return lambda found: join(test(found) for test in tests)
    ((name, operand),) = value.items()
    if name == "$exists":
        return lambda found: (key in found) == operand
    if name in _ORDERS:
        order = _ORDERS[name]
        return lambda found: _number(found.get(key)) and order(found[key], operand)
    wanted = {_of_kind(each) for each in (operand if isinstance(operand, list) else [operand])}
    alike = name in ("$eq", "$in")
    return lambda found: (
        alike != wanted.isdisjoint(_kinds(found[key]))
        if key in found
        else ABSENT_IS_OTHER and not alike
    )


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _kinds(value: object) -> list[tuple[str, Any]]:
    return [_of_kind(each) for each in (value if isinstance(value, list) else [value])]


def _of_kind(value: object) -> tuple[str, Any]:
    return ("number" if _number(value) else type(value).__name__, value)
