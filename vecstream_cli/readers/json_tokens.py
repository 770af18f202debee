"""JSON as a stream of events, whatever its size and depth: RFC 8259's, and what people write.

Comments, commas too many or too few, NaN, keys given twice and several values in a row are all
read; numbers stay as they are written. A parser of trees would hold the file ten times over, and
streaming ones in C refuse NaN and respell numbers.
"""

import json
import re
from collections.abc import Iterator
from enum import Enum

from vecstream_cli.errors import DocumentError

MAX_TOKEN_CHARS = 8 << 20
MAX_DEPTH = 1 << 20

_AHEAD = 1 << 12  # what a token may take before the text must be looked at again

_SPACE = re.compile(r"(?:[\s\ufeff\0,]++|//[^\r\n]*+|/\*(?:[^*]++|\*(?!/))*+\*/)*+")
_TOKEN = re.compile(
    r'(?P<text>"[^"\\]*+(?:\\.[^"\\]*+)*+")'
    r"|(?P<mark>[{}\[\]:])"
    r"|(?P<plain>[-+]?(?:[.\d][\d.eE+-]*+|Infinity|NaN)|true|false|null)",
    re.DOTALL,
)
_NEXT = re.compile(rf"[\s,]*+(?:{_TOKEN.pattern})", re.DOTALL)  # nearly always
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class Event(Enum):
    """What comes next in a document."""

    MAP = "{"
    LIST = "["
    END = "]"
    KEY = "key"
    TEXT = "text"
    PLAIN = "plain"  # a number or a word such as true, spelled as in the file


def events(pieces: Iterator[str]) -> Iterator[tuple[Event, str]]:
    """The events of a text. Raises DocumentError ``malformed`` or ``too-large`` where it breaks."""
    reader = _Reader(pieces)
    open_maps: list[bool] = []
    in_map = False
    key: str | None = None  # read, its value still to come
    for kind, token in reader.tokens():
        if token in ("}", "]") and kind == "mark":
            if key is not None or not open_maps or in_map != (token == "}"):
                raise reader.broken(f"an unexpected {token}")
            open_maps.pop()
            in_map = bool(open_maps) and open_maps[-1]
            yield Event.END, ""
        elif in_map and key is None:
            if kind != "text":
                raise reader.broken("no key in double quotes")
            key = _unquoted(token)
            if next(reader.tokens(), ("", ""))[1] != ":":
                raise reader.broken("no colon after a key")
            yield Event.KEY, key
        elif token == ":" and kind == "mark":
            raise reader.broken("an unexpected colon")
        else:
            key = None
            if kind == "mark":
                in_map = token == "{"
                open_maps.append(in_map)
                if len(open_maps) > MAX_DEPTH:
                    raise reader.broken("nesting too deep")
                yield Event.MAP if in_map else Event.LIST, ""
            elif kind == "text":
                yield Event.TEXT, _unquoted(token)
            else:
                yield Event.PLAIN, token
    if open_maps:
        raise reader.broken("an early end")


def _unquoted(token: str) -> str:
    if "\\" not in token:
        return token[1:-1]
    try:
        text = json.loads(token, strict=False)
    except ValueError:  # an escape that JSON has not
        text = _ESCAPE.sub(r"\1", token[1:-1])
    return _LONE_SURROGATE.sub("\ufffd", text)


class _Reader:
    def __init__(self, pieces: Iterator[str]) -> None:
        self._pieces = pieces
        self._text = ""
        self._at = 0
        self._lines = 1  # of what was read and dropped
        self._ended = False

    def tokens(self) -> Iterator[tuple[str, str]]:
        """(group, token) to the end; may be called again, and goes on."""
        while True:
            token = _NEXT.match(self._text, self._at)
            if token is not None and token.end() < len(self._text):
                self._at = token.end()
                kind = str(token.lastgroup)
                yield kind, token[kind]
                continue
            if not self._ended and len(self._text) - self._at < _AHEAD:
                self._grow(_AHEAD)
            space = _SPACE.match(self._text, self._at)
            assert space is not None
            if space.end() == len(self._text) and not self._ended:
                self._at = space.end() if space[0].isspace() else self._at
                self._grow(2 * (len(self._text) - self._at) + 1)
                continue
            self._at = space.end()
            if self._at == len(self._text):
                return
            token = _TOKEN.match(self._text, self._at)
            if not self._ended and (token is None or token.end() == len(self._text)):
                known = len(self._text) - self._at
                if known > MAX_TOKEN_CHARS:
                    raise self._too_large()
                if token is not None or self._text[self._at] in '"/':
                    self._grow(2 * known + 1)
                    continue
            if token is None:
                raise self.broken(f"an unexpected {self._text[self._at]!r}")
            self._at = token.end()
            yield str(token.lastgroup), token[0]

    def _grow(self, wanted: int) -> None:
        """Have `wanted` characters from here on, or all there are."""
        self._lines += self._text.count("\n", 0, self._at)
        held = [self._text[self._at :]]
        self._at = 0
        size = len(held[0])
        if size > 2 * MAX_TOKEN_CHARS:
            raise self._too_large()
        while size < wanted:
            piece = next(self._pieces, None)
            if piece is None:
                self._ended = True
                break
            held.append(piece)
            size += len(piece)
        self._text = "".join(held)

    def broken(self, what: str) -> DocumentError:
        line = self._lines + self._text.count("\n", 0, self._at)
        return DocumentError("malformed", f"The JSON has {what} in line {line}.")

    def _too_large(self) -> DocumentError:
        return DocumentError(
            "too-large", f"The JSON has a value of more than {MAX_TOKEN_CHARS >> 20} MiB."
        )
