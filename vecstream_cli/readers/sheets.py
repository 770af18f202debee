"""A sheet's rows as lines of text, whatever spreadsheet they come from."""

from collections.abc import Iterable, Iterator
from itertools import chain, islice

from vecstream_cli.core.blocks import BlockKind, Position
from vecstream_cli.readers.parts import Part
from vecstream_cli.readers.rows import row_line
from vecstream_cli.readers.source import Progress
from vecstream_cli.readers.tables import PEEKED_ROWS, header_at, names

Row = tuple[int, dict[int, str]]
"""A row's number and the text of its cells by column; both count from 1."""


def sheet_parts(name: str, rows: Iterable[Row], progress: Progress) -> Iterator[Part]:
    """The sheet's name as a heading, then a line for each row that has text.

    A sheet may hold several tables, parted by empty rows: where the first row of another one
    names other columns, it is the header from there on.
    """
    first = True
    header: dict[int, str] = {}
    for table in _tables(_filled(rows, progress)):
        if first:
            yield Part(BlockKind.HEADING, name, 1, {"sheet": name}, (name,))
            first = False
        peeked = list(islice(table, PEEKED_ROWS))
        at = _header(peeked)
        if at is not None and header and set(peeked[at][1]) == set(header):
            at = None  # the same table goes on after an empty row
        remark = at is None and all(len(cells) == 1 for _, cells in peeked)
        for index, (number, cells) in enumerate(chain(peeked, table)):
            columns = sorted(cells)
            values = [cells[column] for column in columns]
            title = at is not None and index <= at
            said = () if title or remark else [header.get(column, "") for column in columns]
            if index == at:
                header = dict(zip(columns, names(values), strict=True))
            yield _part(name, number, columns, row_line(said, values))


def column_letters(number: int) -> str:
    """A column's name: 1 is A, 27 is AA."""
    letters = ""
    while number > 0:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def _part(name: str, number: int, columns: list[int], text: str) -> Part:
    reach = column_letters(columns[0])
    if len(columns) > 1:
        reach += f":{column_letters(columns[-1])}"
    where: Position = {"sheet": name, "columns": reach, "row": number}
    return Part(BlockKind.TABLE, text, 0, where, (name,))


def _filled(rows: Iterable[Row], progress: Progress) -> Iterator[Row]:
    for number, cells in rows:
        progress()
        if cells:
            yield number, cells


def _tables(rows: Iterator[Row]) -> Iterator[Iterator[Row]]:
    """Runs of rows without an empty one between them, each to be consumed before the next."""
    held = next(rows, None)
    while held is not None:
        first, held = held, None

        def run(row: Row) -> Iterator[Row]:
            nonlocal held
            while True:
                yield row
                following = next(rows, None)
                if following is None:
                    return
                if following[0] != row[0] + 1:
                    held = following
                    return
                row = following

        yield run(first)


def _header(peeked: list[Row]) -> int | None:
    columns = sorted({column for _, cells in peeked for column in cells})
    return header_at([[cells.get(column, "") for column in columns] for _, cells in peeked])
