"""Conditions in SQL over lists of values, in statements of a bounded size."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TypeVar

_T = TypeVar("_T")


def any_of(column: str, values: Sequence[str]) -> str:
    """The column has one of these values."""
    return f"{column} IN ({', '.join(map(quoted, values))})"


def any_of_each(column: str, values: Sequence[str], size: int) -> Iterator[str]:
    """The same in as many conditions as it takes, of at most `size` values each."""
    for chunk in chunks(values, size):
        yield any_of(column, chunk)


def quoted(value: str) -> str:
    """A text literal."""
    return "'" + value.replace("'", "''") + "'"


def chunks(values: Sequence[_T], size: int) -> Iterator[list[_T]]:
    """The values in lists of at most `size`."""
    rest = iter(values)
    while chunk := list(islice(rest, size)):
        yield chunk
