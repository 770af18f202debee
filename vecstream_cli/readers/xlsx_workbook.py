"""A workbook's sheets as openpyxl reads them, row by row, whatever size they claim to have.

openpyxl is imported here and not in a function, because its classes are derived from.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from openpyxl.reader.excel import ExcelReader  # type: ignore[import-untyped]
from openpyxl.styles.numbers import BUILTIN_FORMATS  # type: ignore[import-untyped]
from openpyxl.worksheet._reader import WorkSheetParser  # type: ignore[import-untyped]
from openpyxl.xml.constants import SHARED_STRINGS  # type: ignore[import-untyped]

from vecstream_cli.errors import DocumentError
from vecstream_cli.readers.failures import silenced
from vecstream_cli.readers.number_formats import shown
from vecstream_cli.readers.safe_xml import Element, child, ended, local
from vecstream_cli.readers.source import PIECE_BYTES, Progress, SourceFile
from vecstream_cli.readers.zip_guard import GuardedZip

# How many bytes of shared strings, and of styles and the like, are unpacked into memory.
MAX_STRINGS_BYTES = 48 << 20
MAX_OTHER_BYTES = 16 << 20

_CUSTOM_FORMATS = 164
_MERGE = re.compile(rb'mergeCell [^>]{0,100}?ref="([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})"')
_MERGE_CHARS = 200
_MAX_MERGES = 10_000
_HEAD_BYTES = 4096
_STRINGS_A_BEAT = 10_000


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet by its name, and the part it is in."""

    name: str
    part: str
    hidden: bool


@dataclass(slots=True)
class LostCells:
    """How many cells of a sheet could not be read, and why the first of them; and how many
    formulas have no value, because the program that wrote them does not calculate."""

    unreadable: int = 0
    why: str = ""
    uncalculated: int = 0


class Workbook(ExcelReader):  # type: ignore[misc]
    """A workbook opened for its cells alone: values as they were last calculated."""

    def __init__(self, file: SourceFile, archive: GuardedZip, progress: Progress) -> None:
        super().__init__(file, read_only=True, data_only=True, keep_links=False)
        self.archive = archive
        self.sheets: list[Sheet] = []
        self._progress = progress
        self._check_sizes(archive)
        self._check_kind(archive)
        self.read()

    def rows(self, sheet: Sheet, lost: "LostCells") -> Iterator[tuple[int, dict[int, str]]]:
        """Row number, and the text of its cells by column; both count from 1.

        The text of cells merged over several rows stands in each.
        """
        merges = _merges(self.archive, sheet.part)
        with self.archive.open(sheet.part) as stream:
            rows = _Rows(
                stream,
                self.shared_strings,
                data_only=True,
                epoch=self.wb.epoch,
                date_formats=self.wb._date_formats,
                timedelta_formats=self.wb._timedelta_formats,
            )
            rows.lost = lost
            for number, cells in rows.parse():
                texts = {
                    cell["column"]: text
                    for cell in cells
                    if (text := shown(cell["value"], self._format(cell["style_id"]))).strip()
                }
                for column, last in merges.get(number, ()):
                    rows.above[column] = texts.get(column, ""), last
                for column, (text, last) in list(rows.above.items()):
                    if number > last:
                        del rows.above[column]
                    elif text:
                        texts.setdefault(column, text)
                yield number, texts

    def read_strings(self) -> None:
        """The strings that cells name by number; openpyxl's way takes twice the time and memory."""
        part = self.package.find(SHARED_STRINGS)
        if part is not None:
            with self.archive.open(part.PartName.lstrip("/")) as stream:
                for element in ended(stream, "si"):
                    self.shared_strings.append(_string(element))
                    if not len(self.shared_strings) % _STRINGS_A_BEAT:
                        self._progress()

    def read_worksheets(self) -> None:
        for sheet, relation in self.parser.find_sheets():
            if relation.target in self.valid_files and "chartsheet" not in relation.Type:
                hidden = sheet.state not in (None, "visible")
                self.sheets.append(Sheet(sheet.name, relation.target, hidden))

    def read_properties(self) -> None:
        """Nothing: what the document says of itself is read elsewhere, without being checked."""

    read_custom = read_properties
    read_theme = read_properties

    def _format(self, style: int) -> str:
        if not style or style >= len(self.wb._cell_styles):
            return "General"
        number = self.wb._cell_styles[style].numFmtId
        if number < _CUSTOM_FORMATS:
            return str(BUILTIN_FORMATS.get(number, "General"))
        formats = self.wb._number_formats
        at = number - _CUSTOM_FORMATS
        return str(formats[at]) if at < len(formats) else "General"

    def _check_kind(self, archive: GuardedZip) -> None:
        """openpyxl finds no cell in a strict workbook, and does not say so."""
        part = next((name for name in self.valid_files if name.endswith("workbook.xml")), None)
        if part is None:
            return
        with archive.open(part) as stream:
            if b"purl.oclc.org/ooxml/spreadsheetml" in stream.read(_HEAD_BYTES):
                raise DocumentError(
                    "unsupported",
                    "The workbook is of the kind Strict Open XML, which no reader takes; "
                    "save it as an ordinary Excel workbook (.xlsx).",
                )

    def _check_sizes(self, archive: GuardedZip) -> None:
        other = 0
        for member in archive.infolist():
            name = member.filename.lower()
            if name.endswith("sharedstrings.xml"):
                if member.file_size > MAX_STRINGS_BYTES:
                    raise DocumentError(
                        "too-large", f"It has more than {MAX_STRINGS_BYTES >> 20} MiB of strings."
                    )
            elif name.endswith((".xml", ".rels")) and "/worksheets/" not in name:
                other += member.file_size
        if other > MAX_OTHER_BYTES:
            raise DocumentError(
                "too-large", f"It has more than {MAX_OTHER_BYTES >> 20} MiB of styles and the like."
            )


