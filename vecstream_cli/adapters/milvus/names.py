"""What a collection of ours is called in Milvus: names there have letters, digits and _ alone.

A collection is an alias, so that another can take its place in one step. The alias is the name, in
which `-` is ``_x2d_``, `.` is ``_x2e_`` and so on; what it stands for is called like it, with two
underscores and eight hex digits behind it.
"""

import re
from hashlib import blake2b

from vecstream_cli.settings import BUILD

# With at most 35 characters that take five, and what stands behind, no name exceeds 255.
NAMES = re.compile(r"(?=.{1,70}\Z)[A-Za-z0-9_]*(?:[.-][A-Za-z0-9_]*){0,35}")
NAMING = "A name has at most 70 letters, digits, _, - and ., of these two at most 35."

_TO_ESCAPE = re.compile(r"[^A-Za-z0-9_]|^[0-9]|_(?=x[0-9a-f]{2})")


def alias_of(collection: str) -> str:
    """The alias; no two collections have the same."""
    return _TO_ESCAPE.sub(lambda found: f"_x{ord(found[0]):02x}_", collection)


def holder_of(collection: str, uuid: str) -> str:
    """The name of what holds the rows, for as long as it lives."""
    digest = blake2b(uuid.encode(), digest_size=4).hexdigest()
    return f"{alias_of(collection.removesuffix(BUILD))}__{digest}"


def may_hold(name: str, collection: str) -> bool:
    """Whether a name is such as `holder_of` gives for the collection, or for its build."""
    start = re.escape(alias_of(collection.removesuffix(BUILD)))
    return re.fullmatch(rf"{start}__[0-9a-f]{{8}}", name) is not None
