"""Workbooks (.xlsx): every row of every sheet that is not hidden, as a line that names its columns.

Rows are streamed; formulas count with the value they had when the workbook was saved.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from vecstream_cli.core.blocks import OpenDocument, ReaderWarning
from vecstream_cli.errors import DocumentError
from vecstream_cli.readers import ooxml, xlsx_extras
from vecstream_cli.readers.failures import document_errors, silenced
from vecstream_cli.readers.metadata import bounded
from vecstream_cli.readers.parts import Part, blocks
from vecstream_cli.readers.reading import Reading
from vecstream_cli.readers.sheets import sheet_parts
from vecstream_cli.readers.silence import Losses, noticed
from vecstream_cli.readers.source import SourceFile
from vecstream_cli.readers.zip_guard import GuardedZip, checked_zip

if TYPE_CHECKING:
    from vecstream_cli.readers.xlsx_workbook import Sheet, Workbook

_FATAL = ("out-of-memory", "changed-while-reading", "unreadable")


def read_xlsx(file: SourceFile, reading: Reading) -> OpenDocument:
    """Open a workbook. Raises DocumentError ``too-large``: see `xlsx_workbook`."""
    archive = checked_zip(file)
    reading.progress()
    with document_errors("the workbook"), silenced("openpyxl"):
        from vecstream_cli.readers.xlsx_workbook import Workbook

        facts = ooxml.facts(archive)
        workbook = Workbook(file, archive, reading.progress)
    reading.progress()
    warnings: list[ReaderWarning] = []
    parts = _parts(workbook, archive, Losses(warnings), reading)
    found = noticed(blocks(parts, reading.progress), warnings)
    return OpenDocument(bounded(facts), found, warnings)


def _parts(
    workbook: "Workbook", archive: GuardedZip, losses: Losses, reading: Reading
) -> Iterator[Part]:
    from vecstream_cli.readers.xlsx_workbook import LostCells

    for sheet in workbook.sheets:
        if sheet.hidden:
            losses.add("hidden", f"The sheet {sheet.name} is hidden and not read.")
            continue
        lost = LostCells()
        try:
            with document_errors(f"the sheet {sheet.name}"):
                yield from sheet_parts(sheet.name, workbook.rows(sheet, lost), reading.progress)
                yield from _extras(archive, sheet)
        except DocumentError as error:
            if error.reason in _FATAL:
                raise
            losses.add("sheet", error.message)
        if lost.unreadable:
            message = f"{lost.unreadable} cells of {sheet.name} cannot be read ({lost.why})."
            losses.add("cells", message)
        if lost.uncalculated:
            message = f"{lost.uncalculated} formulas of {sheet.name} were never calculated."
            losses.add("formulas", message)


def _extras(archive: GuardedZip, sheet: "Sheet") -> Iterator[Part]:
    """What lies over the cells of a sheet: text boxes, charts and comments."""
    for where, kind, text in xlsx_extras.texts(archive, sheet.part):
        yield Part(kind, text, 0, {"sheet": sheet.name, **where}, (sheet.name,))
