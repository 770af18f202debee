"""OpenDocument spreadsheets (.ods): every row of every sheet that is not hidden, streamed."""

from collections.abc import Iterator
from typing import IO

from vecstream_cli.core.blocks import BlockKind, OpenDocument, ReaderWarning
from vecstream_cli.readers import odf_package, safe_xml
from vecstream_cli.readers.failures import document_errors
from vecstream_cli.readers.metadata import bounded
from vecstream_cli.readers.odf_package import OdfStyles
from vecstream_cli.readers.odf_text import plain
from vecstream_cli.readers.parts import Part, blocks
from vecstream_cli.readers.reading import Reading
from vecstream_cli.readers.safe_xml import Element, attribute, local
from vecstream_cli.readers.sheets import Row, column_letters, sheet_parts
from vecstream_cli.readers.silence import Losses, noticed
from vecstream_cli.readers.source import SourceFile

# Programs write the rest of a sheet as one cell a million times; what has text is never so long.
_MAX_REPEATED = 100


def read_ods(file: SourceFile, reading: Reading) -> OpenDocument:
    """Open a spreadsheet. Raises DocumentError: see `odf_package`."""
    archive = odf_package.opened(file)
    reading.progress()
    with document_errors("the spreadsheet"):
        facts = odf_package.facts(archive)
        stream = archive.open("content.xml")
    warnings: list[ReaderWarning] = []
    parts = _Sheets(stream, Losses(warnings)).parts(reading)
    return OpenDocument(
        bounded(facts), noticed(blocks(parts, reading.progress), warnings), warnings
    )


class _Sheets:
    """The sheets in a stream of XML, one after the other."""

    def __init__(self, stream: IO[bytes], losses: Losses) -> None:
        self._losses = losses
        self._styles = OdfStyles()
        self._asides: list[tuple[str, str]] = []
        self._table: Element | None = None
        self._row = 0
        self._above: dict[int, tuple[str, int]] = {}
        self._events = safe_xml.events(
            stream, starts=("table",), ends=("style", "table-row", "shapes", "table")
        )

    def parts(self, reading: Reading) -> Iterator[Part]:
        """All sheets; of a hidden one only that it is there."""
        for event, element in self._events:
            name = local(element)
            if event == "end" and name == "style":
                self._styles.add(element)
            elif event == "start" and name == "table":
                yield from self._sheet(element, reading)

    def _sheet(self, table: Element, reading: Reading) -> Iterator[Part]:
        name = attribute(table, "name") or ""
        self._row, self._above = 0, {}
        if attribute(table, "style-name") in self._styles.hidden:
            self._losses.add("hidden", f"The sheet {name} is hidden and not read.")
            for _ in self._rows():
                reading.progress()
            self._asides.clear()
            return
        yield from sheet_parts(name, self._rows(), reading.progress)
        for cell, text in self._asides:
            where = {"sheet": name, "cell": cell} if cell else {"sheet": name}
            yield Part(BlockKind.PARAGRAPH, text, 0, where, (name,))
        self._asides.clear()

    def _rows(self) -> Iterator[Row]:
        """The rows up to the end of the sheet. A table within a cell belongs to its cell."""
        depth = 1
        for event, element in self._events:
            name = local(element)
            if name == "table":
                depth += 1 if event == "start" else -1
                if depth == 0:
                    return
            elif depth > 1:
                continue
            elif name == "shapes":
                if text := plain(element):
                    self._asides.append(("", text))
            elif name == "table-row":
                repeated = _count(element, "number-rows-repeated")
                cells = self._cells(element)
                for at in range(min(repeated, _MAX_REPEATED) if cells else 0):
                    yield self._row + at + 1, cells
                self._row += repeated

    def _cells(self, row: Element) -> dict[int, str]:
        cells: dict[int, str] = {}
        column = 1
        for cell in row:
            if local(cell) not in ("table-cell", "covered-table-cell"):
                continue
            repeated = _count(cell, "number-columns-repeated")
            text = _shown(cell)
            held, left = self._above.pop(column, ("", 0))
            if left and not text:
                text = held
                if left > 1:
                    self._above[column] = held, left - 1
            spanned = _count(cell, "number-rows-spanned")
            if spanned > 1 and text:
                self._above[column] = text, spanned - 1
            for at in range(min(repeated, _MAX_REPEATED) if text else 0):
                cells[column + at] = text
            for each in cell:
                if local(each) == "annotation" and (said := plain(each)):
                    place = f"{column_letters(column)}{self._row + 1}"
                    self._asides.append((place, f"Comment on {place}: {said}"))
            column += repeated
        return cells


def _shown(cell: Element) -> str:
    """What a cell shows; a date in ISO 8601, whatever its format."""
    kind = attribute(cell, "value-type")
    if kind == "date":
        date = (attribute(cell, "date-value") or "").removesuffix("T00:00:00")
        return date.replace("T", " ").removesuffix(":00")
    text = " ".join(plain(cell).split())
    return text or (attribute(cell, "value") or "" if kind in ("float", "percentage") else "")


def _count(element: Element, name: str) -> int:
    value = attribute(element, name) or "1"
    return int(value) if value.isdecimal() and len(value) < 10 else 1
