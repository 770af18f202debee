"""A filter in the query language that Elasticsearch and OpenSearch share.

Everything but a pattern with something before its end, and a text of a chunk, is exact.
"""

import math
import re
from collections.abc import Sequence
from typing import Any

from vecstream_cli.adapters.conditions import Condition, Dialect, whole_number
from vecstream_cli.adapters.search_engine.facts import VALUE_MOST, ordered, path, plain
from vecstream_cli.adapters.search_engine.rows import CUT, FACTS, KEY_MOST
from vecstream_cli.adapters.search_engine.server import Query
from vecstream_cli.core.filters import (
    JSON_COLUMNS,
    NUMBER_COLUMNS,
    Date,
    Field,
    Value,
)

NONE: Query = {"match_none": {}}
_UNKNOWN: Condition[Query] = Condition(None, exact=False)
_NEVER = Condition(NONE, exact=True)
_OPTIONAL = ("page", "heading")
# Beyond them a term's order is not the text's: half a surrogate pair is stored as U+FFFD.
_BEFORE_SURROGATES = re.compile("[^\ud800-\uffff]*")
_BOUNDS = {"<": "lt", "<=": "lte", ">": "gt", ">=": "gte"}
_WHOLE_DOUBLES = 2**53
# An automaton of more is refused by Lucene, or slow.
_PATTERN_MOST = 100
_WILDCARDS_MOST = 8


class SearchEngineDialect(Dialect[Query]):
    """The query DSL."""

    def compare(self, field: Field, relation: str, value: Value | Date) -> Condition[Query]:
        column = field.column
        if column in JSON_COLUMNS:
            return _fact(field, relation, value) if field.keys else _UNKNOWN
        if column in NUMBER_COLUMNS:
            if isinstance(value, bool | str | Date):
                return _NEVER
            told = whole_number(column, relation, value)
            if told is False:
                return _NEVER
            if told is True:
                return Condition(_present(column), exact=True)
            relation, number = told
            if relation == "=":
                return Condition(term(column, number), exact=True)
            return Condition({"range": {column: {_BOUNDS[relation]: number}}}, exact=True)
        if isinstance(value, Date):
            return _UNKNOWN
        if not isinstance(value, str):
            return _NEVER
        if column == "text":
            return _UNKNOWN
        return _ranged(column, "", None, relation, value, KEY_MOST)

    def like(self, field: Field, pattern: str) -> Condition[Query]:
        column = field.column
        if column in JSON_COLUMNS:
            if not field.keys:
                return _UNKNOWN
            name = path(column, field.keys)
            cut = term(FACTS, f"{name}:c")
            return _like(FACTS, f"{name}:s:", cut, pattern, VALUE_MOST)
        if column in NUMBER_COLUMNS:
            return _NEVER
        if column == "text":
            return _UNKNOWN
        return _like(column, "", term(CUT, column), pattern, KEY_MOST)

    def missing(self, field: Field) -> Condition[Query]:
        if field.column in JSON_COLUMNS:
            there = term(FACTS, f"{path(field.column, field.keys)}:e")
            return Condition(self.negated(there), exact=True)
        if field.column in _OPTIONAL:
            return Condition(self.negated({"exists": {"field": field.column}}), exact=True)
        return _NEVER

    def negated(self, condition: Query) -> Query:
        return {"bool": {"must_not": [condition]}}

    def all_of(self, conditions: Sequence[Query]) -> Query:
        return {"bool": {"filter": list(conditions)}}

    def any_of(self, conditions: Sequence[Query]) -> Query:
        # A long list of values is one query, where as many of them would be too many clauses.
        values: dict[str, list[Any]] = {}
        others = []
        for condition in conditions:
            if "term" in condition:
                ((name, wanted),) = condition["term"].items()
                values.setdefault(name, []).append(wanted["value"])
            else:
                others.append(condition)
        others += [{"terms": {name: some}} for name, some in values.items()]
        if len(others) == 1:
            return others[0]
        return {"bool": {"should": others, "minimum_should_match": 1}}


def term(field: str, value: str | int) -> Query:
    """The field has this value, or it among others."""
    return {"term": {field: {"value": value}}}


