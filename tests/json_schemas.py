"""The schemas of docs/json.md, by the type of line that each is for."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

DOCUMENT = Path(__file__).parents[1] / "docs" / "json.md"
_SECTION = re.compile(r"^### ", re.M)
_BLOCK = re.compile(r"^```json\n(.*?)^```$", re.M | re.S)


def schemas() -> dict[str, dict[str, Any]]:
    """Each block under its heading."""
    found = {}
    for section in _SECTION.split(DOCUMENT.read_text("utf-8"))[1:]:
        (block,) = _BLOCK.findall(section)
        found[section.split("\n", 1)[0]] = json.loads(block)
    return found


def strict(schema: Any) -> Any:
    """The same, but for the tests: a field that no schema names is an error."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: strict(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict):
        closed.setdefault("additionalProperties", False)
    return closed


_STRICT = {kind: Draft202012Validator(strict(schema)) for kind, schema in schemas().items()}


def complaints(lines: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """What is wrong with lines of `--json`: what docs/json.md does not say of them."""
    for line in lines:
        if line.get("type") not in _STRICT:
            yield f"{line.get('type')} is not documented"
            continue
        for error in _STRICT[line["type"]].iter_errors(line):
            yield f"{line['type']}.{error.json_path}: {error.message}"
