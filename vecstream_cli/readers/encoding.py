"""Bytes to characters: BOM, then UTF-8, then a detector on a bounded window, then cp1252.

Nothing here holds more than a window of the file. The whole file is checked before it is called
UTF-8, so that one accent after a megabyte of ASCII is not lost.
"""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass

from vecstream_cli.errors import DocumentError
from vecstream_cli.readers.source import Progress, SourceFile

WINDOW_BYTES = 1 << 16

# UTF-32's little-endian mark starts with UTF-16's: order matters.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

# What the detector names is often a subset of what the author's machine wrote.
_WIDER = {
    "iso8859-1": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
    "shift_jis_2004": "cp932",
    "tis-620": "cp874",
    "ascii": "cp1252",
}

_LAST_RESORT = "cp1252"

# A few accents look like any of thirty single-byte encodings; below this, bet on the commonest.
_UNSURE = 0.15
_MULTIBYTE = ("utf", "big5", "cp932", "cp949", "euc", "gb", "hz", "iso2022", "johab", "shift")

_PRINTABLE = re.compile(rb"[\n\r -~\x80-\xff]")
_MOSTLY = 0.75

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")

# Legacy text hardly ever forms valid UTF-8 sequences by chance, so a file with this many for each
# invalid one is UTF-8 with damage, not another encoding.
_GOOD_FOR_EACH_BAD = 8


@dataclass(frozen=True, slots=True)
class Encoding:
    """A codec's name, and how many bytes of byte order mark come before the text."""

    codec: str
    mark: int = 0


def decoded(file: SourceFile, progress: Progress) -> Iterator[str]:
    """The file's characters, piece by piece: line ends as they are, the BOM dropped.

    Invalid sequences are U+FFFD; there are no lone surrogates. The encoding is found before this
    returns: raises DocumentError ``unsupported`` where the bytes are not text.
    """
    return _decoded(file, detect(file, progress), progress)


def detect(file: SourceFile, progress: Progress) -> Encoding:
    """How the file's bytes stand for characters. Raises DocumentError where they are not text."""
    head = file.at(0, WINDOW_BYTES)
    for mark, codec in _MARKS:
        if head.startswith(mark):
            return Encoding(codec, len(mark))
    if (b"\0" in head and not _is_utf8_with_nuls(head)) or b"\x1b$" in head:
        # These may be valid UTF-8 as they stand, and yet be UTF-16 or ISO 2022.
        named = _detected(head, truncated=file.size > len(head))
        if named.startswith(("utf-16", "utf-32", "iso2022")):
            return Encoding(named)
    bad = _first_invalid_utf8(file, progress)
    if bad is None:
        return Encoding("utf-8")
    window = (
        head if bad < len(head) // 2 else file.at(max(bad - WINDOW_BYTES // 2, 0), WINDOW_BYTES)
    )
    if _is_damaged_utf8(window):
        return Encoding("utf-8")
    return Encoding(_detected(window, truncated=file.size > len(window)))


def _decoded(file: SourceFile, encoding: Encoding, progress: Progress) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(encoding.codec)("replace")
    # Python's UTF codecs refuse surrogates; some of the others let them through.
    safe = encoding.codec.startswith("utf-")
    for data in file.pieces(encoding.mark):
        progress()
        text = decoder.decode(data)
        yield text if safe else _LONE_SURROGATE.sub("\ufffd", text)
    yield decoder.decode(b"", final=True)


def _first_invalid_utf8(file: SourceFile, progress: Progress) -> int | None:
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    offset = 0
    try:
        for data in file.pieces():
            progress()
            decoder.decode(data)
            offset += len(data)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        # The error counts from the bytes the decoder had kept back; a few bytes do not matter.
        return min(offset + error.start, file.size - 1)
    return None


def _is_utf8_with_nuls(head: bytes) -> bool:
    """Text with a few stray NULs. In UTF-16 every other byte is one, or a script's number."""
    printable = len(_PRINTABLE.findall(head)) >= _MOSTLY * len(head)
    return printable and _decodes(head, "utf-8")


def _is_damaged_utf8(window: bytes) -> bool:
    text = codecs.getincrementaldecoder("utf-8")("replace").decode(window)
    bad = text.count("\ufffd")
    good = sum(not character.isascii() for character in text) - bad
    return good >= _GOOD_FOR_EACH_BAD * max(bad, 1)


def _detected(window: bytes, *, truncated: bool) -> str:
    """A codec for `window`. Raises DocumentError where it is binary."""
    import chardet

    detector = chardet.UniversalDetector(
        max_bytes=max(len(window), 1),
        compat_names=False,
        exclude_encodings=["utf-7"],
        no_match_encoding=_LAST_RESORT,
    )
    detector.feed(window)
    if truncated:
        detector.feed(b"\n")  # says that the window is not the whole file
    found = detector.close()
    named = found["encoding"]
    if named is None:
        raise DocumentError("unsupported", "The file is binary, not text.")
    if found["confidence"] < _UNSURE and not named.startswith(_MULTIBYTE):
        return _LAST_RESORT
    wider = _WIDER.get(named, named)
    return wider if _decodes(window, wider) else named


def _decodes(window: bytes, codec: str) -> bool:
    try:
        codecs.getincrementaldecoder(codec)("strict").decode(window)
    except UnicodeError:
        return False
    return True
