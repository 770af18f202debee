"""Which objects of the double meet a filter (``weaviate.v1.Filters``), as Weaviate would have it.

From Weaviate's documentation of filters and tokenization: a text with the tokenization "field" is
compared without the white space around it; what is not there meets nothing but IsNull; Not is
everything else.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

# Go's unicode.IsSpace, which is not Python's str.isspace.
SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009"
SPACE += "\u200a\u2028\u2029\u202f\u205f\u3000"

_COMPARE = {
    "EQUAL": lambda found, value: found == value,
    "NOT_EQUAL": lambda found, value: found != value,
    "GREATER_THAN": lambda found, value: found > value,
    "GREATER_THAN_EQUAL": lambda found, value: found >= value,
    "LESS_THAN": lambda found, value: found < value,
    "LESS_THAN_EQUAL": lambda found, value: found <= value,
}


Meets = Callable[[str, Mapping[str, Any]], bool]


class Invalid(Exception):
    """A request that Weaviate refuses."""


def meets(wanted: Any, config: Mapping[str, Any]) -> Meets:
    """What tells of a UUID and properties of a class with this definition whether they meet it."""
    operator = type(wanted).Operator.Name(wanted.operator).removeprefix("OPERATOR_")
    if operator in ("AND", "OR", "NOT"):
        parts = [meets(part, config) for part in wanted.filters]
        if not parts:
            raise Invalid(f"{operator} without operands")
        if operator == "NOT":
            return lambda uuid, values: not parts[0](uuid, values)
        joined = all if operator == "AND" else any
        return lambda uuid, values: joined(part(uuid, values) for part in parts)
    name = wanted.target.property
    if not name:
        raise Invalid("a filter without a property")
    kind = wanted.WhichOneof("test_value")
    value = getattr(wanted, kind)
    if kind.endswith("_array"):
        value = list(value.values)
    if name == "_id":
        return lambda uuid, values: _met(operator, [uuid], value)
    told = {each["name"]: each for each in config["properties"]}.get(name)
    if told is None:
        raise Invalid(f"no such prop with name {name!r} found in class {config['class']!r}")
    if not told.get("indexFilterable", True):
        raise Invalid(f"property {name!r} has no index to be filtered by")
    if operator == "IS_NULL":
        if not config["invertedIndexConfig"].get("indexNullState"):
            raise Invalid("Nullstate must be indexed to be filterable!")
        return lambda uuid, values: (values.get(name) in (None, "", [])) == value
    whole = told["dataType"][0] == "int"
    if whole != kind.startswith("value_int"):
        raise Invalid(f"data type filter cannot use {kind} on {told['dataType'][0]}")
    if not whole:
        value = [_kept(one) for one in value] if isinstance(value, list) else _kept(value)

    def compared(uuid: str, values: Mapping[str, Any]) -> bool:
        found = values.get(name)
        if found is None:
            return False
        several = found if isinstance(found, list) else [found]
        return _met(operator, several if whole else [_kept(one) for one in several], value)

    return compared


def _kept(text: str) -> str:
    return text.strip(SPACE)


def _met(operator: str, found: list[Any], value: Any) -> bool:
    if operator == "CONTAINS_ANY":
        return not set(found).isdisjoint(value)
    if operator == "NOT_EQUAL":
        return value not in found
    if operator not in _COMPARE:
        raise Invalid(f"the double does not know {operator}")
    return any(_COMPARE[operator](one, value) for one in found)


def words(text: str) -> list[str]:
    """The tokenization "word": runs of letters and digits, in small letters."""
    return re.findall(r"[^\W_]+", text.lower())
