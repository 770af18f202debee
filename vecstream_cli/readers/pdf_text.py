"""What PDF libraries make of a page, put right: control characters, cut words, paragraphs.

Pure functions of a page's text.
"""

import re

_LINE_END = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")
# PDFium puts U+0002 (or U+FFFE) where it joined a word that the page hyphenates at a line end.
_BETWEEN = re.compile(r"(?<=(\w))[\x02\ufffe](?=(\w))")
_SOFT_HYPHEN = re.compile(r"(?<=\w)\u00ad[ \t]*\n?[ \t]*(?=\w)|\u00ad")
_CUT = re.compile(r"(?<=[^\W\d_])[-\u2010][ \t]*\n[ \t]*(?=[^\W\d_])")
_LIGATURES = {
    0xFB00: "ff", 0xFB01: "fi", 0xFB02: "fl", 0xFB03: "ffi", 0xFB04: "ffl", 0xFB05: "st",
    0xFB06: "st",
}  # fmt: skip
_LIGATURE = re.compile("[\ufb00-\ufb06]")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_CID = re.compile(r"\(cid:\d+\)")
_SENTENCE_END = re.compile(r"[.!?:;…。！？][\"'”’)\]]*\Z")
_ITEM = re.compile(r"(?:[•‣◦▪●–—*-]|\(?(?:\d{1,3}|[a-zA-Z])[.)])\s+\S")

_SHORT = 0.8


def cleaned(text: str) -> str:
    r"""`text` with ``\n`` line ends, words whole, ligatures as letters, nothing unprintable."""
    text = _LINE_END.sub("\n", text)
    text = _BETWEEN.sub(_rejoined, text)
    text = _SOFT_HYPHEN.sub("", text)
    text = _UNPRINTABLE.sub("", text)
    if _LIGATURE.search(text):
        text = text.translate(_LIGATURES)
    lines = (line.rstrip() for line in text.split("\n"))
    return "\n".join(lines).strip("\n")


def rejoined(text: str) -> str:
    """With the words whole that lines end in, for what says only that there is a hyphen.

    A word that goes on in lower case was cut by the line's end, as far as anybody can tell.
    """
    return _CUT.sub(lambda cut: "" if text[cut.end() : cut.end() + 1].islower() else cut[0], text)


def without_glyph_numbers(text: str) -> str:
    """Without the ``(cid:123)`` that pdfminer writes for a glyph it has no character for."""
    return _CID.sub("", text)


def paragraphs(text: str) -> list[str]:
    """`text` of one page cut into paragraphs that join to it again.

    A PDF knows glyphs, not paragraphs: one ends at a blank line, at a short line that ends a
    sentence, and before a list item.
    """
    lines = text.splitlines(keepends=True)
    full = _full_width(lines)
    found: list[list[str]] = []
    ended = True
    for line in lines:
        bare = line.strip()
        if ended and bare:
            found.append([])
            ended = False
        elif bare and _ITEM.match(bare):
            found.append([])
        if not found:
            found.append([])
        found[-1].append(line)
        ended = ended or not bare or (len(bare) < _SHORT * full and _ends_sentence(bare))
    return ["".join(paragraph) for paragraph in found]


def goes_on(before: str, after: str) -> bool:
    """True where a page's last paragraph seems to go on as the first one of the next page."""
    end, start = before.rstrip(), after.lstrip()
    return bool(end) and not _ends_sentence(end) and start[:1].islower()


def seam(before: str) -> tuple[str, str]:
    """A page's last paragraph that goes on over its end, and what comes between the two."""
    text = before.rstrip("\n")
    if re.search(r"[^\W\d_][-\u2010]\Z", text):
        return text[:-1], ""
    return text, "\n"


def _ends_sentence(text: str) -> bool:
    return _SENTENCE_END.search(text) is not None


def _rejoined(found: re.Match[str]) -> str:
    """A word cut by the line end is whole again; a hyphen that was written stays one."""
    before, after = found[1], found[2]
    whole = before.isalpha() and after.isalpha() and not (before.islower() and after.isupper())
    return "" if whole else "-"


def _full_width(lines: list[str]) -> int:
    """How long the lines of the page's running text are: three of four are not longer."""
    lengths = sorted(len(line.strip()) for line in lines if not line.isspace())
    return lengths[len(lengths) * 3 // 4] if lengths else 0
