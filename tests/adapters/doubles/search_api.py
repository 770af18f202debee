"""What SearchDouble does when it is asked: an operation's name, its path's values, params, body."""

import json
import re
from typing import Any

from doubles.search_index import Index, Stored, lines, picked
from doubles.search_query import Refused

_NAME = re.compile(r"(?![-_+.])[^A-Z\\/*?\"<>| ,#:]+")
Body = dict[str, Any]
Answer = tuple[int, Any]
SHARDS = {"total": 1, "successful": 1, "skipped": 0, "failed": 0}


class Api:
    """The indices of a server, and what may be done with them."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.version = 9
        self.indices: dict[str, Index] = {}
        self.points: dict[str, list[dict[str, Any]]] = {}
        self.busy = 0
        self.refused: dict[str, tuple[str, str]] = {}
        """Ids of documents that no bulk request may index, and why."""
        self.conflicts = 0
        """How many of the next deletions by query meet another that is under way."""
        self.silent_shards = 0
        """How many of the next searches and counts lack the rows of a shard."""
        self.largest: int | None = None
        """Bytes of a bulk request beyond which it is answered with 413."""

    def call(
        self, name: str, values: dict[str, str], params: dict[str, str], body: bytes
    ) -> Answer:
        """Do what an operation says."""
        told: Any = body
        if name != "bulk":
            told = json.loads(body) if body else {}
        answer: Answer = getattr(self, name)(values, params, told)
        return answer

    def create_index(self, values: dict[str, str], params: dict[str, str], body: Body) -> Answer:
        name = values["index"]
        if not _NAME.fullmatch(name) or len(name.encode()) > 255:
            raise Refused(400, "invalid_index_name_exception", f"Invalid index name [{name}]")
        if name in self.indices or self._behind(name):
            raise Refused(
                400, "resource_already_exists_exception", f"index [{name}] already exists"
            )
        aliases = body.get("aliases", {})
        for alias in aliases:
            if alias in self.indices:
                raise Refused(400, "invalid_alias_name_exception", f"[{alias}] is an index")
        self.indices[name] = Index(
            name, body.get("mappings", {}), body.get("settings", {}), aliases
        )
        return 200, {"acknowledged": True, "shards_acknowledged": True, "index": name}

    def get_index(self, values: dict[str, str], params: dict[str, str], body: Body) -> Answer:
        return 200, {
            index.name: {
                "aliases": index.aliases,
                "mappings": index.mappings,
                "settings": index.settings,
            }
            for index in self._all(values["index"])
        }

    def delete_index(self, values: dict[str, str], params: dict[str, str], body: Body) -> Answer:
        name = values["index"]
        if name not in self.indices:
            if self._behind(name):
                raise Refused(400, "illegal_argument_exception", f"[{name}] is an alias")
            raise _missing(name)
        del self.indices[name]
        return 200, {"acknowledged": True}

    def get_alias(self, values: dict[str, str], params: dict[str, str], body: Body) -> Answer:
        return 200, {i.name: {"aliases": i.aliases} for i in self._all(values["index"])}

    def put_mapping(self, values: dict[str, str], params: dict[str, str], body: Body) -> Answer:
        for index in self._all(values["index"]):
            index.mappings = {**index.mappings, **body}
        return 200, {"acknowledged": True}

    def update_aliases(self, values: dict[str, str], params: dict[str, str], body: Body) -> Answer:
        # In one step: what a later action needs is looked at before the first is done.
        for action in body["actions"]:
            ((kind, told),) = action.items()
            if told["index"] not in self.indices:
                raise _missing(told["index"])
            if kind == "remove" and told["alias"] not in self.indices[told["index"]].aliases:
                raise Refused(404, "aliases_not_found_exception", "aliases missing")
        for action in body["actions"]:
            ((kind, told),) = action.items()
            if kind == "remove_index":
                del self.indices[told["index"]]
            elif kind == "add":
                self.indices[told["index"]].aliases[told["alias"]] = {}
            else:
                del self.indices[told["index"]].aliases[told["alias"]]
        return 200, {"acknowledged": True}

    def refresh(self, values: dict[str, str], params: dict[str, str], body: Body) -> Answer:
        for index in self._all(values["index"]):
            index.refresh()
        return 200, {"_shards": SHARDS}

    def bulk(self, values: dict[str, str], params: dict[str, str], body: bytes) -> Answer:
        if self.largest is not None and len(body) > self.largest:
            raise Refused(413, "content_too_long", "the request is larger than allowed")
        told = lines(body)
        items = []
        for action, source in zip(told[::2], told[1::2], strict=True):
            ((kind, at),) = action.items()
            items.append({kind: self._item(values["index"], kind, at["_id"], source, params)})
        errors = any("error" in result for item in items for result in item.values())
        return 200, {"took": 1, "errors": errors, "items": items}

    def _item(
        self, name: str, kind: str, row: str, source: Body, params: dict[str, str]
    ) -> dict[str, Any]:
        try:
            assert kind == "index"
            if params.get("require_alias") == "true" and not self._behind(name):
                raise Refused(404, "index_not_found_exception", f"[{name}] is not an alias")
            if self.busy > 0:
                self.busy -= 1
                raise Refused(429, "es_rejected_execution_exception", "rejected execution")
            if row in self.refused:
                raise Refused(400, *self.refused[row])
            (index,) = self._all(name)
            result, stored = index.put(row, source)
        except Refused as error:
            why = {"type": error.kind, "reason": error.reason}
            return {"_index": name, "_id": row, "status": error.status, "error": why}
        return {
            **_written(index, row, result, stored),
            "status": 200 if result == "updated" else 201,
        }

    def count(self, values: dict[str, str], params: dict[str, str], body: Body) -> Answer:
        found = sum(len(i.queries().found(body["query"])) for i in self._all(values["index"]))
        return 200, {"count": found, "_shards": self._shards()}

    def search(self, values: dict[str, str], params: dict[str, str], body: Body) -> Answer:
        (index,) = self._all(values["index"])
        if body["size"] > 10_000:
            raise Refused(400, "illegal_argument_exception", "Result window is too large")
        if "scroll" not in params:
            found = _answer(self._page(self._ranked(index, body), body))
            return 200, {**found, "_shards": self._shards()}
        name = self._point(self._ranked(index, body), body)
        return 200, {**_answer(self._turned(name)), "_scroll_id": name}

    def search_point(self, values: dict[str, str], params: dict[str, str], body: Body) -> Answer:
        name = body["pit"]["id"]
        if name not in self.points:
            raise Refused(404, "search_context_missing_exception", "No search context found")
        (index,) = self.points[name]
        return 200, {**_answer(self._page(self._ranked(index, body), body)), "pit_id": name}

    def scroll(self, values: dict[str, str], params: dict[str, str], body: Body) -> Answer:
        name = body["scroll_id"]
        if name not in self.points:
            raise Refused(404, "search_context_missing_exception", "No search context found")
        return 200, {**_answer(self._turned(name)), "_scroll_id": name}

    def open_point(self, values: dict[str, str], params: dict[str, str], body: Body) -> Answer:
        (index,) = self._all(values["index"])
        still = Index(index.name, index.mappings, index.settings, {}, {}, dict(index.seen))
        return 200, {"id": self._point([still], {}), "_shards": SHARDS}

    def close_point(self, values: dict[str, str], params: dict[str, str], body: Body) -> Answer:
        names = body.get("id") or body["scroll_id"]
        freed = 0
        for name in [names] if isinstance(names, str) else names:
            freed += self.points.pop(name, None) is not None
        return 200, {"succeeded": True, "num_freed": freed}

    def delete_by_query(self, values: dict[str, str], params: dict[str, str], body: Body) -> Answer:
        deleted = 0
        conflicts, self.conflicts = min(1, self.conflicts), max(0, self.conflicts - 1)
        for index in self._all(values["index"]):
            for row in index.queries().found(body["query"]):
                deleted += index.delete(row) is not None
            if params.get("refresh") == "true":
                index.refresh()
        return 200, {
            "took": 1,
            "timed_out": False,
            "total": deleted,
            "deleted": deleted,
            "batches": 1,
            "version_conflicts": conflicts,
            "noops": 0,
            "retries": {"bulk": 0, "search": 0},
            "throttled_millis": 0,
            "requests_per_second": -1.0,
            "throttled_until_millis": 0,
            "failures": [],
        }

    def get_document(self, values: dict[str, str], params: dict[str, str], body: Body) -> Answer:
        (index,) = self._all(values["index"])
        row = values["id"]
        stored = index.documents.get(row)
        if stored is None:
            return 404, {"_index": index.name, "_id": row, "found": False}
        return 200, {
            "_index": index.name,
            "_id": row,
            "_version": stored.version,
            "found": True,
            "_seq_no": stored.number,
            "_primary_term": 1,
            "_source": stored.source,
        }

    def create_document(self, values: dict[str, str], params: dict[str, str], body: Body) -> Answer:
        index = self.indices.get(values["index"])
        assert index is not None  # else it would be made, with mappings by guess
        _, stored = index.put(values["id"], body, create=True)
        return 201, _written(index, values["id"], "created", stored)

    def put_document(self, values: dict[str, str], params: dict[str, str], body: Body) -> Answer:
        index = self._unchanged(values, params)
        result, stored = index.put(values["id"], body)
        return 200, _written(index, values["id"], result, stored)

    def delete_document(self, values: dict[str, str], params: dict[str, str], body: Body) -> Answer:
        index = self._unchanged(values, params)
        gone = index.delete(values["id"])
        assert gone is not None
        return 200, _written(index, values["id"], "deleted", Stored({}, index.number))

    def _unchanged(self, values: dict[str, str], params: dict[str, str]) -> Index:
        (index,) = self._all(values["index"])
        stored = index.documents.get(values["id"])
        if stored is None or (params["if_seq_no"], params["if_primary_term"]) != (
            str(stored.number),
            "1",
        ):
            raise Refused(409, "version_conflict_engine_exception", "version conflict")
        return index

    def _shards(self) -> dict[str, Any]:
        if self.silent_shards == 0:
            return SHARDS
        self.silent_shards -= 1
        reason = {"type": "no_shard_available_action_exception", "reason": "no shard available"}
        failure = {"shard": 0, "index": "documents", "reason": reason}
        return {**SHARDS, "total": 2, "failed": 1, "failures": [failure]}

    def _behind(self, alias: str) -> list[Index]:
        return [index for index in self.indices.values() if alias in index.aliases]

    def _all(self, name: str) -> list[Index]:
        found = [self.indices[name]] if name in self.indices else self._behind(name)
        if not found:
            raise _missing(name)
        return found

    def _point(self, what: list[Any], body: Body) -> str:
        name = f"point-{len(self.points)}-{id(what)}"
        self.points[name] = what
        self._size = {**getattr(self, "_size", {}), name: body.get("size")}
        return name

    def _turned(self, name: str) -> list[dict[str, Any]]:
        hits, size = self.points[name], self._size[name]
        page, self.points[name] = hits[:size], hits[size:]
        return page

    def _page(self, hits: list[dict[str, Any]], body: Body) -> list[dict[str, Any]]:
        if "search_after" in body:
            at = next(n for n, hit in enumerate(hits) if hit["sort"] == body["search_after"])
            hits = hits[at + 1 :]
        return hits[: body["size"]]

    def _ranked(self, index: Index, body: Body) -> list[dict[str, Any]]:
        """Every hit, in its order."""
        queries = index.queries()
        found = queries.found(body.get("query", {"match_all": {}}))
        order = body.get("sort")
        named = order and isinstance(order[0], dict) and "_score" in order[0]
        names = list(found)
        if order is None or named:
            names.sort(key=lambda name: (-found[name], index.seen[name].get("id", "")))
        hits = []
        for place, name in enumerate(names):
            hit: dict[str, Any] = {"_index": index.name, "_id": name}
            hit["_score"] = found[name] if order is None or named else None
            source = picked(index.seen[name], body.get("_source"))
            if source is not None:
                if self.kind == "elasticsearch":
                    source.pop("vector", None)  # as 9.2 does
                hit["_source"] = source
            if "fields" in body:
                asked = [each["field"] for each in body["fields"]]
                hit["fields"] = {field: index.seen[name][field] for field in asked}
            if order is not None:
                hit["sort"] = [found[name], name] if named else [place]
            hits.append(hit)
        return hits


def _answer(hits: list[dict[str, Any]]) -> dict[str, Any]:
    best = max((hit["_score"] or 0.0 for hit in hits), default=None)
    return {
        "took": 1,
        "timed_out": False,
        "_shards": SHARDS,
        "hits": {"max_score": best, "hits": hits},
    }


def _written(index: Index, row: str, result: str, stored: Stored) -> dict[str, Any]:
    return {
        "_index": index.name,
        "_id": row,
        "_version": stored.version,
        "result": result,
        "_shards": {"total": 2, "successful": 1, "failed": 0},
        "_seq_no": stored.number,
        "_primary_term": 1,
    }


def _missing(name: str) -> Refused:
    return Refused(404, "index_not_found_exception", f"no such index [{name}]")
