"""A filter as people write it, read into its tree; what is wrong with it is told with its place."""

import datetime
import re
from collections.abc import Iterator
from dataclasses import dataclass

from vecstream_cli.core.filters import (
    JSON_COLUMNS,
    NUMBER_COLUMNS,
    RELATIONS,
    TEXT_COLUMNS,
    All,
    Compare,
    Date,
    Field,
    Filter,
    Like,
    Missing,
    Not,
    Some,
    Value,
)
from vecstream_cli.errors import UsageError

MAX_CHARS = 10_000
_MAX_DEPTH = 50
_MAX_NUMBER = 1 << 63  # as databases have them

_TOKEN = re.compile(
    r"""(?P<space>\s+)
    |(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    |(?P<date>\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d)?)?(?![\w.:-]))
    |(?P<number>[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?![\w.:-]))
    |(?P<sign><=|>=|!=|<>|==|[=<>(),.\[\]])
    |(?P<word>[^\W\d][\w-]*)""",
    re.VERBOSE | re.DOTALL,
)
_SPELLED = {"==": "=", "<>": "!="}
_KEYWORDS = frozenset(("and", "or", "not", "in", "like", "is", "null", "true", "false"))
_QUOTED, _QUOTE = re.compile(r'(["\\])'), r"\\\1"
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def parsed(text: str) -> Filter:
    """The filter that `text` says. Raises UsageError, with the place, where it is none."""
    if not text.strip():
        raise UsageError("The filter is empty.", hint=_HINT)
    if len(text) > MAX_CHARS:
        raise UsageError(f"The filter is longer than {MAX_CHARS:,} characters.", hint=_HINT)
    return _Reader(text).filter()


