"""The patterns of a .gitignore, compiled; they match as git's own do, byte for byte.

A port of the rules in git's dir.c and wildmatch.c, because the scan walks from the top down as
git does: it asks about one entry of one folder at a time, never about a whole path. Names are
bytes, and nothing about them is assumed to be UTF-8.
"""

import re
import string
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_SPECIAL = re.compile(rb"[*?\[\\]")
_BOM = b"\xef\xbb\xbf"
_SEGMENT_STAR = b"[^/]*"
_FOLDERS = b"(?:[^/]*/)"

_CLASSES = {
    name: frozenset(members.encode())
    for name, members in {
        b"alnum": string.ascii_letters + string.digits,
        b"alpha": string.ascii_letters,
        b"blank": " \t",
        b"cntrl": "".join(map(chr, [*range(32), 127])),
        b"digit": string.digits,
        b"graph": "".join(map(chr, range(33, 127))),
        b"lower": string.ascii_lowercase,
        b"print": "".join(map(chr, range(32, 127))),
        b"punct": string.punctuation,
        b"space": " \t\n\r",  # git's own isspace: no form feed, no vertical tab
        b"upper": string.ascii_uppercase,
        b"xdigit": string.hexdigits,
    }.items()
}


@dataclass(frozen=True, slots=True)
class _Rule:
    ignore: bool
    folders_only: bool
    by_name: bool  # matched against the entry's name; otherwise against its path
    literal: bytes | None
    regex: re.Pattern[bytes] | None

    def matches(self, name: bytes, path: bytes) -> bool:
        subject = name if self.by_name else path
        if self.literal is not None:
            return subject == self.literal
        return self.regex is not None and self.regex.fullmatch(subject) is not None


class Rules:
    """The rules of one file, or of a list of patterns; the last one that matches decides."""

    __slots__ = ("_literals", "_name_regex", "_path_regex", "_rules", "has_paths")

    def __init__(self, lines: Iterable[bytes]) -> None:
        parsed = [rule for line in lines if (rule := _parse(line)) is not None]
        self._rules = parsed[::-1]
        self._literals = frozenset(r.literal for r in parsed if r.literal is not None)
        self._name_regex = _any_of(r.regex for r in parsed if r.by_name)
        self._path_regex = _any_of(r.regex for r in parsed if not r.by_name)
        self.has_paths = any(not r.by_name for r in parsed)
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
        # Most entries match nothing: two compiled alternations say so at once.
        if not (
            name in self._literals
            or path in self._literals
            or (self._name_regex is not None and self._name_regex.fullmatch(name))
            or (self._path_regex is not None and self._path_regex.fullmatch(path))
        ):
            return None
        for rule in self._rules:
            if (is_folder or not rule.folders_only) and rule.matches(name, path):
                return rule.ignore
        return None


def _parse(line: bytes) -> _Rule | None:
    """A rule from a line of a .gitignore; None where it says nothing or can match nothing."""
    pattern = _without_trailing_spaces(line.partition(b"\0")[0])
    if not pattern or pattern.startswith(b"#"):
        return None
    ignore = not pattern.startswith(b"!")
    if not ignore:
        pattern = pattern[1:]
    folders_only = pattern.endswith(b"/")
    if folders_only:
        pattern = pattern[:-1]
    by_name = b"/" not in pattern
    if not by_name:
        pattern = pattern.removeprefix(b"/")
    if not pattern:
        return None
    if _SPECIAL.search(pattern) is None:
        return _Rule(ignore, folders_only, by_name, pattern, None)
    regex = _translate(pattern)
    if regex is None:
        return None
    return _Rule(ignore, folders_only, by_name, None, re.compile(regex, re.DOTALL))


def _without_trailing_spaces(line: bytes) -> bytes:
    """The line without trailing spaces; one after a backslash stays."""
    end = position = 0
    while position < len(line):
        if line[position] == ord("\\"):
            if position + 1 == len(line):
                return line
            position += 2
            end = position
        else:
            position += 1
            if line[position - 1] != ord(" "):
                end = position
    return line[:end]


