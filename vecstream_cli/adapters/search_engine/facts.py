"""Metadata and positions as terms of one field, made so that every condition is a term or a range.

A mapping of the metadata itself would grow with every key, and Elasticsearch's `flattened` compares
numbers as text. So a row has a list of terms: ``metadata.author:s:Ann`` for a text,
``metadata.year:n:…`` for a number in 16 hex digits that sort as numbers do, ``:b:`` for true and
false, ``:d:`` for a text that is a date, and ``metadata.author:e`` where there is a value at all.
"""

import json
import math
import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b

VALUE_MOST = 1000
"""Characters of a text in a term. A comparison with a shorter text is decided by these."""
_PATH_MOST = 200
_PLAIN = re.compile(r"\w+")
# What core.filters takes for a date.
_DATED = re.compile(r"[0-9]{4}-[0-9][0-9]-[0-9][0-9](?![0-9])")
_SURROGATE = re.compile("[\ud800-\udfff]")


def path(column: str, keys: Sequence[str]) -> str:
    """What stands under these keys: ``metadata.owner.team``, ``metadata."review date"``."""
    parts = (key if _PLAIN.fullmatch(key) else json.dumps(key) for key in keys)
    name = plain(".".join((column, *parts)))
    if len(name) <= _PATH_MOST:
        return name
    digest = blake2b(name.encode(), digest_size=12).hexdigest()
    return f"{name[:_PATH_MOST]}~{digest}"


def plain(text: str) -> str:
    """Without halves of surrogate pairs, which JSON may hold and UTF-8 may not."""
    return _SURROGATE.sub("\ufffd", text)


def ordered(number: float) -> str:
    """16 hex digits that sort as the numbers do, those beyond 2**53 rounded to a double."""
    try:
        double = float(number) + 0.0  # -0.0 is 0.0
    except OverflowError:
        double = math.copysign(math.inf, number)
    bits: int = struct.unpack(">Q", struct.pack(">d", double))[0]
    return f"{bits ^ ((1 << 64) - 1 if bits >> 63 else 1 << 63):016x}"


@lru_cache(maxsize=64)
def terms(column: str, text: str | None) -> tuple[str, ...]:
    """The terms of a column of JSON; of many rows of a document they are made once."""
    if text is None:
        return ()
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    return tuple(dict.fromkeys((f"{column}:e", *_below(column, (), found))))


def _below(column: str, keys: tuple[str, ...], found: object) -> Iterator[str]:
    if keys:
        values = found if isinstance(found, list) else [found]
        values = [value for value in values if value is not None]
        if values:
            yield f"{path(column, keys)}:e"
        for value in values:
            yield from _term(path(column, keys), value)
    if isinstance(found, Mapping):
        for key, value in found.items():
            yield from _below(column, (*keys, key), value)


def _term(name: str, value: object) -> Iterator[str]:
    match value:
        case bool():
            yield f"{name}:b:{str(value).lower()}"
        case int() | float():
            if not math.isnan(value):
                yield f"{name}:n:{ordered(value)}"
        case str():
            yield f"{name}:s:{plain(value[:VALUE_MOST])}"
            if len(value) > VALUE_MOST:
                yield f"{name}:c"
            if _DATED.match(value):
                yield f"{name}:d:{plain(value[:VALUE_MOST]).replace(' ', 'T', 1)}"
