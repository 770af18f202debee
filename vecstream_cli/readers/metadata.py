"""What a document says about itself, made small and JSON-able: it goes on every row."""

import datetime
import json
import math
from collections.abc import Mapping
from typing import Any

MAX_METADATA_BYTES = 8 << 10
MAX_VALUE_BYTES = 2 << 10

_MAX_DEPTH = 6


def bounded(facts: Mapping[Any, object]) -> dict[str, object]:
    """`facts` as JSON types, in their order; what is too big, empty or of no JSON type is left out.

    The result takes at most `MAX_METADATA_BYTES` as UTF-8 JSON.
    """
    kept: dict[str, object] = {}
    total = 2
    for key, value in facts.items():
        if value is None or value == "":
            continue
        name = _text(str(key))
        try:
            plain = _plain(value, _MAX_DEPTH)
            size = len(json.dumps({name: plain}, ensure_ascii=False, allow_nan=False).encode())
        except (TypeError, ValueError):
            continue
        if size <= MAX_VALUE_BYTES and total + size <= MAX_METADATA_BYTES and name not in kept:
            kept[name] = plain
            total += size
    return kept


def _plain(value: object, depth: int) -> object:
    if depth == 0:
        raise ValueError("nested too deep")
    if isinstance(value, str):
        return _text(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        # Beyond 64 bits, JSON readers disagree.
        return value if abs(value) < 1 << 63 else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {_text(str(key)): _plain(inner, depth - 1) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner, depth - 1) for inner in value]
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _text(text: str) -> str:
    """Without lone surrogates, which YAML escapes can make, and without NUL."""
    return text.encode("utf-8", "replace").decode().replace("\0", "")