def _translate(pattern: bytes) -> bytes | None:
    """A regular expression for a pattern, to be matched whole; None where nothing can match.

    A star followed by another star of the same kind takes the shortest stretch and never gives
    it back (an atomic group): the later star makes up for it, so this loses no match, and a
    hostile pattern such as ``*a*a*a*a*b`` costs no more than any other.
    """
    done: list[bytes] = []  # everything before the last `**/`
    segments: list[bytes] = []  # whole segments since then, each with its slash
    chunks: list[bytes] = [b""]  # the segment being read, cut at its stars
    lead = b""  # the `**/` in front of `segments`
    position = 0
    while position < len(pattern):
        byte = pattern[position : position + 1]
        position += 1
        if byte == b"*":
            stars = 1
            while pattern[position : position + 1] == b"*":
                position, stars = position + 1, stars + 1
            # Git strips a pattern's literal head before it looks at the rest, so stars behind it
            # stand alone although no slash is before them.
            headed = _SPECIAL.search(pattern, 0, position - stars) is None
            alone = stars > 1 and (headed or chunks == [b""])
            rest = pattern[position:]
            if alone and not rest:
                segments.append(chunks[0])
                return b"".join([*done, _stretch(lead, segments, atomic=False), b".*"])
            if alone and rest.startswith((b"/", b"\\/")):
                segments.append(chunks[0])
                done.append(_stretch(lead, segments, atomic=True))
                segments, chunks = [], [b""]
                # Written `**\/`, it stands for at least one folder.
                lead = _FOLDERS + (b"*" if rest.startswith(b"/") else b"+")
                position += 1 if rest.startswith(b"/") else 2
            else:
                chunks.append(b"")
        elif byte == b"/" or (byte == b"\\" and pattern[position : position + 1] == b"/"):
            position += byte == b"\\"
            segments.append(_segment(chunks) + b"/")
            chunks = [b""]
        elif byte == b"\\":
            if position == len(pattern):
                return None
            chunks[-1] += re.escape(pattern[position : position + 1])
            position += 1
        elif byte == b"?":
            chunks[-1] += b"[^/]"
        elif byte == b"[":
            found = _bracket(pattern, position)
            if found is None:
                return None
            expression, position = found
            chunks[-1] += expression
        else:
            chunks[-1] += re.escape(byte)
    segments.append(_segment(chunks))
    return b"".join([*done, _stretch(lead, segments, atomic=False)])


def _stretch(lead: bytes, segments: list[bytes], *, atomic: bool) -> bytes:
    """Segments behind the folders that a `**/` stands for."""
    text = b"".join(segments)
    return b"(?>" + lead + b"?" + text + b")" if atomic and lead else lead + text


def _segment(chunks: list[bytes]) -> bytes:
    """A segment from what stands between its stars."""
    first, *rest = chunks
    if not rest:
        return first
    middle = [b"(?>" + _SEGMENT_STAR + b"?" + chunk + b")" for chunk in rest[:-1] if chunk]
    return b"".join([first, *middle, _SEGMENT_STAR, rest[-1]])


def _bracket(pattern: bytes, position: int) -> tuple[bytes, int] | None:
    """The expression for a ``[…]`` whose inside starts at `position`, and where it ends.

    None where it does not end, or names a class that does not exist: git lets such a pattern
    match nothing.
    """
    members: set[int] = set()
    negated = pattern[position : position + 1] in (b"!", b"^")
    position += negated
    previous = 0
    first = True
    while first or pattern[position : position + 1] != b"]":
        first = False
        if position >= len(pattern):
            return None
        byte = pattern[position]
        following = pattern[position + 1 : position + 2]
        if byte == ord("\\"):
            if not following:
                return None
            position += 1
            byte = pattern[position]
            members.add(byte)
        elif byte == ord("-") and previous and following not in (b"", b"]"):
            position += 1
            if pattern[position] == ord("\\"):
                position += 1
                if position == len(pattern):
                    return None
            members.update(range(previous, pattern[position] + 1))
            byte = 0
        elif byte == ord("[") and following == b":":
            end = pattern.find(b"]", position + 2)
            if end < 0:
                return None
            if end > position + 2 and pattern[end - 1] == ord(":"):
                named = _CLASSES.get(pattern[position + 2 : end - 1])
                if named is None:
                    return None
                members |= named
                position, byte = end, 0
            else:
                members.add(byte)
        else:
            members.add(byte)
        previous = byte
        position += 1
    matched = (set(range(256)) - members if negated else members) - {ord("/")}
    inside = b"".join(b"\\x%02x" % each for each in sorted(matched))
    return (b"[" + inside + b"]" if inside else b"(?!)"), position + 1


def _any_of(patterns: Iterable[re.Pattern[bytes] | None]) -> re.Pattern[bytes] | None:
    sources: Iterator[bytes] = (each.pattern for each in patterns if each is not None)
    joined = b"|".join(b"(?:" + source + b")" for source in sources)
    return re.compile(joined, re.DOTALL) if joined else None
