"""The groups of an RTF document, one in the other: each a place that text goes to, or none."""

from collections.abc import Callable
from dataclasses import dataclass

from vecstream_cli.errors import DocumentError
from vecstream_cli.readers.parts import Part
from vecstream_cli.readers.rtf_flow import Flow
from vecstream_cli.readers.rtf_header import INFO, Header
from vecstream_cli.readers.rtf_tokens import Kind, Token

_MAX_DEPTH = 2000

_SKIPPED = frozenset(
    {
        "colortbl", "shpinst", "listtable", "listoverridetable", "revtbl", "rsidtbl", "pict",
        "objdata", "objclass", "fldinst", "nonshppict", "shprslt", "xe", "tc", "txe", "rxe",
        "datafield", "background", "themedata", "colorschememapping", "latentstyles", "datastore",
        "generator", "filetbl", "bkmkstart", "bkmkend", "ftnsep", "ftnsepc", "ftncn", "aftnsep",
        "aftnsepc", "aftncn", "atnid", "atrfstart", "atrfend", "atnref", "atntime", "atnicn",
        "mmathPict", "nonesttables", "nesttableprops", "pnseclvl", "xmlnstbl", "wgrffmtfilter",
        "private", "formfield", "ud", "userprops", "template", "company", "operator",
        "category", "manager", "comment", "doccomm", "hlinkbase", "buptim", "printim", "info",
    }
)  # fmt: skip
_ASIDES = {
    "footnote": "footnote", "annotation": "annotation", "atnauthor": "author",
    "header": "header", "headerl": "header", "headerr": "header", "headerf": "header",
    "footer": "footer", "footerl": "footer", "footerr": "footer", "footerf": "footer",
    "listtext": "number", "pntext": "number", "shptxt": "box",
}  # fmt: skip
# Groups that programs may pass over, and that hold text all the same.
_OPENED = frozenset({"shptxt", "annotation", "atnauthor", "footnote", "moMath", "mr"})
_CHARACTERS = {
    "tab": "\t", "line": "\n", "emdash": "—", "endash": "–", "emspace": " ", "enspace": " ",
    "qmspace": " ", "bullet": "•", "lquote": "‘", "rquote": "’", "ldblquote": "“",
    "rdblquote": "”", "softline": "\n", "nestcell": " ", "nestrow": "\n",
}  # fmt: skip
_SYMBOLS = {"~": "\u00a0", "_": "\u2011", "{": "{", "}": "}", "\\": "\\", "|": "", "\t": "\t"}
_BREAKS = frozenset({"par", "sect", "page", "cell", "row"})


@dataclass(slots=True)
class _Group:
    """`place` is where its text goes: "text", "skip", "font", "style", or one of `INFO`."""

    place: str = "text"
    codec: str | None = None
    fallback: int = 1  # how many characters stand in for one in Unicode
    unseen: bool = False
    aside: str = ""  # begun by this group, and ended with it

    def inner(self) -> "_Group":
        """What a group in this one begins with."""
        return _Group(self.place, self.codec, self.fallback, self.unseen)


class Groups:
    """Takes tokens, and gives the parts of text that they complete."""

    def __init__(self) -> None:
        self.header = Header()
        self._flow = Flow(self.header)
        self._stack: list[_Group] = []
        self._now = _Group()
        self._bytes = bytearray()
        self._starred = False
        self._passed = 0
        self._name: list[str] = []
        self._act: dict[Kind, Callable[[Token], None]] = {
            "open": self._open,
            "close": self._close,
            "word": self._word,
            "symbol": self._symbol,
            "byte": self._byte,
            "text": self._text,
        }

    def take(self, token: Token) -> list[Part]:
        """The parts that `token` completes; mostly none."""
        self._act[token.kind](token)
        return self._flow.taken() if self._flow.ready else []

    def end(self) -> list[Part]:
        """What the end of the document completes."""
        self._flush()
        self._flow.finish()
        return self._flow.taken()

    def _open(self, token: Token) -> None:
        self._flush()
        self._passed = 0
        if len(self._stack) >= _MAX_DEPTH:
            raise DocumentError("malformed", "Cannot read the RTF document: it is nested too deep.")
        self._stack.append(self._now)
        self._now = self._now.inner()
        self._starred = False

    def _close(self, token: Token) -> None:
        self._flush()
        self._passed = 0
        now = self._now
        if now.aside:
            self._flow.leave(now.aside)
        outer = self._stack.pop() if self._stack else _Group()
        if now.place in INFO and outer.place != now.place:
            self.header.info_text(now.place, self._named())
        elif now.place == "style":
            self.header.style_name(self._named())
        self._now = outer

    def _word(self, token: Token) -> None:
        word, number = token.word, token.number
        if word == "u" and number is not None:
            self._flush()
            self._add(chr(number & 0xFFFF))
            self._passed = self._now.fallback
            return
        if self._passed:
            self._passed -= 1
            return
        self._flush()
        starred, self._starred = self._starred, False
        now = self._now
        if now.place == "skip" and word not in ("shptxt", *INFO):
            return
        if word in INFO and any(group.place == "skip" for group in self._stack[-1:]):
            now.place = word
        elif word in ("fonttbl", "stylesheet"):
            now.place = "font" if word == "fonttbl" else "style"
        elif word in _ASIDES and not now.aside:
            now.place, now.aside = "text", _ASIDES[word]
            self._flow.enter(now.aside)
        elif word in _SKIPPED or (starred and word not in _OPENED):
            now.place = "skip"
        elif now.place == "font":
            self.header.font_word(word, number)
        elif now.place == "style":
            self.header.style_word(word, number)
        elif now.place in INFO:
            self.header.info_word(now.place, word, number)
        else:
            self._formatting(word, number)

    def _formatting(self, word: str, number: int | None) -> None:
        now = self._now
        if word in _CHARACTERS:
            self._add(_CHARACTERS[word])
        elif word in _BREAKS:
            self._flow.stop(word)
        elif word == "f":
            now.codec = self.header.font_codec(number)
        elif word == "uc":
            now.fallback = max(0, min(number or 0, 100))
        elif word in ("v", "deleted"):
            now.unseen = number != 0
        elif word == "plain":
            now.unseen, now.codec = False, None
        elif word == "chftn":
            self._flow.mark()
        else:
            self.header.word(word, number)
            self._flow.word(word, number)

    def _symbol(self, token: Token) -> None:
        if token.word == "*":
            self._starred = True
        elif self._passed:
            self._passed -= 1
        elif token.word in _SYMBOLS:
            self._flush()
            self._add(_SYMBOLS[token.word])
        elif token.word in ("\n", "\r", "\r\n") and self._now.place == "text":
            self._flush()
            self._flow.stop("par")

    def _byte(self, token: Token) -> None:
        if self._passed:
            self._passed -= 1
        elif self._now.place != "skip":
            self._bytes.append(token.number or 0)

    def _text(self, token: Token) -> None:
        data = token.data
        if self._passed:
            passed = min(self._passed, len(data))
            data, self._passed = data[passed:], self._passed - passed
        if self._now.place != "skip":
            self._bytes += data

    def _flush(self) -> None:
        if self._bytes:
            codec = self._now.codec or self.header.font_codec(None)
            self._add(self._bytes.decode(codec, "replace"))
            self._bytes.clear()

    def _add(self, text: str) -> None:
        now = self._now
        if now.place == "text":
            if not now.unseen:
                self._flow.add(text)
        elif now.place == "style" or now.place in INFO:
            self._name.append(text)

    def _named(self) -> str:
        name = "".join(self._name)
        self._name.clear()
        return name
