"""Jupyter notebooks: Markdown cells as Markdown, code cells as code, then what they printed.

Pictures, widgets and HTML that cells put out are left out where there is plain text beside them.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from vecstream_cli.core.blocks import Block, BlockKind, OpenDocument, ReaderWarning
from vecstream_cli.errors import DocumentError
from vecstream_cli.readers import lines as cutting
from vecstream_cli.readers import markdown
from vecstream_cli.readers.encoding import decoded
from vecstream_cli.readers.metadata import bounded
from vecstream_cli.readers.outline import Outline
from vecstream_cli.readers.reading import Reading
from vecstream_cli.readers.silence import noticed
from vecstream_cli.readers.source import Progress, SourceFile

# The tree of a notebook takes a few times its size.
MAX_NOTEBOOK_BYTES = 48 << 20
MAX_OUTPUT_CHARS = 2000

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_UNTOLD = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")


def read_notebook(file: SourceFile, reading: Reading) -> OpenDocument:
    """Open a notebook; blocks say their cell. Raises DocumentError ``too-large``, ``malformed``."""
    if file.size > MAX_NOTEBOOK_BYTES:
        raise DocumentError(
            "too-large", f"The notebook has more than {MAX_NOTEBOOK_BYTES >> 20} MiB."
        )
    notebook = json.loads("".join(decoded(file, reading.progress)), strict=False)
    reading.progress()
    cells = _cells(notebook)
    if cells is None:
        raise DocumentError("malformed", "The file is JSON, but no notebook: it has no cells.")
    about = _mapping(notebook.get("metadata"))
    authors = about.get("authors")
    names = [
        str(author["name"])
        for author in (authors if isinstance(authors, list) else [])
        if isinstance(author, dict) and author.get("name")
    ]
    title = about.get("title") or _first_heading(cells)
    warnings: list[ReaderWarning] = []
    blocks = _blocks(cells, reading.progress)
    return OpenDocument(
        bounded({"title": title, "author": ", ".join(names)}),
        noticed(blocks, warnings, "The notebook"),
        warnings,
    )


def _cells(notebook: Any) -> list[Mapping[str, Any]] | None:
    """The cells of a notebook of any version of the format, None where it is none."""
    if not isinstance(notebook, dict):
        return None
    sheets = notebook.get("worksheets")  # before version 4
    holders = sheets if isinstance(sheets, list) else [notebook]
    lists = [holder.get("cells") for holder in holders if isinstance(holder, dict)]
    if not any(isinstance(cells, list) for cells in lists):
        return None
    return [
        cell
        for cells in lists
        if isinstance(cells, list)
        for cell in cells
        if isinstance(cell, dict)
    ]


def _blocks(cells: list[Mapping[str, Any]], progress: Progress) -> Iterator[Block]:
    outline = Outline()
    for number, cell in enumerate(cells, 1):
        progress()
        position = {"cell": number}
        source = _text(cell.get("source", cell.get("input")))
        kind = cell.get("cell_type")
        if kind == "heading":
            source = f"{'#' * _level(cell.get('level'))} {source}"
        if kind in ("markdown", "heading"):
            for block in markdown.blocks(cutting.lines([_ended(source)]), outline):
                yield replace(block, position=position)
            continue
        if source.strip():
            found = BlockKind.CODE if kind == "code" else BlockKind.PARAGRAPH
            yield from cutting.blocks(_ended(source), found, outline.path, position=position)
        for output in _list(cell.get("outputs")):
            said = _ANSI.sub("", _said(_mapping(output)))
            if len(said) > MAX_OUTPUT_CHARS:
                said = said[:MAX_OUTPUT_CHARS] + " …"
            if said.strip():
                yield from cutting.blocks(
                    _ended(said), BlockKind.CODE, outline.path, position=position
                )


def _said(output: Mapping[str, Any]) -> str:
    """The text of one output: what was printed, the value's plain form, or the error."""
    if "ename" in output:
        return f"{output['ename']}: {output.get('evalue', '')}"
    data = _mapping(output.get("data"))
    for found in (output.get("text"), data.get("text/plain"), data.get("text/markdown")):
        text = _text(found)
        if text:
            return text
    return ""


def _first_heading(cells: list[Mapping[str, Any]]) -> str | None:
    for cell in cells[:20]:
        if cell.get("cell_type") == "markdown":
            for line in _text(cell.get("source")).splitlines():
                if line.startswith("#"):
                    return markdown.plain_title(line.lstrip("#"))
    return None


def _ended(text: str) -> str:
    return text.rstrip() + "\n\n"


def _text(found: object) -> str:
    """A string, or a list of them, as notebooks store text."""
    text = "".join(map(str, found)) if isinstance(found, list) else found
    return _UNTOLD.sub("\ufffd", text) if isinstance(text, str) else ""


def _mapping(found: object) -> Mapping[str, Any]:
    return found if isinstance(found, dict) else {}


def _list(found: object) -> list[object]:
    return found if isinstance(found, list) else []


def _level(found: object) -> int:
    return min(6, max(1, found)) if isinstance(found, int) else 1
