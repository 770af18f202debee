"""Where on a page PDFium finds its text: runs of it, and the lines nearest to the page's edges."""

import ctypes
import re
from typing import TYPE_CHECKING

from vecstream_cli.readers.pdf_columns import Box
from vecstream_cli.readers.pdf_page import Line, one_line

if TYPE_CHECKING:
    from pypdfium2 import PdfTextPage  # type: ignore[import-untyped]

_MAX_RUNS = 5000
_SAME_LINE = 6.0  # points between two runs that are read as one
_FAR = 1e6  # points: no page is so large

_MARGIN = 0.12  # of the page's height, at either end
_OUTERMOST = 4  # lines at either end that may be headers and footers
_SAME_HEIGHT = 0.004  # of the page's height
# PDFs have headers and footers first or last, wherever on the page those stand.
_EDGE_CHARS = 300
_LINE = re.compile(r"[^\s][^\r\n]*")


def runs(textpage: "PdfTextPage") -> list[Box]:
    """The boxes of the page's runs of text, in the order of the text; on one line, joined."""
    from pypdfium2 import raw

    count = min(raw.FPDFText_CountRects(textpage, 0, -1), _MAX_RUNS)
    sides = (ctypes.c_double * 4)()
    places = [
        ctypes.cast(ctypes.addressof(sides) + 8 * at, ctypes.POINTER(ctypes.c_double))
        for at in (0, 3, 2, 1)  # PDFium tells left, top, right and bottom
    ]
    get, handle = raw.FPDFText_GetRect, textpage.raw
    found: list[Box] = []
    for at in range(count):
        get(handle, at, *places)
        left, bottom, right, top = sides
        if not abs(left + bottom + right + top) < _FAR:
            continue  # or no number at all
        if found:
            last = found[-1]
            beside = last.bottom <= (bottom + top) / 2 <= last.top
            if beside and -_SAME_LINE < left - last.right < _SAME_LINE:
                found[-1] = Box(last.left, min(bottom, last.bottom), right, max(top, last.top))
                continue
        found.append(Box(left, bottom, right, top))
    return found


def outer_lines(textpage: "PdfTextPage", page: Box) -> list[Line]:
    """The lines nearest to the page's edges, the outermost first, of the text's first and last."""
    height = page.top - page.bottom
    if height <= 0:
        return []
    found = [
        (text, down)
        for text, baseline in _first_and_last(textpage)
        if 0 <= (down := (page.top - baseline) / height) <= 1
    ]
    lines = []
    for top in (True, False):
        near = [each for each in found if (each[1] if top else 1 - each[1]) <= _MARGIN]
        near.sort(key=lambda each: each[1], reverse=not top)
        rows, last = 0, -1.0
        for text, down in near:
            rows += abs(down - last) > _SAME_HEIGHT
            last = down
            if rows > _OUTERMOST:
                break
            lines.append(Line(text, down, top))
    return lines


def _first_and_last(textpage: "PdfTextPage") -> list[tuple[str, float]]:
    """Whole lines at the text's start and end, with the height of their baselines."""
    from pypdfium2 import raw

    handle = textpage.raw
    count = raw.FPDFText_CountChars(handle)
    whole = count <= 2 * _EDGE_CHARS
    spans = [(0, count)] if whole else [(0, _EDGE_CHARS), (count - _EDGE_CHARS, _EDGE_CHARS)]
    units = (ctypes.c_ushort * (2 * _EDGE_CHARS + 1))()
    x, y = ctypes.c_double(), ctypes.c_double()
    found = []
    for first, length in spans:
        got = raw.FPDFText_GetText(handle, first, length, units)
        start = raw.FPDFText_GetTextIndexFromCharIndex(handle, first)
        if got <= 1 or start < 0:
            continue
        text = bytes(units)[: 2 * got - 2].decode("utf-16-le", "replace")
        for each in _LINE.finditer(text):
            cut = (first and each.start() == 0) or (
                not whole and not first and each.end() == len(text)
            )
            at = raw.FPDFText_GetCharIndexFromTextIndex(handle, start + each.start())
            if not cut and raw.FPDFText_GetCharOrigin(handle, at, x, y):
                found.append((one_line(each[0]), y.value))
    return found
