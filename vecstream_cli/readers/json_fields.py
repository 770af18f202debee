"""JSON and JSONL: each value a line that names its path, or the text at a pointer alone."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from vecstream_cli.core.blocks import Block, BlockKind, OpenDocument, Position, ReaderWarning
from vecstream_cli.errors import DocumentError
from vecstream_cli.readers import lines as cutting
from vecstream_cli.readers.encoding import decoded
from vecstream_cli.readers.json_tokens import Event, events
from vecstream_cli.readers.reading import Reading
from vecstream_cli.readers.silence import Losses, noticed
from vecstream_cli.readers.source import SourceFile

MAX_LINE_CHARS = 8 << 20

_BLOCK_CHARS = 2000
_SHORT = 80
_MANY_NUMBERS = 16
_MANY_LISTS = 4
_MAX_KEYS = 8
_MAX_LABEL_CHARS = 200
_MAX_POINTER_CHARS = 400
_MAX_POINTED = 32
_DATA = re.compile(r"(?:data:[\w/+.;=-]+,)?[A-Za-z0-9+/_-]{512,}={0,2}")


def read_json(file: SourceFile, reading: Reading) -> OpenDocument:
    """Open JSON; blocks say by a JSON pointer where their first value stands."""
    warnings: list[ReaderWarning] = []
    wanted = _tokens(reading.options.json_text)
    blocks = _json(decoded(file, reading.progress), wanted, warnings)
    return OpenDocument({}, noticed(blocks, warnings, _what(wanted)), warnings)


def read_jsonl(file: SourceFile, reading: Reading) -> OpenDocument:
    """Open JSON lines; a line that is not JSON is a warning, and blocks say their line."""
    warnings: list[ReaderWarning] = []
    wanted = _tokens(reading.options.json_text)
    lines = cutting.joined(cutting.lines(decoded(file, reading.progress)), MAX_LINE_CHARS)
    blocks = _jsonl(lines, wanted, Losses(warnings))
    return OpenDocument({}, noticed(blocks, warnings, _what(wanted)), warnings)


def _what(wanted: tuple[str, ...]) -> str:
    return f"/{'/'.join(wanted)} of the document" if wanted else "The document"


def _tokens(pointer: str | None) -> tuple[str, ...]:
    """RFC 6901; `Settings` has seen that it is one."""
    parts = (pointer or "").split("/")[1:]
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in parts)


def _json(
    pieces: Iterator[str], wanted: tuple[str, ...], warnings: list[ReaderWarning]
) -> Iterator[Block]:
    walk = _Walk(wanted, in_records=bool(wanted) and not wanted[0].isdigit())
    told = False
    try:
        for block in walk.blocks(events(pieces)):
            yield block
            told = True
    except DocumentError as error:
        rest = walk.rest()
        if not told and not rest:
            raise
        yield from rest
        warnings.append(ReaderWarning(error.reason, f"{error.message} The rest is not read."))


def _jsonl(lines: Iterator[str], wanted: tuple[str, ...], losses: Losses) -> Iterator[Block]:
    good = False
    for number, line in enumerate(lines, 1):
        walk = _Walk(wanted, line=number)
        try:
            yield from walk.blocks(events(iter([line])))
            good = True
        except DocumentError as error:
            yield from walk.rest()
            losses.add(error.reason, f"Line {number}: {error.message}")
    if losses.count and not good:
        raise DocumentError("malformed", "No line of it is JSON.")


@dataclass(slots=True)
class _Level:
    """A map or list that is open: what its values are called, and what of it is not told yet."""

    is_map: bool
    label: str
    token: str = ""  # the last of the pointer to the value at hand
    values: int = 0
    held: list[str] = field(default_factory=list)  # short values of a list
    numbers: int = 0
    lists: int = 0  # those within it that hold numbers alone


class _Walk:
    """From events to blocks, for one document or one line of it."""

    def __init__(
        self, wanted: tuple[str, ...], *, in_records: bool = False, line: int | None = None
    ) -> None:
        self._wanted = wanted
        self._in_records = in_records
        self._line = line
        self._levels: list[_Level] = []
        self._lines: list[str] = []
        self._size = 0
        self._position: Position = {}

    def blocks(self, found: Iterable[tuple[Event, str]]) -> Iterator[Block]:
        """The blocks of a stream of events."""
        levels = self._levels
        for event, value in found:
            if event is Event.KEY:
                levels[-1].token = value
                continue
            if event is Event.END:
                yield from self._leave()
                continue
            level = levels[-1] if levels else None
            if level is not None and not level.is_map:
                level.token = str(level.values)
                level.values += 1
            if event in (Event.MAP, Event.LIST):
                if level is not None:
                    self._say_held(level)
                    if event is Event.MAP and not level.is_map:
                        yield from self.rest()
                label = self._label()
                levels.append(_Level(event is Event.MAP, label))
            elif self._is_wanted():
                self._value(value, level, is_text=event is Event.TEXT)
                if self._size > _BLOCK_CHARS:
                    yield from self.rest()
        yield from self.rest()

    def rest(self) -> list[Block]:
        """The blocks of what was gathered."""
        if not self._lines:
            return []
        text = "".join(self._lines) + "\n"
        kind = BlockKind.PARAGRAPH if self._wanted else BlockKind.LIST
        self._lines, self._size = [], 0
        return list(cutting.blocks(text, kind, position=self._position))

    def _leave(self) -> Iterator[Block]:
        level = self._levels.pop()
        above = self._levels[-1] if self._levels else None
        if level.numbers and level.numbers == level.values and above and not above.is_map:
            above.lists += 1
            if above.lists > _MANY_LISTS:  # a matrix, a line of a map: nobody reads it
                return
        self._say_held(level)
        if level.is_map and (above is None or not above.is_map):
            yield from self.rest()

    def _value(self, value: str, level: _Level | None, *, is_text: bool) -> None:
        if is_text:
            value = value.strip()
            if _DATA.fullmatch(value):
                value = f"({len(value):,} characters of data)"
        elif value == "null":
            return
        if not value:
            return
        if level is None or level.is_map or len(value) > _SHORT or "\n" in value:
            if level is not None and not level.is_map:
                self._say_held(level)
                self._say(level.label, value)
            else:
                self._say(self._label(), value)
            return
        level.numbers += not is_text
        if is_text or level.numbers <= _MANY_NUMBERS:
            level.held.append(value)
        if len(level.held) >= _BLOCK_CHARS // _SHORT:
            self._say_held(level)

    def _say_held(self, level: _Level) -> None:
        if level.held:
            more = f", … ({level.values:,} in all)" if level.numbers > _MANY_NUMBERS else ""
            self._say(level.label, ", ".join(level.held) + more)
            level.held.clear()

    def _say(self, label: str, value: str) -> None:
        if not self._lines:
            self._position = self._here()
        text = f"{label}: {value}\n" if label else f"{value}\n"
        self._lines.append(text)
        self._size += len(text)

    def _here(self) -> Position:
        if self._line is not None:
            return {"line": self._line}
        if len(self._levels) > _MAX_POINTED:
            return {}
        parts = (level.token for level in self._levels)
        pointer = "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in parts)
        return {"pointer": pointer} if 0 < len(pointer) <= _MAX_POINTER_CHARS else {}

    def _label(self) -> str:
        """The keys down to the value at hand, without list positions, the last few of many."""
        if len(self._levels) <= len(self._wanted) + self._skipped():
            return ""
        level = self._levels[-1]
        above = level.label
        if not level.is_map:
            return above
        label = f"{above}.{level.token}" if above else level.token
        keys = label.split(".")
        if len(keys) > _MAX_KEYS:
            label = ".".join(["…", *keys[-_MAX_KEYS + 1 :]])
        label = " ".join(label.split())
        return label if len(label) <= _MAX_LABEL_CHARS else "…" + label[1 - _MAX_LABEL_CHARS :]

    def _is_wanted(self) -> bool:
        wanted, skipped = self._wanted, self._skipped()
        if not wanted:
            return True
        levels = self._levels[skipped : skipped + len(wanted)]
        return len(levels) == len(wanted) and all(
            level.token == token for level, token in zip(levels, wanted, strict=True)
        )

    def _skipped(self) -> int:
        """1 where the document is a list of records, to each of which the pointer applies."""
        return int(self._in_records and bool(self._levels) and not self._levels[0].is_map)
