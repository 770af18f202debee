"""CSV and TSV: every row a line that names its columns; the delimiter and the header are found."""

import csv
import re
from collections import Counter
from collections.abc import Iterator
from itertools import chain, islice

from vecstream_cli.core.blocks import Block, BlockKind, OpenDocument, ReaderWarning
from vecstream_cli.readers import lines as cutting
from vecstream_cli.readers.encoding import decoded
from vecstream_cli.readers.reading import Reading
from vecstream_cli.readers.rows import cell, name, row_line
from vecstream_cli.readers.silence import Losses, noticed
from vecstream_cli.readers.source import SourceFile

MAX_ROW_CHARS = 1 << 20

_PEEKED_LINES = 100
_PEEKED_CHARS = 1 << 18
_HEADER_WITHIN = 20
_MAX_NAME_CHARS = 80

# A semicolon that parts every row alike does so on purpose; a comma may be the decimals'.
_DELIMITERS = "\t;|,"
_ALIKE = 0.8
_SAID = re.compile(r"sep=([^\r\n])[\r\n]*\Z", re.IGNORECASE)

_YEAR = re.compile(r"(?:19|20)\d\d")
_VALUE = re.compile(
    r"[$€£¥(+~<>≈-]*\s?\d[\d\s.,:/%eETZ+)$€£¥-]*|true|false|null|none|nan|n/a|yes|no|-+"
    r"|\S+@\S+\.\S+|\w+://\S+",
    re.IGNORECASE,
)

_Row = list[str]


def read_csv(file: SourceFile, reading: Reading) -> OpenDocument:
    """Open a table; rows count from 1 as a spreadsheet counts them, the header's row included."""
    # The module's own limit is a process-wide one, and smaller than a row may be.
    csv.field_size_limit(2 * MAX_ROW_CHARS)
    warnings: list[ReaderWarning] = []
    lines = cutting.joined(cutting.lines(decoded(file, reading.progress)), MAX_ROW_CHARS)
    return OpenDocument({}, noticed(_blocks(lines, Losses(warnings)), warnings), warnings)


def _blocks(lines: Iterator[str], losses: Losses) -> Iterator[Block]:
    sample, size = [], 0
    for line in lines:
        sample.append(line)
        size += len(line)
        if len(sample) == _PEEKED_LINES or size > _PEEKED_CHARS:
            break
    said = _SAID.match(sample[0]) if sample else None
    delimiter = said[1] if said else _delimiter(sample)
    # The row that only names the delimiter is a row of the file, and no row of the table.
    records = _records(chain(sample[1:] if said else sample, lines), delimiter, losses)
    first = list(islice(records, _PEEKED_LINES // 2))
    at = _header(first)
    header: _Row = []
    for number, row in enumerate(chain(first, records), 2 if said else 1):
        index = number - (2 if said else 1)
        kind = BlockKind.TABLE
        if at is not None and index < at:
            text, kind = " ".join(filter(None, map(cell, row))), BlockKind.PARAGRAPH
        elif at is not None and index == at:
            header = [name(value) for value in row]
            text = " | ".join(filter(None, header))
        else:
            text = row_line(header, row)
        if text:
            yield from cutting.blocks(text + "\n", kind, position={"row": number})


def _records(lines: Iterator[str], delimiter: str, losses: Losses) -> Iterator[_Row]:
    """The rows; where quotes never close or stand amiss, each line is a row of its own."""
    taken: list[str] = []

    def fed() -> Iterator[str]:
        for line in lines:
            taken.append(line)
            yield line

    reader = csv.reader(fed(), delimiter=delimiter, strict=True)
    while True:
        taken.clear()
        try:
            row = next(reader, None)
        except csv.Error:
            if len(taken) > 1:
                losses.add("malformed", f"A quote is never closed: {_start(taken[0])}")
            for line in taken:
                yield _loosely(line, delimiter)
            reader = csv.reader(fed(), delimiter=delimiter, strict=True)
            continue
        if row is None:
            return
        yield row


def _loosely(line: str, delimiter: str) -> _Row:
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return [line]


def _start(line: str) -> str:
    return cell(line[:60])


def _delimiter(sample: list[str]) -> str:
    """What parts most rows into the same number of cells, more than one."""
    shares = {}
    for delimiter in _DELIMITERS:
        rows = _records(iter(sample), delimiter, Losses([]))
        widths = Counter(len(row) for row in rows if any(row))
        width, count = max(widths.items(), key=lambda each: each[1], default=(1, 0))
        shares[delimiter] = count / widths.total() if width > 1 else 0.0
        if shares[delimiter] >= _ALIKE:
            return delimiter
    best = max(shares, key=lambda delimiter: shares[delimiter])
    return best if shares[best] > 0 else ","


def _header(rows: list[_Row]) -> int | None:
    """Which row names the columns: the first that is as full as most, if it reads like names."""
    filled = [sum(map(bool, map(str.strip, row))) for row in rows]
    typical = Counter(filter(None, filled)).most_common(1)
    wanted = max(2, typical[0][0] - 1) if typical else 2
    for at, row in enumerate(rows[:_HEADER_WITHIN]):
        if filled[at] >= wanted:
            return at if _names_columns(row, rows[at + 1 :]) else None
    return None


def _names_columns(row: _Row, below: list[_Row]) -> bool:
    if not any(any(other) for other in below):
        return False
    for column, value in enumerate(map(str.strip, row)):
        if not value:
            continue
        others = [other[column].strip() for other in below if column < len(other)]
        if len(value) > _MAX_NAME_CHARS or value in others:
            return False
        if _YEAR.fullmatch(value):
            if any(map(_YEAR.fullmatch, others)):
                return False
        elif _VALUE.fullmatch(value):
            return False
    return True