class _Rows(WorkSheetParser):  # type: ignore[misc]
    """A sheet's rows; what openpyxl would keep of each is dropped, and what follows is not read."""

    lost: LostCells

    def parse(self) -> Iterator[tuple[int, list[dict[str, Any]]]]:
        self.above: dict[int, tuple[str, int]] = {}
        for element in ended(self.source, "row", "sheetData"):
            if local(element) == "sheetData":
                return
            with silenced("openpyxl"):
                row = self.parse_row(element)
            self.row_dimensions.clear()
            yield row

    def parse_cell(self, element: object) -> dict[str, Any]:
        try:
            found: dict[str, Any] = super().parse_cell(element)
            if found["value"] is None and child(element, "f") is not None:
                self.lost.uncalculated += 1
        except (ValueError, IndexError, TypeError, OverflowError) as error:
            self.lost.unreadable += 1
            self.lost.why = self.lost.why or f"{type(error).__name__}: {error}"[:200]
            found = {"column": self.col_counter or 1, "value": None, "style_id": 0}
        return found


def _string(element: Element) -> str:
    """A string, without the readings above its characters."""
    texts = element.iter("{*}t")
    return "".join(each.text or "" for each in texts if local(each.getparent()) != "rPh")


def _merges(archive: GuardedZip, part: str) -> dict[int, list[tuple[int, int]]]:
    """First row to (column, last row) of cells merged over several rows.

    They are listed after all the cells, so the sheet is unpacked once more, but not parsed.
    """
    found: dict[int, list[tuple[int, int]]] = {}
    count = 0
    tail = b""
    with archive.open(part) as stream:
        while count < _MAX_MERGES and (data := stream.read(PIECE_BYTES)):
            end = 0
            for match in _MERGE.finditer(text := tail + data):
                end = match.end()
                first, last = int(match[2]), int(match[4])
                if first < last:
                    count += 1
                    found.setdefault(first, []).append((_column(match[1]), last))
            tail = text[max(end, len(text) - _MERGE_CHARS) :]
    return found


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number
