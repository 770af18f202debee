"""Deterministic prose: the same number gives the same document, on every machine and Python."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import exp
from random import Random

from vecstream_cli.api.bench import words

_SLOT = re.compile(r"\{(.)\}(s|ed)?")
_LISTS = {
    "N": words.NOUNS, "V": words.VERBS, "A": words.ADJECTIVES, "R": words.ADVERBS,
    "P": words.PLACES, "W": words.PEOPLE,
}  # fmt: skip
_MONTHS = ("January", "March", "May", "July", "September", "November")
_SEED = 20_260


@dataclass(frozen=True, slots=True)
class Part:
    """A block: ``heading``, ``paragraph``, ``list``, ``table`` or ``code``.

    `lines` are a paragraph's one text, a list's items, a code block's lines or a table's rows,
    whose cells are parted by tabs; `level` is a heading's.
    """

    kind: str
    lines: tuple[str, ...]
    level: int = 0


class Writer:
    """Writes one document. Only `Random.random` is used: its numbers are promised to stay."""

    def __init__(self, number: int) -> None:
        self._random = Random(_SEED + number)

    def length(self, middle: float, spread: float) -> int:
        """A number of words from a log-normal distribution around `middle`."""
        normal = sum(self._random.random() for _ in range(12)) - 6
        return round(min(30 * middle, max(middle / 15, middle * exp(spread * normal))))

    def title(self) -> str:
        """A title or a heading."""
        return _capital(self._filled(self._pick(words.HEADINGS)))

    def parts(self, length: int) -> Iterator[Part]:
        """The blocks of a document of about `length` words, its sections under headings."""
        written, section, level = 0, 0, 2
        while written < length:
            if section <= 0:
                section = self.length(95, 1.0)
                level = 2 if level == 3 or self._random.random() < 0.6 else 3
                if written:
                    yield Part("heading", (self.title(),), level)
            part = self._part()
            count = sum(len(line.split()) for line in part.lines)
            written, section = written + count, section - count
            yield part

    def chance(self, share: float) -> bool:
        """True this often."""
        return self._random.random() < share

    def _part(self) -> Part:
        kind = self._random.random()
        if kind < 0.76:
            return Part("paragraph", (" ".join(self._sentences(2 + self._below(6))),))
        if kind < 0.88:
            return Part("list", tuple(self._sentence() for _ in range(2 + self._below(6))))
        if kind < 0.95:
            return Part("code", tuple(self._code() for _ in range(2 + self._below(9))))
        rows = 2 + self._below(8)
        head = "\t".join(_capital(self._word("N")) for _ in range(3))
        body = (
            f"{self._word('A')} {self._word('N')}\t{self._word('#')}\t{self._word('%')} %"
            for _ in range(rows)
        )
        return Part("table", (head, *body))

    def _sentences(self, count: int) -> Iterator[str]:
        return (self._sentence() for _ in range(count))

    def _sentence(self) -> str:
        return _capital(self._filled(self._pick(words.SENTENCES)))

    def _filled(self, pattern: str) -> str:
        return _SLOT.sub(lambda match: _inflected(self._word(match[1]), match[2] or ""), pattern)

    def _word(self, kind: str) -> str:
        if kind in _LISTS:
            known = _LISTS[kind]
            # Common words come first: a rank drawn like this is nearly Zipf's law.
            return known[min(len(known) - 1, int(len(known) ** self._random.random()) - 1)]
        if kind == "I":
            return f"{self._word('N')}_{self._word('V')}"
        if kind == "D":
            return f"{1 + self._below(28)} {self._pick(_MONTHS)} {2009 + self._below(17)}"
        return str(1 + self._below(100 if kind == "%" else 3 ** (1 + self._below(8))))

    def _code(self) -> str:
        name, verb = self._word("I"), self._word("V")
        form = self._below(4)
        if form == 0:
            return f"{name}: {self._below(5000)}"
        if form == 1:
            return f"$ {self._word('N')}ctl {verb} --{self._word('N')}={self._word('P').lower()}"
        if form == 2:
            return f"    result = {name}({self._word('N')}, limit={self._below(900)})"
        return f"# {verb} the {self._word('N')}, then {self._word('V')} it"

    def _pick(self, choices: tuple[str, ...]) -> str:
        return choices[self._below(len(choices))]

    def _below(self, limit: int) -> int:
        return int(self._random.random() * limit)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _inflected(word: str, ending: str) -> str:
    """``copies``, ``rotated``, ``stopped``: as regular as English is not."""
    if ending == "s":
        if word.endswith("y") and word[-2] not in "aeiou":
            return word[:-1] + "ies"
        return word + ("es" if word.endswith(("s", "x", "z", "ch", "sh")) else "s")
    if ending == "ed":
        if word.endswith("y") and word[-2] not in "aeiou":
            return word[:-1] + "ied"
        return word + ("d" if word.endswith("e") else "ed")
    return word
