"""Filters in Milvus's expressions, as far as server 2.3 and Milvus Lite both understand them."""

from collections.abc import Iterable, Sequence

from vecstream_cli.adapters.conditions import Condition, Dialect, whole_number
from vecstream_cli.adapters.milvus.rows import ABSENT_PAGE, LONGEST_TEXT
from vecstream_cli.core.filters import JSON_COLUMNS, Date, Field, Value

ANY, NONE = 'id != ""', 'id == ""'
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"})
_EXACT = 2**53  # whole numbers below it are the same as a double


class MilvusDialect(Dialect[str]):
    """Conditions on columns are exact; what is in JSON is only narrowed down."""

    def compare(self, field: Field, relation: str, value: Value | Date) -> Condition[str]:
        column = field.column
        if column in JSON_COLUMNS:
            return Condition(_in_json(field, relation, value), exact=False)
        if isinstance(value, str):
            if not _sayable(value):
                return Condition(None, exact=False)
            told = f"{column} {_relation(relation)} {literal(value)}"
            return Condition(_present(column, told), exact=True)
        assert isinstance(value, int | float)
        number = whole_number(column, relation, value)
        if isinstance(number, bool):
            return Condition(_present(column, ANY) if number else NONE, exact=True)
        told = f"{column} {_relation(number[0])} {number[1]}"
        return Condition(_present(column, told), exact=True)

    def like(self, field: Field, pattern: str) -> Condition[str]:
        if field.column in JSON_COLUMNS:
            path = _path(field)
            return Condition(path and _or_no_facts(f"exists {path}"), exact=False)
        start = _plain_start(pattern)
        if not _sayable(start):
            return Condition(None, exact=False)
        if start == pattern:
            told = f"{field.column} == {literal(start)}"
        else:
            told = f"{field.column} like {literal(start + '%')}" if start else ANY
        exact = pattern.rstrip("%") == start
        return Condition(_present(field.column, told), exact=exact)

    def missing(self, field: Field) -> Condition[str]:
        if field.column in JSON_COLUMNS:
            return Condition(None, exact=False)
        absent = {"page": f"page == {ABSENT_PAGE}", "heading": "has_heading == false"}
        return Condition(absent.get(field.column, NONE), exact=True)

    def negated(self, condition: str) -> str:
        return f"not ({condition})"

    def all_of(self, conditions: Sequence[str]) -> str:
        return " and ".join(f"({condition})" for condition in conditions)

    def any_of(self, conditions: Sequence[str]) -> str:
        return " or ".join(f"({condition})" for condition in conditions)


def literal(value: str) -> str:
    """A text as an expression has it."""
    return f'"{value.translate(_ESCAPES)}"'


def one_of(column: str, values: Iterable[str]) -> str:
    """The column has one of these values."""
    return f"{column} in [{', '.join(map(literal, values))}]"


def _in_json(field: Field, relation: str, value: Value | Date) -> str | None:
    """What holds for every row that matches: a list matches where one of its values does."""
    path = _path(field)
    if path is None:
        return None
    told = f"exists {path}"
    if isinstance(value, bool) and relation == "=":
        told = f"{path} == {str(value).lower()} or exists {path}[0]"
    elif isinstance(value, str) and _sayable(value) and relation == "=":
        told = f"{path} == {literal(value)} or json_contains({path}, {literal(value)})"
    elif isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _EXACT:
        told = f"{path} {_relation(relation)} {value!r} or exists {path}[0]"
    return _or_no_facts(told)


def _path(field: Field) -> str | None:
    """Where the field stands in `facts`, None where that cannot be said."""
    if not field.keys or not all(key and _sayable(key) for key in field.keys):
        return None
    # A quote or a backslash in a key would have to be escaped as in JSON, but is not understood
    # so; a number would be taken for a place in a list.
    if any(set(key) & set('"\\/~') or key.isdigit() or not key.isprintable() for key in field.keys):
        return None
    return "facts" + "".join(f"[{literal(key)}]" for key in (field.column, *field.keys))


def _or_no_facts(told: str) -> str:
    return f"(has_facts == false) or ({told})"


def _present(column: str, told: str) -> str:
    """The condition, where it must not hold for what is absent."""
    if column == "page":
        return f"(page != {ABSENT_PAGE}) and ({told})"
    if column == "heading":
        return f"(has_heading == true) and ({told})"
    return told


def _relation(relation: str) -> str:
    return "==" if relation == "=" else relation


def _sayable(value: str) -> bool:
    """Whether it may stand in an expression: whole characters, not as long as a text at most."""
    try:
        return len(value.encode()) < LONGEST_TEXT
    except UnicodeEncodeError:
        return False


def _plain_start(pattern: str) -> str:
    """What a pattern begins with before the first character that means more, or might."""
    for at, character in enumerate(pattern):
        if character in "%_\\":
            return pattern[:at]
    return pattern
