"""The vendors' API descriptions, which SearchDouble holds requests and answers against.

Only where copies of them lie at hand (`specs.py`), trimmed by `trim_search_schema.py`.
"""

import json
import re
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import unquote

from doubles.specs import published
from jsonschema import Draft202012Validator

# The names that SearchDouble has for them.
OPERATIONS = {
    "PUT /{index}": "create_index",
    "GET /{index}": "get_index",
    "DELETE /{index}": "delete_index",
    "GET /{index}/_alias": "get_alias",
    "PUT /{index}/_mapping": "put_mapping",
    "POST /_aliases": "update_aliases",
    "POST /{index}/_refresh": "refresh",
    "POST /{index}/_bulk": "bulk",
    "POST /{index}/_count": "count",
    "POST /{index}/_search": "search",
    "POST /_search": "search_point",
    "POST /{index}/_pit": "open_point",
    "DELETE /_pit": "close_point",
    "POST /_search/scroll": "scroll",
    "DELETE /_search/scroll": "close_point",
    "POST /{index}/_delete_by_query": "delete_by_query",
    "GET /{index}/_doc/{id}": "get_document",
    "PUT /{index}/_doc/{id}": "put_document",
    "DELETE /{index}/_doc/{id}": "delete_document",
    "PUT /{index}/_create/{id}": "create_document",
}
COMMON = frozenset(("filter_path", "pretty", "human", "error_trace"))


@dataclass(frozen=True)
class Operation:
    """An operation of the API and the values in its path."""

    route: str
    name: str
    values: dict[str, str]


class Schema:
    """The operations that one vendor's description has."""

    def __init__(self, kind: str) -> None:
        told = published(f"{kind}_api")
        self._operations = told and told["operations"]
        self._definitions = told and told["definitions"]
        self._routes = sorted(self._operations or OPERATIONS, key=lambda route: route.count("{"))

    def operation(self, method: str, path: str) -> Operation:
        """The operation that a request asks for; AssertionError where the API has none."""
        for route in self._routes:
            kind, pattern = route.split(" ")
            expression = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/_][^/]*)", pattern)
            found = re.fullmatch(expression, path)
            if kind == method and found:
                values = {name: unquote(value) for name, value in found.groupdict().items()}
                return Operation(route, OPERATIONS[route], values)
        raise AssertionError(f"the API has no {method} {path}")

    def check_request(self, operation: Operation, params: dict[str, str], body: bytes) -> None:
        """AssertionError where it is not as the API describes it."""
        if self._operations is None:
            return
        told = self._operations[operation.route]
        unknown = params.keys() - told["params"] - COMMON
        assert not unknown, f"unknown parameters {unknown}"
        if operation.name == "bulk":
            # Of documents the API says nothing; lines of actions are all alike.
            self._check(operation, "body", [json.loads(body[: body.index(b"\n")])])
        elif body:
            assert told["body"] is not None, "there is no body"
            self._check(operation, "body", json.loads(body))

    def check_answer(self, operation: Operation, status: int, answer: Any) -> None:
        """AssertionError where the double answers what the API does not describe."""
        if self._operations is None:
            return
        if operation.name == "bulk":
            answer = {**answer, "items": answer["items"][:3]}
        elif "hits" in answer:
            answer = {**answer, "hits": {**answer["hits"], "hits": answer["hits"]["hits"][:3]}}
        answers = self._operations[operation.route]["answers"]
        self._check(operation, str(status) if str(status) in answers else "200", answer)

    def _check(self, operation: Operation, part: str, value: Any) -> None:
        error = next(iter(self._validator(operation.route, part).iter_errors(value)), None)
        if error is not None:
            raise AssertionError(f"{error.json_path}: {error.message[:300]}")

    @cache  # noqa: B019 - one lives as long as the tests
    def _validator(self, route: str, part: str) -> Draft202012Validator:
        told = self._operations[route]
        schema = told["body"] if part == "body" else told["answers"][part]
        return Draft202012Validator({**schema, "definitions": self._definitions})
