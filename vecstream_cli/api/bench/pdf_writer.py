"""A small PDF writer: pages of justified lines in the standard fonts, the same bytes every time.

Streams are left uncompressed, since compressors of different versions give different bytes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

_WIDTH, _HEIGHT = 595, 842  # A4, in points
_MARGIN = 64
_FONTS = ("Times-Roman", "Times-Bold", "Courier")
# Advances of Times-Roman, in thousandths of the font size, for characters that differ much from
# the usual 500: enough to justify a line to the eye.
_ADVANCES = {" ": 250, ",": 250, ".": 250, ";": 278, ":": 278, "'": 180, "-": 333, "(": 333,
             ")": 333, "i": 278, "l": 278, "j": 278, "t": 278, "f": 333, "r": 333, "s": 389,
             "e": 444, "c": 444, "a": 444, "z": 444, "m": 778, "w": 722, "M": 889, "W": 944,
             "A": 722, "C": 667, "D": 722, "E": 611, "T": 611, "S": 556, "R": 667}  # fmt: skip
_USUAL = 500


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a page: `font` is an index of regular, bold, fixed; `justified` fills the width."""

    text: str
    size: float = 10.5
    font: int = 0
    justified: bool = False
    gap: float = 0.0  # above it, in points


def pdf(title: str, lines: Sequence[Line]) -> bytes:
    """A document of `lines`, broken into numbered pages."""
    pages = _pages(lines)
    objects: list[bytes] = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [%s] /Count %d >>"
        % (b" ".join(b"%d 0 R" % (7 + 2 * n) for n in range(len(pages))), len(pages)),
        b"<< /Title (%s) /Producer (vecstream bench) >>" % _escaped(title),
        *(
            b"<< /Type /Font /Subtype /Type1 /BaseFont /%s /Encoding /WinAnsiEncoding >>"
            % name.encode()
            for name in _FONTS
        ),
    ]
    for number, content in enumerate(pages):
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %d %d] /Resources << /Font "
            b"<< /F0 4 0 R /F1 5 0 R /F2 6 0 R >> >> /Contents %d 0 R >>"
            % (_WIDTH, _HEIGHT, 8 + 2 * number)
        )
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content))
    return _file(objects)


def wrapped(text: str, size: float = 10.5, width: float = _WIDTH - 2 * _MARGIN) -> list[str]:
    """`text` in lines that fit between the margins."""
    lines: list[str] = []
    line, used = "", 0.0
    for word in text.split():
        long = _advance(word) * size / 1000
        if line and used + long + size / 4 > width:
            lines.append(line)
            line, used = "", 0.0
        line = f"{line} {word}" if line else word
        used += long + size / 4
    return [*lines, line] if line else lines


def _pages(lines: Sequence[Line]) -> list[bytes]:
    pages: list[bytes] = []
    content: list[bytes] = []
    top = float(_HEIGHT - _MARGIN)
    for line in lines:
        top -= line.gap + line.size * 1.25
        if top < _MARGIN:
            pages.append(_closed(content, len(pages) + 1))
            content, top = [], _HEIGHT - _MARGIN - line.size * 1.25
        content.append(_shown(line, top))
    return [*pages, _closed(content, len(pages) + 1)]


def _closed(content: Sequence[bytes], number: int) -> bytes:
    footer = _shown(Line(f"{number}", size=9), _MARGIN / 2)
    return b"\n".join((*content, footer))


def _shown(line: Line, y: float) -> bytes:
    """The line as typesetters write it: its words apart, the space between them stretched."""
    words = line.text.split(" ")
    stretch = 0.0
    if line.justified and len(words) > 1:
        room = (_WIDTH - 2 * _MARGIN) * 1000 / line.size - _advance(line.text)
        stretch = max(-60.0, min(180.0, room / (len(words) - 1)))
    apart = b" %d " % round(-stretch)
    shown = apart.join(b"(%s)" % _escaped(w + " ") for w in words)
    return b"BT /F%d %s Tf %d %s Td [%s] TJ ET" % (
        line.font, _number(line.size), _MARGIN, _number(y), shown,
    )  # fmt: skip


def _advance(text: str) -> int:
    return sum(_ADVANCES.get(character, _USUAL) for character in text)


def _number(value: float) -> bytes:
    return f"{value:.2f}".encode()


def _escaped(text: str) -> bytes:
    plain = text.encode("cp1252", "replace")
    return plain.replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")


def _file(objects: Sequence[bytes]) -> bytes:
    out = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    table = [b"0000000000 65535 f \n"]
    for number, body in enumerate(objects, start=1):
        table.append(b"%010d 00000 n \n" % len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n%s" % (len(table), b"".join(table))
    out += b"trailer\n<< /Size %d /Root 1 0 R /Info 3 0 R >>\n" % len(table)
    out += b"startxref\n%d\n%%%%EOF\n" % start
    return bytes(out)
