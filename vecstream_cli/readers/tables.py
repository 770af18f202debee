"""Tables in documents: which row names the columns, and every row as a line with those names."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby

from vecstream_cli.core.blocks import BlockKind, Position
from vecstream_cli.readers.parts import Part
from vecstream_cli.readers.rows import cell, name, row_line

PEEKED_ROWS = 30

_MAX_NAME_CHARS = 80
_HEADER_WITHIN = 10
_VALUE = re.compile(
    r"[$€£¥(+~<>≈-]*\s?\d[\d\s.,:/%eETZ+)$€£¥-]*|true|false|n/a|yes|no|[-–—]+|\S+@\S+\.\S+|\w+://\S+",
    re.IGNORECASE,
)


def table_parts(
    rows: Sequence[Sequence[str]], where: Position, *, marked: int | None = None
) -> Iterator[Part]:
    """A part for each row; `marked` tells how many rows at the top the document calls a header.

    The names are those of the last row of a header. A table of one column has no header.
    """
    at = marked - 1 if marked else header_at(rows)
    header: Sequence[str] = ()
    for index, row in enumerate(rows):
        title = index == 0 or (at is not None and index <= at)
        text = row_line((), _given(row)) if title else row_line(header, row)
        if index == at:
            header = names(row)
        if text:
            yield Part(BlockKind.TABLE, text, position={**where, "row": index + 1})


def names(row: Sequence[str]) -> list[str]:
    """A header's cells as they stand beside the values."""
    return [name(value)[:_MAX_NAME_CHARS] for value in row]


def header_at(rows: Sequence[Sequence[str]]) -> int | None:
    """Which of the first rows names the columns: the first that is as full as most, if it can.

    What stands above it is the table's title. None where there is no such row.
    """
    filled = [len(_given(row)) for row in rows]
    usual = Counter(count for count in filled if count).most_common(1)
    wanted = max(2, usual[0][0] - 1) if usual else 2
    for at, row in enumerate(rows[:_HEADER_WITHIN]):
        if filled[at] >= wanted:
            return at if names_columns(row, rows[at + 1 :]) else None
    return None


def names_columns(row: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Whether a row reads like the names of columns: short words, none twice, none a value below.

    A label with a colon names what stands to its right, not below.
    """
    given = _given(row)
    if len(given) < 2 or len(set(given)) < len(given) or not any(any(other) for other in below):
        return False
    if any(len(value) > _MAX_NAME_CHARS or _VALUE.fullmatch(value) for value in given):
        return False
    labels = [other[0] for other in (row, *below) if other and other[0].strip()]
    if len(given) == 2 and any(label.rstrip().endswith(":") for label in labels):
        return False
    return not any(
        value and any(column < len(other) and cell(other[column]) == value for other in below)
        for column, value in enumerate(map(cell, row))
    )


def _given(row: Sequence[str]) -> list[str]:
    """The cells that say something; what is merged over several columns counts once."""
    return [text for value, _ in groupby(row) if (text := cell(value))]
