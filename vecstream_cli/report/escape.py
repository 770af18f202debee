"""Text from documents and file names, made harmless: nothing in it can steer a terminal."""

import re

# C0 and C1 controls, marks that reorder or break a line, and lone surrogates: a byte of a
# file name that is not UTF-8 stands as U+DC80 to U+DCFF (PEP 383).
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def printable(text: str) -> str:
    """`text` on one line, every character that is not for a person's eyes escaped."""
    return _UNSAFE.sub(_escaped, text)


def one_line(text: str) -> str:
    """As `printable`, with each run of white space, line ends included, as one space."""
    return printable(" ".join(text.split()))


def decodable(text: str) -> str:
    """`text` with only its lone surrogates escaped, which strict decoders refuse."""
    return _SURROGATE.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    character = match.group()
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if character in _SHORT:
        return _SHORT[character]
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
