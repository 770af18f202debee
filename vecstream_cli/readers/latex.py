"""LaTeX: sections as headings, paragraphs, items, verbatim code and tables, without the markup.

Formulas stay as they are written. pylatexenc turns what is left of a paragraph into text.
"""

import re
from collections.abc import Iterator
from itertools import chain

from vecstream_cli.core.blocks import Block, BlockKind, OpenDocument, ReaderWarning
from vecstream_cli.readers import lines as cutting
from vecstream_cli.readers.encoding import decoded
from vecstream_cli.readers.latex_text import argument, plain
from vecstream_cli.readers.metadata import bounded
from vecstream_cli.readers.outline import Outline, one_line
from vecstream_cli.readers.reading import Reading
from vecstream_cli.readers.rows import cell, row_line
from vecstream_cli.readers.silence import noticed
from vecstream_cli.readers.source import Progress, SourceFile

_LEVELS = {
    "part": 0, "chapter": 1, "section": 2, "subsection": 3, "subsubsection": 4, "paragraph": 5,
    "subparagraph": 6, "frametitle": 3,
}  # fmt: skip
_PREAMBLE_CHARS = 1 << 18
_MAX_RUN_CHARS = 1 << 16

_COMMENT = re.compile(r"(?<!\\)((?:\\\\)*)%.*")
_SECTION = re.compile(rf"\s*\\({'|'.join(_LEVELS)})\*?\s*(?:\[[^\]]*\])?\s*(?=\{{)")
_VERBATIM = re.compile(r"\s*\\begin\{(verbatim\*?|Verbatim|lstlisting|minted|alltt)\}")
_TABLE = re.compile(r"\s*\\begin\{(tabular\*?|tabularx|tabulary|longtable)\}")
_ITEM = re.compile(r"\s*\\item\b")
_APART = re.compile(
    r"\s*\\(?:begin|end)\{(?!equation|align|gather|multline|math|displaymath)\w+\*?\}"
)
_RULE = re.compile(r"\\(?:hline|toprule|midrule|bottomrule|endhead|endfirsthead|endfoot|endlastfoot"
                   r"|cline\{[^}]*\}|cmidrule(?:\([^)]*\))?\{[^}]*\})")  # fmt: skip
_COLUMNS = re.compile(r"\s*(?:\[[^\]]*\])?(?:\{(?:[^{}]|\{[^{}]*\})*\})*")
_ROW_END = re.compile(r"\\\\\*?(?:\[[^\]]*\])?|\\tabularnewline")
_CELL_END = re.compile(r"(?<!\\)&")

_Run = tuple[str, int, str]  # what it is, the line it starts on, its source


def read_latex(file: SourceFile, reading: Reading) -> OpenDocument:
    """Open LaTeX; title, author and date are the preamble's. Blocks say their line."""
    lines = enumerate(cutting.lines(decoded(file, reading.progress)), 1)
    preamble, body = _parted(lines)
    date = argument(preamble, "date")
    facts = {
        "title": plain(argument(preamble, "title")),
        "author": one_line(plain(argument(preamble, "author"))),
        "created": date if re.fullmatch(r"\d{4}-\d\d-\d\d", date) else None,
        "keywords": plain(argument(preamble, "keywords")),
    }  # fmt: skip
    warnings: list[ReaderWarning] = []
    blocks = noticed(_blocks(body, reading.progress), warnings)
    return OpenDocument(bounded(facts), blocks, warnings)


def _parted(lines: Iterator[tuple[int, str]]) -> tuple[str, Iterator[tuple[int, str]]]:
    """What comes before the document's text, and the lines of the text."""
    taken: list[tuple[int, str]] = []
    size = 0
    for number, line in lines:
        taken.append((number, line))
        size += len(line)
        bare = _COMMENT.sub(r"\1", line)
        if "\\begin{document}" in bare:
            preamble = "".join(_COMMENT.sub(r"\1", each) for _, each in taken)
            rest = bare.partition("\\begin{document}")[2]
            return preamble, _until_end(chain([(number, rest)], lines))
        if size > _PREAMBLE_CHARS:
            break
    return "", chain(taken, lines)  # a part of a document, without a preamble