_HINT = "Write it as in: author = \"Ann\" and page >= 3 and path like 'guides/%'."


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str  # text, date, number, sign, word; end
    text: str
    at: int

    @property
    def keyword(self) -> str:
        """The sign, or the keyword in lower case; else nothing."""
        if self.kind == "sign":
            return _SPELLED.get(self.text, self.text)
        word = self.text.lower()
        return word if self.kind == "word" and word in _KEYWORDS else ""


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(self._cut())
        self._next = 0

    def filter(self) -> Filter:
        found = self._some(0)
        if self._here.kind != "end":
            what = (
                "this comes after the end" if self._here.text == ")" else 'put "and" or "or" here'
            )
            raise self._wrong(what)
        return found

    def _cut(self) -> Iterator[_Token]:
        at = 0
        while at < len(self._text):
            match = _TOKEN.match(self._text, at)
            if match is None:
                first = self._text[at]
                if first in "\"'":
                    what = "this quote is never closed"
                elif first.isdigit():
                    what = "this is neither a number nor a date; a text stands in quotes"
                else:
                    what = "no filter has this character"
                raise self._wrong(what, at)
            if match.lastgroup != "space":
                yield _Token(match.lastgroup or "", match[0], at)
            at = match.end()
        yield _Token("end", "", len(self._text))

    @property
    def _here(self) -> _Token:
        return self._tokens[self._next]

    def _take(self, *wanted: str) -> str | None:
        """Step over the next token where it is one of these signs or keywords."""
        keyword = self._here.keyword
        if keyword not in wanted:
            return None
        self._next += 1
        return keyword

    def _expect(self, sign: str, why: str) -> None:
        if self._take(sign) is None:
            raise self._wrong(f'"{sign}" {why}')

    def _wrong(self, what: str, at: int | None = None) -> UsageError:
        place = self._here.at if at is None else at
        rest = self._text[place : place + 20].split("\n")[0]
        where = f"at character {place + 1} ({rest})" if rest.strip() else "at its end"
        return UsageError(f"The filter cannot be read {where}: {what}.", hint=_HINT)

    def _some(self, depth: int) -> Filter:
        parts = [self._all(depth)]
        while self._take("or"):
            parts.append(self._all(depth))
        return parts[0] if len(parts) == 1 else Some(tuple(parts))

    def _all(self, depth: int) -> Filter:
        parts = [self._one(depth)]
        while self._take("and"):
            parts.append(self._one(depth))
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _one(self, depth: int) -> Filter:
        if depth > _MAX_DEPTH:
            raise self._wrong("it is nested too deep")
        if self._take("not"):
            return Not(self._one(depth + 1))
        if self._take("("):
            found = self._some(depth + 1)
            self._expect(")", "is missing")
            return found
        return self._condition()

    def _condition(self) -> Filter:
        start = self._here
        field = self._field()
        if self._take("is"):
            negated = self._take("not")
            self._expect("null", 'comes after "is"')
            return Not(Missing(field)) if negated else Missing(field)
        if field.column in JSON_COLUMNS and not field.keys:
            raise self._wrong(f"name a key of it, such as {field.column}.{_KEY_OF[field.column]}",
                              start.at)  # fmt: skip
        negated = self._take("not")
        if self._take("in"):
            found = self._among(field)
        elif self._take("like"):
            found = self._like(field)
        elif negated is None and (relation := self._take(*RELATIONS, "!=")):
            value = self._value(field, relation)
            negated = "!=" if relation == "!=" else None
            found = Compare(field, "=" if negated else relation, value)
        else:
            raise self._wrong(f"{field_text(field)} needs =, !=, <, <=, >, >=, in, like or is")
        return Not(found) if negated else found

    def _among(self, field: Field) -> Filter:
        self._expect("(", 'comes after "in"')
        found: list[Filter] = [Compare(field, "=", self._value(field, "in"))]
        while self._take(","):
            found.append(Compare(field, "=", self._value(field, "in")))
        self._expect(")", "closes the list")
        return found[0] if len(found) == 1 else Some(tuple(found))

    def _like(self, field: Field) -> Filter:
        if field.column in NUMBER_COLUMNS:
            raise self._wrong(f"{field.column} is a number")
        if self._here.kind != "text":
            raise self._wrong('a pattern in quotes comes after "like"')
        # `\` quotes in a pattern as well, so there it stays as it is.
        pattern = self._here.text[1:-1]
        self._next += 1
        return Like(field, pattern)

    def _field(self) -> Field:
        if self._here.keyword or self._here.kind != "word":
            raise self._wrong("the name of a column or of a metadata key is missing")
        names = [self._here.text]
        self._next += 1
        if self._here.text == "(":
            raise self._wrong("there are no functions", self._tokens[self._next - 1].at)
        while sign := self._take(".", "["):
            token = self._here
            if token.kind != ("word" if sign == "." else "text"):
                raise self._wrong(f'a key comes after "{sign}"')
            names.append(token.text if sign == "." else _unquoted(token.text))
            self._next += 1
            if sign == "[":
                self._expect("]", "closes the key")
        first, *keys = names
        if first in JSON_COLUMNS:
            return Field(first, tuple(keys))
        if first == "vector":
            raise self._wrong("vectors are compared by the search itself", self._here.at)
        if not keys and (first in TEXT_COLUMNS or first in NUMBER_COLUMNS):
            return Field(first)
        return Field("metadata", tuple(names))

    def _value(self, field: Field, after: str) -> Value | Date:
        token = self._here
        value = self._literal(token, after)
        kind = _kind(value)
        wanted = {**dict.fromkeys(TEXT_COLUMNS, "text"), **dict.fromkeys(NUMBER_COLUMNS, "number")}
        if (column := wanted.get(field.column, kind)) != kind:
            example = '"…"' if column == "text" else "3"
            raise self._wrong(f"{field.column} is a {column}, as in {example}")
        self._next += 1
        return value

    def _literal(self, token: _Token, after: str) -> Value | Date:
        if token.kind == "text":
            return _unquoted(token.text)
        if token.kind == "date":
            return self._date(token.text)
        if token.kind == "number":
            return self._number(token.text)
        if token.keyword in ("true", "false"):
            return token.keyword == "true"
        if token.keyword == "null":
            raise self._wrong('write "is null" or "is not null"')
        if token.kind == "word":
            raise self._wrong(f'text stands in quotes, as in "{token.text}"')
        raise self._wrong(f'a value comes after "{after}"')

    def _date(self, text: str) -> Date:
        try:
            datetime.datetime.fromisoformat(text)
        except ValueError:
            raise self._wrong("there is no such day or time") from None
        return Date(text)

    def _number(self, text: str) -> int | float:
        number = float(text) if re.search("[.eE]", text) else int(text)
        if abs(number) >= _MAX_NUMBER:
            raise self._wrong("the number is too large")
        return number


_KEY_OF = {"metadata": "author", "position": "sheet"}


def field_text(field: Field) -> str:
    """The field as it is written."""
    return field.column + "".join(
        f".{key}" if re.fullmatch(r"[^\W\d][\w-]*", key) else f'["{_QUOTED.sub(_QUOTE, key)}"]'
        for key in field.keys
    )


def _unquoted(text: str) -> str:
    return _ESCAPED.sub(r"\1", text[1:-1])


def _kind(value: Value | Date) -> str:
    match value:
        case str():
            return "text"
        case bool():
            return "switch"
        case Date():
            return "date"
        case _:
            return "number"
