"""Trims the vendors' API descriptions to what SearchDouble checks: run by hand, for a newer copy.

    export API_SPECS=FOLDER
    python trim_search_schema.py elasticsearch SPEC/elasticsearch-serverless-openapi.json COMMIT
    python trim_search_schema.py opensearch SPEC/spec COMMIT

SPEC is output/openapi of elastic/elasticsearch-specification (the description of the serverless
edition, the one that is small enough to take), or opensearch-project/opensearch-api-specification.
Both are licensed under the Apache License 2.0. Texts and whatever is not asked for are left out,
and a value may match several of a choice, where the descriptions' choices overlap.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import yaml
from doubles.search_schema import OPERATIONS
from doubles.specs import FOLDER

ORIGINS = {
    "elasticsearch": "https://github.com/elastic/elasticsearch-specification",
    "opensearch": "https://github.com/opensearch-project/opensearch-api-specification",
}
QUERIES = "bool exists knn match match_all match_none prefix range script_score term terms wildcard"
# Of what has many properties, those that are asked for; nothing else is then admitted.
KEPT = {
    "QueryContainer": QUERIES,
    "SearchBody": "_source fields pit query search_after size sort track_total_hits",
    "SearchRequestBody": ("_source fields pit query search_after size sort track_total_hits"),
    "KnnQuery": "field query_vector num_candidates filter vector k",
    "IndexSettings": "index number_of_shards number_of_replicas refresh_interval hidden knn",
    "TypeMapping": "_meta dynamic properties",
    "ResponseBody": "took timed_out _shards hits pit_id _scroll_id",
    "SearchResult": "took timed_out _shards hits pit_id _scroll_id",
    "Hit": "_index _id _score _source fields sort",
    "ErrorCause": "type reason root_cause caused_by",
}
LEFT_OUT = {"description", "externalDocs", "example", "examples", "title", "default", "format"}
PROPERTIES = {"dense_vector", "integer", "keyword", "knn_vector", "long", "object", "text"}


class Trimmer:
    """Collects the definitions that the operations reach."""

    def __init__(self, documents: dict[str, Any]) -> None:
        self.documents = documents
        self.definitions: dict[str, Any] = {}

    def at(self, where: str, ref: str) -> tuple[str, Any]:
        """What a reference leads to, and the file that it is in."""
        file, _, pointer = ref.partition("#")
        where = Path(file).name if file else where
        found = self.documents[where]
        for key in pointer.strip("/").split("/"):
            found = found[key.replace("~1", "/").replace("~0", "~")]
        return where, found

    def reached(self, where: str, schema: Any) -> Any:
        """A schema without texts, its references led to `definitions`."""
        if isinstance(schema, list):
            return [self.reached(where, each) for each in schema]
        if not isinstance(schema, dict):
            return schema
        if "$ref" in schema:
            file, _, pointer = schema["$ref"].partition("#")
            there = Path(file).name if file else where
            short = pointer.rsplit("/", 1)[1]
            name = short if there.endswith(".json") else f"{Path(there).stem}.{short}"
            if name not in self.definitions:
                self.definitions[name] = {}
                there, found = self.at(where, schema["$ref"])
                self.definitions[name] = self.reached(there, self.kept(name, found))
            return {"$ref": f"#/definitions/{name}"}
        if schema.get("type") == "object" and schema.keys() <= {"type", *LEFT_OUT}:
            return {}  # what they say where any JSON is meant
        found = {}
        for key, value in schema.items():
            if key == "properties":
                found[key] = {name: self.reached(where, each) for name, each in value.items()}
            elif key == "oneOf":
                found["anyOf"] = self.reached(where, value)
            elif key not in LEFT_OUT and not key.startswith("x-") and key != "discriminator":
                found[key] = self.reached(where, value)
        if found.pop("nullable", False):
            return {"anyOf": [found, {"type": "null"}]}
        return found

    def kept(self, name: str, schema: Any) -> Any:
        """A large definition with what is asked for alone."""
        short = name.rsplit(".", 1)[-1]
        if name.endswith("mapping.Property"):
            choices = schema.get("oneOf", schema.get("anyOf", []))
            wanted = [c for c in choices if self._kind(c) in PROPERTIES]
            return {"anyOf": wanted}
        if short not in KEPT or "properties" not in schema:
            return schema
        names = KEPT[short].split()
        properties = {n: s for n, s in schema["properties"].items() if n in names}
        return {**schema, "properties": properties, "additionalProperties": False}

    def _kind(self, choice: Any) -> str | None:
        for where in self.documents:
            try:
                _, found = self.at(where, choice["$ref"])
            except KeyError:
                continue
            parts = found.get("allOf", [found])
            for part in parts:
                kind = part.get("properties", {}).get("type", {})
                told = kind.get("enum", [kind.get("const")])
                if told[0]:
                    return str(told[0])
        return None


def main(kind: str, source: Path, commit: str) -> None:
    """Write the trimmed copy beside this file."""
    if source.is_file():
        documents = {source.name: json.loads(source.read_text())}
    else:
        files = [*source.glob("namespaces/*.yaml"), *source.glob("schemas/*.yaml")]
        documents = {file.name: yaml.safe_load(file.read_text()) for file in files}
    trimmer = Trimmer(documents)
    operations = {}
    for route in OPERATIONS:
        if kind == "elasticsearch" and "scroll" in route:
            continue
        method, path = route.split(" ")
        for where, document in documents.items():
            told = document.get("paths", {}).get(path, {}).get(method.lower())
            if told is not None:
                operations[route] = _operation(trimmer, where, told, route)
    trimmed = {
        "origin": ORIGINS[kind],
        "commit": commit,
        "file": source.name,
        "licence": "Apache-2.0",
        "changes": "Trimmed by trim_search_schema.py: operations, properties and texts left out.",
        "operations": operations,
        "definitions": trimmer.definitions,
    }
    target = Path(os.environ[FOLDER]) / f"{kind}_api.json"
    target.write_text(json.dumps(trimmed, sort_keys=True) + "\n")
    sizes = {n: len(json.dumps(d)) for n, d in trimmer.definitions.items()}
    print(len(operations), len(sizes), target.stat().st_size)
    print(sorted(sizes.items(), key=lambda pair: -pair[1])[:25])


def _operation(trimmer: Trimmer, where: str, told: Any, route: str) -> Any:
    def resolved(found: Any) -> tuple[str, Any]:
        return trimmer.at(where, found["$ref"]) if "$ref" in found else (where, found)

    params = [resolved(each)[1] for each in told.get("parameters", [])]
    answers = {}
    for status, found in told["responses"].items():
        there, response = resolved(found)
        answers[status] = _content(trimmer, there, response, None)
    body = None
    if "requestBody" in told:
        there, found = resolved(told["requestBody"])
        body = _content(trimmer, there, found, "SearchBody" if route.endswith("_search") else None)
    names = sorted(each["name"] for each in params if each["in"] == "query")
    return {"params": names, "body": body, "answers": answers}


def _content(trimmer: Trimmer, where: str, found: Any, name: str | None) -> Any:
    for told in found.get("content", {}).values():
        schema = told.get("schema", {})
        if name is not None:
            while "$ref" in schema:
                where, schema = trimmer.at(where, schema["$ref"])
            schema = trimmer.kept(name, schema)
        return trimmer.reached(where, schema)
    return {}


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
