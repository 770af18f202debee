"""A table's row as one line that a reader understands by itself, the header's words beside it."""

import re
from collections.abc import Sequence
from itertools import chain, repeat

_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f\ud800-\udfff]")


def row_line(header: Sequence[str], values: Sequence[str]) -> str:
    """``Name: Alice | Role: admin``: no line end; an empty value is left out with its name.

    A value under no name stands alone.
    """
    parts = []
    for name, value in zip(chain(header, repeat("")), values, strict=False):
        shown = cell(value)
        if shown:
            parts.append(f"{name}: {shown}" if name else shown)
    return " | ".join(parts)


def cell(value: str) -> str:
    """A cell's text on one line."""
    return " ".join(_CONTROL.sub("", value).split())


def name(value: str) -> str:
    """A header's cell as it stands before a colon."""
    return cell(value).rstrip(": ")
