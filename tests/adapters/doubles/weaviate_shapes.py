"""The shapes of Weaviate's REST bodies that the double checks, both ways.

Written down from the fields that Weaviate's published OpenAPI names (openapi-specs/schema.json of
weaviate/weaviate, 1.40), for the requests that are used here; stricter than that in one way, no
other field may appear. Where a copy of the published file lies at hand (`specs.py`), every body is
checked against that as well.
"""

from functools import cache
from typing import Any

from doubles.specs import published
from jsonschema import Draft7Validator

TEXT, NUMBER, WHOLE = {"type": "string"}, {"type": "number"}, {"type": "integer"}
FLAG, ANY = {"type": "boolean"}, {"type": "object"}


def _object(required: str = "", **fields: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": fields,
        "required": required.split(),
        "additionalProperties": False,
    }


def _list(of: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": of}


PROPERTY = _object(
    "name dataType",
    name=TEXT,
    dataType={"type": "array", "items": TEXT, "minItems": 1},
    description=TEXT,
    tokenization={"enum": ["word", "lowercase", "whitespace", "field", "trigram"]},
    indexFilterable=FLAG,
    indexSearchable=FLAG,
    indexRangeFilters=FLAG,
)
CLASS = _object(
    "class",
    **{"class": {"type": "string", "pattern": "^[A-Z][_0-9A-Za-z]*$", "maxLength": 255}},
    description=TEXT,
    properties=_list(PROPERTY),
    vectorizer=TEXT,
    vectorIndexType={"enum": ["hnsw", "flat", "dynamic"]},
    vectorConfig={
        "type": "object",
        "additionalProperties": _object(
            "vectorizer vectorIndexType",
            vectorizer=ANY,
            vectorIndexType={"enum": ["hnsw", "flat", "dynamic"]},
            vectorIndexConfig=ANY,
        ),
    },
    invertedIndexConfig=_object(
        bm25=_object("b k1", b=NUMBER, k1=NUMBER),
        stopwords=_object(preset=TEXT, additions=_list(TEXT), removals=_list(TEXT)),
        cleanupIntervalSeconds=NUMBER,
        indexNullState=FLAG,
        indexPropertyLength=FLAG,
        indexTimestamps=FLAG,
        usingBlockMaxWAND=FLAG,
    ),
    multiTenancyConfig=_object(enabled=FLAG, autoTenantCreation=FLAG, autoTenantActivation=FLAG),
    replicationConfig=_object(factor=WHOLE, deletionStrategy=TEXT),
    shardingConfig=ANY,
)
ALIAS = _object("alias class", **{"alias": TEXT, "class": TEXT})
TARGET = _object("class", **{"class": TEXT})
ERROR = _object("error", error=_list(_object("message", message=TEXT)))
SHARD = _object("name status", name=TEXT, status=TEXT, vectorQueueSize=WHOLE)
META = _object(
    "hostname version modules", hostname=TEXT, version=TEXT, modules=ANY, grpcMaxMessageSize=WHOLE
)

REQUESTS = {
    ("POST", "/schema"): CLASS,
    ("PUT", "/schema/{className}"): CLASS,
    ("POST", "/aliases"): ALIAS,
    ("PUT", "/aliases/{aliasName}"): TARGET,
}
RESPONSES = {
    ("GET", "/meta"): META,
    ("GET", "/schema"): _object("classes", classes=_list(CLASS)),
    ("POST", "/schema"): CLASS,
    ("GET", "/schema/{className}"): CLASS,
    ("PUT", "/schema/{className}"): CLASS,
    ("GET", "/schema/{className}/shards"): _list(SHARD),
    ("GET", "/aliases"): _object("aliases", aliases=_list(ALIAS)),
    ("POST", "/aliases"): ALIAS,
    ("GET", "/aliases/{aliasName}"): ALIAS,
    ("PUT", "/aliases/{aliasName}"): ALIAS,
}


def wrong_request(method: str, path: str, body: Any) -> str | None:
    """What is wrong with the body of a request; `path` is the API's own, with names in braces."""
    return _wrong(REQUESTS.get((method, path)), body) or _wrong(
        _published(method, path, None), body
    )


def wrong_response(method: str, path: str, status: int, body: Any) -> str | None:
    """What is wrong with the body of an answer."""
    ours = RESPONSES.get((method, path)) if status < 300 else ERROR
    return _wrong(ours, body) or _wrong(_published(method, path, status), body)


def _wrong(schema: dict[str, Any] | None, body: Any) -> str | None:
    if schema is None or body is None:
        return None
    for error in Draft7Validator(schema).iter_errors(body):
        return f"{error.json_path}: {error.message}"[:400]
    return None


def _published(method: str, path: str, status: int | None) -> dict[str, Any] | None:
    """The published shape of a request (no status) or of an answer. None where there is none.

    Raises KeyError for a request or a status that the API does not know.
    """
    if (api := _api()) is None:
        return None
    told = api["paths"][path][method.lower()]
    if status is None:
        bodies = [one for one in told.get("parameters", []) if one.get("in") == "body"]
        schema = bodies[0]["schema"] if bodies else None
    else:
        schema = told["responses"][str(status)].get("schema")
    return schema and {**schema, "definitions": api["definitions"]}


@cache
def _api() -> dict[str, Any] | None:
    found: dict[str, Any] | None = published("weaviate_openapi")
    return found
