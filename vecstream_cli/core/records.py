"""Frozen dataclasses as JSON and back: what is missing has a default, what is unknown is left."""

from collections.abc import Mapping
from dataclasses import MISSING, asdict, fields, is_dataclass
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


def as_json(record: Any) -> dict[str, Any]:
    """A dataclass as what `json.dumps` takes."""
    made: dict[str, Any] = asdict(record)
    return made


def from_json(kind: type[T], data: object) -> T:
    """The dataclass `kind` from what `json.loads` gave.

    Raises ValueError that names the field which is missing or of another kind.
    """
    return _dataclass(kind, data, kind.__name__)


def _dataclass(kind: type[T], data: object, where: str) -> T:
    if not isinstance(data, Mapping):
        raise _wrong(where, data)
    hints = get_type_hints(kind)
    values = {}
    for each in fields(kind):  # type: ignore[arg-type]
        if each.name in data:
            values[each.name] = _value(hints[each.name], data[each.name], f"{where}.{each.name}")
        elif each.default is MISSING and each.default_factory is MISSING:
            raise ValueError(f"{where}.{each.name} is missing")
    return kind(**values)


def _value(kind: Any, data: Any, where: str) -> Any:
    origin, inner = get_origin(kind), get_args(kind)
    if origin is tuple:
        if not isinstance(data, list | tuple):
            raise _wrong(where, data)
        return tuple(_value(inner[0], item, where) for item in data)
    if origin in (Union, UnionType):
        return _one_of(inner, data, where)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        if not isinstance(data, Mapping):
            raise _wrong(where, data)
        return {str(key): _value(inner[1], item, f"{where}.{key}") for key, item in data.items()}
    if is_dataclass(kind):
        return _dataclass(kind, data, where)  # type: ignore[arg-type]
    if kind is float and type(data) in (int, float):
        return float(data)
    if type(data) is not kind:
        raise _wrong(where, data)
    return data


def _one_of(kinds: tuple[Any, ...], data: Any, where: str) -> Any:
    if data is None and type(None) in kinds:
        return None
    for kind in kinds:
        if kind is not type(None):
            try:
                return _value(kind, data, where)
            except ValueError:
                continue
    raise _wrong(where, data)


def _wrong(where: str, data: object) -> ValueError:
    return ValueError(f"{where} cannot be a {type(data).__name__}")
