"""What collections are called in Weaviate, and how a row's id is written there.

Weaviate's names match ``[A-Z][_0-9A-Za-z]*``. A collection is an alias there: `documents` is
``Documents``, `handbook--build` is ``Handbook_d_dbuild``. The alias stands for a class of rows,
whose name is the alias with ``_v`` and something drawn; after a rebuild it stands for another.
"""

import re
import secrets

# The character after an underscore: what the pair stands for. Neither is ever an escape: "_v",
# which begins the part of a class's name that was drawn, and "_l", which begins a lock's number.
_ESCAPES = {"_": "_", "-": "d", ".": "p"}
_CAPITAL = "_c"  # at the end: the first letter was a capital one already

NAMES = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
NAMING = "Begin with a letter, go on with letters, digits, '-', '_' and '.': 64 characters at most."

_HEX_ID = re.compile(r"[0-9a-f]{32}")


def alias_of(collection: str) -> str:
    """The alias of a collection; no two have the same."""
    escaped = "".join(
        f"_{_ESCAPES[letter]}" if letter in _ESCAPES else letter for letter in collection
    )
    return escaped[0].upper() + escaped[1:] + (_CAPITAL if escaped[0].isupper() else "")


def drawn_class(alias: str) -> str:
    """A name for a class of rows that nobody else has drawn."""
    return f"{alias}_v{secrets.token_hex(6)}"


def is_class_of(alias: str, name: str) -> bool:
    """Whether `drawn_class` may have made this name for the alias."""
    return re.fullmatch(rf"{alias}_v[0-9a-f]{{12}}", name) is not None


def lock_class(alias: str, number: int) -> str:
    """The name of the lock record of this number."""
    return f"{alias}_l{number}"


def lock_number(alias: str, name: str) -> int | None:
    """The number in a lock record's name; None for any other name."""
    found = re.fullmatch(rf"{alias}_l([0-9]+)", name)
    return int(found.group(1)) if found else None


def uuid_of(row_id: str) -> str | None:
    """A row's id as Weaviate writes it; None for a text that is no row's id."""
    if _HEX_ID.fullmatch(row_id) is None:
        return None
    return "-".join(
        (row_id[:8], row_id[8:12], row_id[12:16], row_id[16:20], row_id[20:])
    )  # fmt: skip


def row_id_of(uuid: str) -> str:
    """The row's id of a UUID."""
    return uuid.replace("-", "")
