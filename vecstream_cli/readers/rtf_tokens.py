"""RTF as a stream of tokens, and what its header says about fonts, styles and the document."""

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from vecstream_cli.readers.source import Progress, SourceFile

_TOKEN = re.compile(
    rb"\\([a-zA-Z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\(\r\n|[^a-zA-Z])"
    rb"|([{}])|([^\\{}]+)|\\"
)
_LONGEST = 64  # bytes that a token other than text may take


Kind = Literal["word", "byte", "symbol", "open", "close", "text"]


class Token(NamedTuple):
    """`word` is a control word or symbol; `number` its parameter or a byte; `data` text's bytes."""

    kind: Kind
    word: str = ""
    number: int | None = None
    data: bytes = b""


_OPEN, _CLOSE = Token("open"), Token("close")


def tokens(file: SourceFile, progress: Progress) -> Iterator[Token]:
    r"""The tokens; line ends are none, nor are the raw bytes that follow ``\bin``."""
    held = b""
    skip = 0
    for piece in file.pieces():
        progress()
        if skip >= len(piece):
            skip -= len(piece)
            continue
        data = held + piece[skip:]
        skip = 0
        # A token that the border may have cut waits for the next piece.
        end = data.rfind(b"\\", max(0, len(data) - _LONGEST))
        end = len(data) if end < 0 else end - (data[end - 1 : end] == b"\\")
        at = 0
        while at < end:
            found = _TOKEN.match(data, at)
            if found is None:
                break
            at = found.end()
            token = _token(found)
            if token.kind == "word" and token.word == "bin":
                skip = max(0, token.number or 0)
                at, skip = min(at + skip, len(data)), max(0, at + skip - len(data))
                end = max(end, at)
            elif token.kind != "text" or token.data:
                yield token
        held = data[at:]
    for found in _TOKEN.finditer(held):
        yield _token(found)


def _token(found: re.Match[bytes]) -> Token:
    word, number, byte, symbol, brace, text = found.groups()
    if text is not None:
        return Token("text", "", None, text.translate(None, b"\r\n\0"))
    if word is not None:
        value = None if number is None else int(number)
        return Token("word", word.decode("ascii"), value)
    if byte is not None:
        return Token("byte", "", int(byte, 16))
    if brace is not None:
        return _OPEN if brace == b"{" else _CLOSE
    return Token("symbol", (symbol or b"").decode("latin-1"))
