"""An index of SearchDouble: documents with sequence numbers, which a refresh lets searches see."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from doubles.search_query import Queries, Refused

TERM_MOST = 32_766


@dataclass
class Stored:
    """A document as it is now."""

    source: dict[str, Any]
    number: int
    version: int = 1


@dataclass
class Index:
    """One index; `seen` is what searches find."""

    name: str
    mappings: dict[str, Any]
    settings: dict[str, Any]
    aliases: dict[str, Any]
    documents: dict[str, Stored] = field(default_factory=dict)
    seen: dict[str, dict[str, Any]] = field(default_factory=dict)
    number: int = -1
    changed: bool = False

    def refresh(self) -> None:
        """Let searches see what there is."""
        if self.changed:
            self.seen = {name: stored.source for name, stored in self.documents.items()}
            self.changed = False

    def put(self, name: str, source: dict[str, Any], *, create: bool = False) -> tuple[str, Stored]:
        """Replace a document whole, or make it."""
        old = self.documents.get(name)
        if create and old is not None:
            raise Refused(
                409, "version_conflict_engine_exception", f"[{name}]: document already exists"
            )
        if len(name.encode()) > 512:
            raise Refused(400, "illegal_argument_exception", "id is too long")
        for key, value in source.items():
            self._check(key, value)
        self.number += 1
        self.documents[name] = Stored(source, self.number, old.version + 1 if old else 1)
        self.changed = True
        return "updated" if old else "created", self.documents[name]

    def delete(self, name: str) -> Stored | None:
        """Take a document away."""
        gone = self.documents.pop(name, None)
        if gone is not None:
            self.number += 1
            self.changed = True
        return gone

    def queries(self) -> Queries:
        """What answers searches, as of the last refresh."""
        return Queries(self.mappings.get("properties", {}), self.seen)

    def _check(self, key: str, value: Any) -> None:
        kind = self.mappings.get("properties", {}).get(key)
        if kind is None:
            if self.mappings.get("dynamic") == "strict":
                raise Refused(
                    400,
                    "strict_dynamic_mapping_exception",
                    f"mapping set to strict, dynamic introduction of [{key}] is not allowed",
                )
            return
        told = kind["type"]
        values = value if isinstance(value, list) else [value]
        if told == "keyword" and kind.get("index", True):
            for each in values:
                if not isinstance(each, str) or len(each.encode()) > TERM_MOST:
                    raise _unparsed(key, told, "immense term")
        elif told in ("dense_vector", "knn_vector"):
            dimension = kind.get("dims", kind.get("dimension"))
            if len(value) != dimension:
                raise _unparsed(key, told, f"has different dimensions than [{dimension}]")
            if not all(math.isfinite(number) for number in value):
                raise _unparsed(key, told, "non-finite value")
            if not any(value):
                raise _unparsed(key, told, "zero magnitude")
        elif told in ("integer", "long"):
            most = 2**31 if told == "integer" else 2**63
            if not all(type(each) is int and -most <= each < most for each in values):
                raise _unparsed(key, told, "out of range")
        elif told == "text" and not isinstance(value, str):
            raise _unparsed(key, told, "no text")


def _unparsed(key: str, kind: str, why: str) -> Refused:
    return Refused(
        400, "document_parsing_exception", f"failed to parse field [{key}] of type [{kind}]: {why}"
    )


def lines(body: bytes) -> list[dict[str, Any]]:
    """The objects of a body of lines."""
    if not body.endswith(b"\n"):
        raise Refused(
            400,
            "illegal_argument_exception",
            "The bulk request must be terminated by a newline [\\n]",
        )
    return [orjson.loads(line) for line in body.splitlines()]


def picked(source: Mapping[str, Any], wanted: Any) -> dict[str, Any] | None:
    """What `_source` of a search asks for."""
    if wanted is False:
        return None
    if wanted is None or wanted is True:
        return dict(source)
    return {name: source[name] for name in wanted["includes"] if name in source}
