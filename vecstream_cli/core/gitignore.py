"""The patterns of a .gitignore: pathspec reads them, the scan asks them from the top down.

pathspec's own matcher takes a whole path, and a rule about a folder speaks of all below it too.
Git, and the scan, ask about one entry at a time and enter no ignored folder; so of pathspec we
take the expressions, and match them whole. Names are bytes, of any encoding.

What differs from git: inside brackets, a class such as `[:alpha:]`, a backslash, a slash and a
range that runs backwards; outside, a backslash before a slash, and `**` with a letter on one
side and a slash on the other.
"""

import re
import warnings
from collections.abc import Iterable
from typing import NamedTuple

_BOM = b"\xef\xbb\xbf"
_SPACE_AT_END = re.compile(rb"([\t\v\f\r\x1c-\x1f\x85\xa0])\Z")
_STARS_AT_END = re.compile(rb"(\A!?|/)(\*+)(?=/?\Z)")
_NAMED_GROUP = re.compile(rb"\(\?P<\w+>")
_NEGATED = re.compile(rb"\[\^(?!/)")
_STAR, _FOLDERS, _ANYWHERE = b"[^/]*", b"(?:/.+)?", b"^(?:.+/)?"


class _Rule(NamedTuple):
    expression: re.Pattern[bytes]  # of a path, or of a name; a folder's ends with a slash
    ignore: bool
    by_path: bool


class Rules:
    """The rules of one file, or of a list of patterns; the last one that matches decides."""

    __slots__ = ("_any_name", "_any_path", "_rules", "has_paths")

    def __init__(self, lines: Iterable[bytes]) -> None:
        rules = [rule for line in lines if (rule := _parse(line)) is not None]
        self._rules = rules[::-1]
        self._any_name = _any_of(rule for rule in rules if not rule.by_path)
        self._any_path = _any_of(rule for rule in rules if rule.by_path)
        self.has_paths = any(rule.by_path for rule in rules)
        """Whether the verdict depends on more than an entry's name."""

    @classmethod
    def parse(cls, content: bytes) -> "Rules":
        """The rules of a file."""
        lines = content.removeprefix(_BOM).split(b"\n")
        return cls(line.removesuffix(b"\r") for line in lines)

    def __bool__(self) -> bool:
        return bool(self._rules)

    def verdict(self, name: bytes, path: bytes, *, is_folder: bool) -> bool | None:
        """True: ignored; False: kept by a `!` rule; None: no rule speaks of this entry.

        `path` is relative to the folder of the rules, and ends with `name`; without `has_paths`
        it is not looked at.
        """
        if not self._rules:
            return None
        if is_folder:
            name, path = name + b"/", path + b"/"
        # Most entries match nothing: two alternations say so at once.
        if self._any_name.fullmatch(name) or self._any_path.fullmatch(path):
            for expression, ignore, by_path in self._rules:
                if expression.fullmatch(path if by_path else name):
                    return ignore
        return None


def _parse(line: bytes) -> _Rule | None:
    """The rule of a line; None where it says nothing or can match nothing."""
    # Late: most runs have no pattern to read.
    from pathspec.patterns.gitignore import GitIgnorePatternError
    from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

    pattern = line.rstrip(b" ")
    if (len(pattern) - len(pattern.rstrip(b"\\"))) % 2:
        pattern += line[len(pattern) :][:1]  # a space behind a backslash stays
    pattern = _SPACE_AT_END.sub(rb"[\1]", pattern)  # git drops no other kind of space
    # To pathspec `a/**` is `a` as well, and `*` an expression that does not span the name.
    pattern = _STARS_AT_END.sub(lambda m: m[1] + (b"?*" if m[2] == b"*" else b"**/?*"), pattern)
    by_path = b"/" in pattern.removesuffix(b"/")
    try:
        expression, ignore = GitIgnoreSpecPattern.pattern_to_regex(pattern)
        if expression is None or ignore is None:
            return None
        if not by_path:
            expression = expression.removeprefix(_ANYWHERE)
        expression = _bounded(_NAMED_GROUP.sub(b"(?:", expression))
        expression = _NEGATED.sub(b"(?!/)[^", expression)
        return _Rule(_compiled(expression), ignore, by_path)
    except (GitIgnorePatternError, re.error):
        return None  # to git, too, it matches nothing


def _bounded(expression: bytes) -> bytes:
    """The expression with stars that give nothing back where a later star makes up for it.

    No match is lost, and a hostile pattern such as ``*a*a*a*a*b`` costs no more than any other.
    """
    *firsts, last = expression.split(_FOLDERS)
    for at, part in enumerate(firsts[1:], 1):
        firsts[at] = b"(?>(?:/.+?)??" + part + b"(?=/))"
    expression = b"".join(firsts) + (_FOLDERS if firsts else b"") + last
    *firsts, last = expression.split(_STAR)
    for at, part in enumerate(firsts[1:], 1):
        within = b"/" not in part.replace(b"[^/]", b"")
        firsts[at] = b"(?>[^/]*?" + part + b")" if within else _STAR + part
    return b"".join(firsts) + (_STAR if firsts else b"") + last


def _any_of(rules: Iterable[_Rule]) -> re.Pattern[bytes]:
    return _compiled(b"|".join(b"(?:%s)" % rule.expression.pattern for rule in rules) or b"(?!)")


def _compiled(expression: bytes) -> re.Pattern[bytes]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # a bracket in brackets is what it is
        return re.compile(expression, re.DOTALL)
