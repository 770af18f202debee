"""Requests and answers held against a vendor's OpenAPI 3.0 document."""

import re
from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator

# Of a long list only some elements are looked at: all of a thousand points would take seconds.
_LOOKED_AT = 8


class Contract:
    """A vendor's document. What it does not know, or does not admit, is an AssertionError.

    None: nobody has the document, and nothing is checked.
    """

    def __init__(self, document: Any) -> None:
        self._known = document is not None
        whole = _nulls(document or {"components": {}, "paths": {}})
        self._schemas = {"components": whole["components"]}
        self._paths = {
            re.compile(re.sub(r"{\w+}", "[^/]+", path)): operations
            for path, operations in whole["paths"].items()
        }
        self._validators: dict[int, Draft202012Validator] = {}

    def check_request(self, method: str, path: str, query: Mapping[str, str], body: Any) -> None:
        """The path, the names in its query, and the body."""
        if not self._known:
            return
        operation = self._operation(method, path)
        known = {each["name"] for each in operation.get("parameters", []) if each["in"] == "query"}
        assert set(query) <= known, f"{method} {path} takes no {set(query) - known}"
        content = operation.get("requestBody", {}).get("content", {})
        if not content:
            assert body is None, f"{method} {path} takes no body"
            return
        schema = content["application/json"]["schema"]
        unknown = set(body) - self._properties(schema)
        assert not unknown, f"the body of {method} {path} has no {unknown}"
        self._check(schema, body, f"request {method} {path}")

    def check_answer(self, method: str, path: str, status: int, body: Any) -> None:
        """The body of the answer with this status."""
        if not self._known:
            return
        answers = self._operation(method, path)["responses"]
        answer = answers.get(str(status)) or answers.get(f"{status // 100}XX", answers["default"])
        self._check(answer["content"]["application/json"]["schema"], body, f"{method} {path}")

    def _operation(self, method: str, path: str) -> Any:
        for pattern, operations in self._paths.items():
            if pattern.fullmatch(path) and method.lower() in operations:
                return operations[method.lower()]
        raise AssertionError(f"the document has no {method} {path}")

    def _check(self, schema: Any, body: Any, told: str) -> None:
        validator = self._validators.get(id(schema))
        if validator is None:
            validator = Draft202012Validator({**schema, **self._schemas})
            self._validators[id(schema)] = validator
        error = next(validator.iter_errors(_shortened(body)), None)
        assert error is None, f"{told}: {error.message[:300]} at {list(error.absolute_path)}"

    def _properties(self, schema: Any) -> set[str]:
        if "$ref" in schema:
            return self._properties(self._schemas["components"]["schemas"][schema["$ref"][21:]])
        found = set(schema.get("properties", ()))
        return found.union(*(self._properties(each) for each in schema.get("anyOf", ())))


def _nulls(schema: Any) -> Any:
    """OpenAPI 3.0's ``nullable`` in the words of JSON Schema; references as they are here."""
    if isinstance(schema, list):
        return [_nulls(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: _nulls(value) for key, value in schema.items() if key != "nullable"}
    if isinstance(found.get("required"), bool):
        del found["required"]  # a slip of some documents: it stands on a property
    if schema.get("nullable") is not True:
        return found
    if not found:
        return {"type": "null"}
    if isinstance(found.get("type"), str):
        if "enum" in found:
            found["enum"] = [*found["enum"], None]
        return {**found, "type": [found["type"], "null"]}
    return {"anyOf": [found, {"type": "null"}]}


def _shortened(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _shortened(each) for key, each in value.items()}
    if isinstance(value, list):
        kept = value if len(value) <= _LOOKED_AT else [*value[: _LOOKED_AT - 1], value[-1]]
        return [_shortened(each) for each in kept]
    return value