def _until_end(lines: Iterator[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    for number, line in lines:
        text, end, _ = line.partition("\\end{document}")
        yield number, text
        if end:
            return


def _blocks(lines: Iterator[tuple[int, str]], progress: Progress) -> Iterator[Block]:
    outline = Outline()
    for kind, line, source in _runs(lines):
        progress()
        position = {"line": line}
        if kind == "section":
            found = _SECTION.match(source)
            assert found is not None
            title = plain(argument(source[found.start(1) - 1 :], found[1]))
            if title:
                outline.enter(_LEVELS[found[1]], title)
                text = one_line(title, 1000) + "\n\n"
                yield from cutting.blocks(text, BlockKind.HEADING, outline.path, position=position)
        elif kind == "verbatim":
            text = source.strip("\r\n")
            if text.strip():
                yield from cutting.blocks(
                    text + "\n\n", BlockKind.CODE, outline.path, position=position
                )
        elif kind == "table":
            for text in _rows(source):
                yield from cutting.blocks(
                    text + "\n", BlockKind.TABLE, outline.path, position=position
                )
        else:
            text = plain(source)
            if text:
                found_kind = BlockKind.LIST if kind == "item" else BlockKind.PARAGRAPH
                text = f"- {text}\n" if kind == "item" else f"{text}\n\n"
                yield from cutting.blocks(text, found_kind, outline.path, position=position)


def _rows(source: str) -> Iterator[str]:
    """A table's rows, each with the words of the first beside its own."""
    body = _RULE.sub("", source[_columns_end(source) :])
    header: list[str] = []
    for row in _ROW_END.split(body):
        cells = [cell(plain(value)) for value in _CELL_END.split(row)]
        if not any(cells):
            continue
        if header:
            yield row_line(header, cells)
        else:
            header = cells
            yield " | ".join(filter(None, cells))


def _columns_end(source: str) -> int:
    found = _COLUMNS.match(source)
    return found.end() if found else 0


def _runs(lines: Iterator[tuple[int, str]]) -> Iterator[_Run]:
    """Sections, paragraphs, items and environments, each with the line it starts on."""
    held: list[str] = []
    began, size, kind = 0, 0, "paragraph"
    inside = ""  # the verbatim or table environment that is open
    for number, raw in lines:
        if inside:
            text, end, rest = raw.partition(f"\\end{{{inside}}}")
            held.append(text if kind == "verbatim" else _COMMENT.sub(r"\1", text))
            size += len(text)
            if end or size > _MAX_RUN_CHARS:
                yield kind, began, "".join(held)
                held, size, began = [], 0, number
            if end:
                inside, kind = "", "paragraph"
                if rest.strip():
                    held, size = [rest], len(rest)
            continue
        line = _COMMENT.sub(r"\1", raw)
        opens = _VERBATIM.match(line) or _TABLE.match(line)
        item, section = _ITEM.match(line), _SECTION.match(line)
        blank = line.isspace() and raw.isspace()
        apart = blank or opens or item or section or _APART.match(line)
        if held and (apart or size > _MAX_RUN_CHARS):
            yield kind, began, "".join(held)
            held, size, kind = [], 0, "paragraph"
        if not held:
            began = number
        if opens:
            inside = opens[1]
            kind = "verbatim" if _VERBATIM.match(line) else "table"
            text, end, rest = line[opens.end() :].partition(f"\\end{{{inside}}}")
            held, size = [text], len(text)
            if end:
                yield kind, began, text
                held, size, inside, kind = [rest], len(rest), "", "paragraph"
        elif section:
            yield "section", began, line
            rest = line[section.end() + _braced(line[section.end() :]) :]
            held, size, kind = ([rest], len(rest), "paragraph") if rest.strip() else ([], 0, kind)
        else:
            kind = "item" if item else kind
            held.append(line[item.end() :] if item else line)
            size += len(line)
    if held:
        yield kind, began, "".join(held)


def _braced(text: str) -> int:
    """How long the group in braces is that `text` starts with."""
    depth = 0
    for at, character in enumerate(text):
        depth += (character == "{") - (character == "}")
        if depth == 0:
            return at + 1
    return len(text)
