"""JSON as jsonb can hold it, so that PostgreSQL compares it as Python does.

jsonb has neither U+0000 nor lone surrogates, nor NaN, and numbers of any length. What stands in
the columns `position_json` and `metadata_json` is for filters alone; nobody is handed it back.
"""

import json
import math
import re
from functools import lru_cache

# Two characters each, in the order of the code points that they stand for: U+0001 opens those for
# U+0000 and itself; U+D7FF, which is assigned to nothing, those for surrogates and itself.
_ODD = re.compile("[\x00\x01\ud7ff-\udfff]")
_INFINITE = 10**400  # above every float


@lru_cache(maxsize=1024)
def as_jsonb(text: str | None) -> bytes | None:
    """The binary form of a jsonb; None for what is no JSON, and so holds nothing."""
    if text is None:
        return None
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return b"\x01" + json.dumps(_plain(found), ensure_ascii=False).encode()


def as_stored(text: str) -> str:
    """A text as a jsonb here has it; another text is another, and their order stays."""
    return _ODD.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 2:
        return "\x01\x01" if code == 0 else "\x01\x02"
    return "\ud7ff" + ("\x02" if code == 0xD7FF else chr(0x10000 + code))


def _plain(value: object) -> object:
    match value:
        case str():
            return as_stored(value)
        case float():
            return _number(value)
        case dict():
            return {as_stored(key): _plain(each) for key, each in value.items()}
        case list():
            return [_plain(each) for each in value]
        case _:
            return value


def _number(value: float) -> object:
    if math.isnan(value):
        return {}  # is there, and is no text, number or truth
    if math.isinf(value):
        return _INFINITE if value > 0 else -_INFINITE
    # The shortest digits that name a float are not the number that it is; whole, all of them are.
    return int(value) if value.is_integer() else value