def _prefix(field: str, text: str) -> Query:
    return {"prefix": {field: {"value": text}}}


def _present(column: str) -> Query:
    return {"exists": {"field": column}}


def _fact(field: Field, relation: str, value: Value | Date) -> Condition[Query]:
    name = path(field.column, field.keys)
    match value:
        case Date(text):
            return _dated(name, relation, text)
        case bool():
            return _ranged(
                FACTS, f"{name}:b:", f"{name}:b;", relation, str(value).lower(), VALUE_MOST
            )
        case str():
            return _ranged(FACTS, f"{name}:s:", f"{name}:s;", relation, value, VALUE_MOST)
        case _:
            if math.isnan(value):
                return _NEVER
            exact = abs(value) < _WHOLE_DOUBLES
            if not exact:  # others are rounded to the same double
                relation = {"<": "<=", ">": ">="}.get(relation, relation)
            told = _ranged(FACTS, f"{name}:n:", f"{name}:n;", relation, ordered(value), VALUE_MOST)
            return Condition(told.native, exact=exact)


def _ranged(
    field: str, before: str, after: str | None, relation: str, value: str, most: int
) -> Condition[Query]:
    """Terms that begin with `before`, and so stand before `after`, compared with a text."""
    exact = len(value) < most
    value = value[:most]
    if relation == "=":
        exact = exact and "\ufffd" not in plain(value)
        return Condition(term(field, before + plain(value)), exact=exact)
    if not _BEFORE_SURROGATES.fullmatch(value):
        return _UNKNOWN
    if not exact:  # longer ones may begin with the same
        relation = relation if relation.endswith("=") else f"{relation}="
    bounds = {_BOUNDS[relation]: before + value}
    if relation.startswith("<"):
        bounds.setdefault("gte", before)
    elif after is not None:
        bounds.setdefault("lt", after)
    return Condition({"range": {field: bounds}}, exact=exact)


def _dated(name: str, relation: str, text: str) -> Condition[Query]:
    """A date stands for all the moments that begin with it."""
    before, after = f"{name}:d:", f"{name}:d;"
    within = _prefix(FACTS, before + text)
    earlier = {"range": {FACTS: {"gte": before, "lt": before + text}}}
    not_earlier = {"range": {FACTS: {"gte": before + text, "lt": after}}}
    # Next after all that begin with the text, whose last character is a digit.
    later = {"range": {FACTS: {"gte": before + text[:-1] + chr(ord(text[-1]) + 1), "lt": after}}}
    either = {"bool": {"should": [earlier, within], "minimum_should_match": 1}}
    told = {"=": within, "<": earlier, "<=": either, ">": later, ">=": not_earlier}
    return Condition(told[relation], exact=True)


def _like(field: str, before: str, cut: Query, pattern: str, most: int) -> Condition[Query]:
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    signs = [part for part in parts if part in ("%", "_")]
    literal = ""
    for part in parts:
        if part in ("%", "_"):
            break
        literal += part[1:] if len(part) == 2 else part
    if "\ufffd" in plain(literal):
        return _UNKNOWN
    if not signs:
        return _ranged(field, before, None, "=", literal, most)
    if signs == ["%"] and parts[-1] == "%":
        exact = len(literal) < most
        return Condition(_prefix(field, before + literal[:most]), exact=exact)
    narrowed = _prefix(field, before + literal[:most])
    if len(pattern) > _PATTERN_MOST or len(signs) > _WILDCARDS_MOST or "\ufffd" in plain(pattern):
        return Condition(narrowed, exact=False)
    text = "".join(
        {"%": "*", "_": "?"}.get(part) or _quoted(part[1:] if len(part) == 2 else part)
        for part in parts
    )
    asked = {"wildcard": {field: {"value": _quoted(before) + text}}}
    # What is cut may have the rest of the pattern further on.
    either = {"bool": {"should": [asked, cut], "minimum_should_match": 1}}
    return Condition(either, exact=False)


def _quoted(text: str) -> str:
    return re.sub(r"([*?\\])", r"\\\1", text)
