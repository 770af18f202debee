"""The text of an RTF document as it flows: into paragraphs, cells, notes, headers and boxes."""

import re

from vecstream_cli.core.blocks import BlockKind
from vecstream_cli.readers.parts import Part
from vecstream_cli.readers.rtf_header import Header
from vecstream_cli.readers.tables import table_parts

_MAX_ROWS = 5_000  # of a table, before what there is of it is handed on
_MAX_HELD = 1 << 20  # characters of a paragraph, likewise
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")


class Flow:
    """Collects text until a paragraph, a row or a note is whole; `ready` when some part is."""

    def __init__(self, header: Header) -> None:
        self.ready = False
        self._header = header
        self._parts: list[Part] = []
        self._text: list[str] = []
        self._size = 0
        self._outer: list[list[str]] = []  # the texts that notes and the like interrupt
        self._notes: list[str] = []
        self._count = 0
        self._author = ""
        self._edges: dict[str, None] = {}  # headers and footers, each once
        self._level: int | None = None
        self._number = ""
        self._in_table = self._is_header = False
        self._cells: list[str] = []
        self._rows: list[list[str]] = []
        self._marked = 0
        self._tables = 0

    def taken(self) -> list[Part]:
        """The parts that are whole, handed on."""
        parts, self._parts, self.ready = self._parts, [], False
        return parts

    def add(self, text: str) -> None:
        """Some characters."""
        self._text.append(text)
        self._size += len(text)
        if self._size > _MAX_HELD and not self._outer:
            self._paragraph()

    def mark(self) -> None:
        """Where a note hangs: its number, as the note itself begins with."""
        self.add(f"[{self._count + (0 if self._outer else 1)}]")

    def word(self, word: str, number: int | None) -> None:
        """What a control word says of the paragraph or row that it stands in."""
        if self._outer:
            return
        if word == "pard":
            self._level, self._in_table = None, False
        elif word == "s":
            self._level = self._header.levels.get(number or 0)
        elif word == "outlinelevel" and number is not None:
            self._level = number + 1 if 0 <= number < 9 else None
        elif word == "intbl":
            self._in_table = True
        elif word == "trowd":
            self._is_header = False
        elif word == "trhdr":
            self._is_header = True

    def stop(self, word: str) -> None:
        """The end of a paragraph, of a cell or of a row."""
        if self._outer:
            self._text.append("\n")
        elif word == "cell":
            self._cells.append(self._whole())
        elif word == "row":
            self._end_row()
        elif self._in_table:
            self._text.append("\n")
        else:
            self._paragraph()

    def enter(self, kind: str) -> None:
        """A note, a header, a list's number or a box begins in the middle of other text."""
        self._outer.append(self._text)
        self._text = []
        if kind == "footnote":
            self._count += 1

    def leave(self, kind: str) -> None:
        """It ends, and the text goes on that it interrupted."""
        text = self._whole().strip()
        self._text = self._outer.pop()
        if kind == "number":
            self._number = text
        elif kind == "author":
            self._author = text
        elif not text:
            return
        elif kind == "annotation":
            by = f" by {self._author}" if self._author else ""
            self._notes.append(f"Comment{by}: {text}")
            self._author = ""
        elif kind in ("header", "footer"):
            self._edges[f"{kind.title()}: {' '.join(text.split())}"] = None
        elif kind == "footnote" and not text.startswith("["):
            self._notes.append(f"[{self._count}] {text}")
        else:
            self._notes.append(text)

    def finish(self) -> None:
        """The document ends."""
        while self._outer:
            self._text = [*self._outer.pop(), *self._text]
        if self._cells:
            self._end_row()
        self._paragraph()
        for text in self._edges:
            if any(map(str.isalpha, text.partition(":")[2])):
                self._put(Part(BlockKind.PARAGRAPH, text, heading=()))

    def _paragraph(self) -> None:
        self._end_table()
        text = self._whole()
        number, self._number = self._number, ""
        if text.strip():
            text = text.strip("\n")
            if self._level is not None:
                line = " ".join(f"{number} {text}".split())
                self._put(Part(BlockKind.HEADING, line, self._level))
            elif number:
                bullet = number if any(map(str.isalnum, number)) else "-"
                self._put(Part(BlockKind.LIST, f"{bullet} {text.strip()}"))
            else:
                self._put(Part(BlockKind.PARAGRAPH, text))
        self._hang()

    def _hang(self) -> None:
        for note in self._notes:
            self._put(Part(BlockKind.PARAGRAPH, note))
        self._notes.clear()

    def _end_row(self) -> None:
        rest = self._whole()
        cells = [*self._cells, rest] if rest.strip() else self._cells
        self._cells = []
        self._number = ""
        if any(cell.strip() for cell in cells):
            if self._is_header and self._marked == len(self._rows):
                self._marked += 1
            self._rows.append(cells)
        if len(self._rows) >= _MAX_ROWS:
            self._end_table()

    def _end_table(self) -> None:
        if self._cells:
            self._end_row()
        if not self._rows:
            return
        rows, self._rows = self._rows, []
        marked, self._marked = self._marked or None, 0
        self._tables += 1
        for part in table_parts(rows, {"table": self._tables}, marked=marked):
            self._put(part)
        self._hang()

    def _whole(self) -> str:
        text = "".join(self._text)
        self._text.clear()
        self._size = 0
        # Characters beyond the first 65,536 come as two numbers.
        return _PAIR.sub(
            lambda pair: pair[0].encode("utf-16", "surrogatepass").decode("utf-16"), text
        )

    def _put(self, part: Part) -> None:
        self._parts.append(part)
        self.ready = True
