"""What the header of an RTF document says: code pages of fonts, levels of styles, title, dates."""

import codecs
import locale
import re

_CHARSETS = {
    77: "mac_roman", 78: "cp932", 79: "cp949", 80: "cp936", 81: "cp950", 83: "mac_greek",
    84: "mac_cyrillic", 85: "mac_cyrillic", 128: "cp932", 129: "cp949", 130: "johab",
    134: "cp936", 136: "cp950", 161: "cp1253", 162: "cp1254", 163: "cp1258", 177: "cp1255",
    178: "cp1256", 186: "cp1257", 204: "cp1251", 222: "cp874", 238: "cp1250", 254: "cp437",
    255: "cp850",
}  # fmt: skip
_FAMILIES = {"mac": "mac_roman", "pc": "cp437", "pca": "cp850", "ansi": "cp1252"}
_HEADING = re.compile(r"heading ([1-9])", re.IGNORECASE)
_DATES = {"creatim": "created", "revtim": "modified"}
_FACTS = {"title": "title", "author": "author", "subject": "subject", "keywords": "keywords"}
_PARTS = ("yr", "mo", "dy", "hr", "min")

INFO = frozenset({*_DATES, *_FACTS})


class Header:
    """Filled while a document's first groups are read; `facts` are its metadata."""

    def __init__(self) -> None:
        self.codec = "cp1252"
        self.facts: dict[str, object] = {}
        self.levels: dict[int, int] = {}
        self._fonts: dict[int, str | None] = {}
        self._font = self._style = 0
        self._date: dict[str, int] = {}

    def word(self, word: str, number: int | None) -> None:
        """A control word outside of any text."""
        if word in _FAMILIES:
            self.codec = _FAMILIES[word]
        elif word == "ansicpg" and number:
            self.codec = _known(f"cp{number}") or self.codec
        elif word == "deflang" and number in locale.windows_locale:
            self.facts["language"] = locale.windows_locale[number].replace("_", "-")

    def font_word(self, word: str, number: int | None) -> None:
        """A control word in the table of fonts."""
        if word == "f":
            self._font = number or 0
        elif word == "fcharset" and number is not None:
            self._fonts[self._font] = _CHARSETS.get(number)
        elif word == "cpg" and number:
            self._fonts[self._font] = _known(f"cp{number}")

    def font_codec(self, font: int | None) -> str:
        """How bytes in a font stand for characters."""
        return self._fonts.get(font or 0) or self.codec

    def style_word(self, word: str, number: int | None) -> None:
        """A control word in the table of styles; the first of each style is its number."""
        if word == "s":
            self._style = number or 0
        elif word == "outlinelevel" and number is not None and 0 <= number < 9:
            self.levels[self._style] = number + 1

    def style_name(self, name: str) -> None:
        """The name of the style whose words came before it."""
        name = name.rstrip("; ").strip()
        if found := _HEADING.fullmatch(name):
            self.levels[self._style] = int(found[1])
        elif name.lower() == "title":
            self.levels[self._style] = 0
        self._style = -1  # a group without a number is no paragraph's style

    def info_word(self, kind: str, word: str, number: int | None) -> None:
        """A control word in one of the groups of `INFO`: a part of a date."""
        if kind in _DATES and word in _PARTS and number is not None:
            self._date[word] = number

    def info_text(self, kind: str, text: str) -> None:
        """One of the groups of `INFO` has ended."""
        if kind in _FACTS:
            self.facts[_FACTS[kind]] = text.strip()
        elif 1 <= self._date.get("mo", 0) <= 12 and 1 <= self._date.get("dy", 0) <= 31:
            year, month, day, hour, minute = (self._date.get(part, 0) for part in _PARTS)
            self.facts[_DATES[kind]] = f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}"
        self._date.clear()


def _known(codec: str) -> str | None:
    try:
        return codecs.lookup(codec).name
    except LookupError:
        return None
