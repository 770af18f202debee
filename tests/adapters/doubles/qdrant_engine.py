"""A collection of the QdrantDouble: Qdrant's own engine, and the configuration that a server has.

`qdrant_edge` is the shard of the server (the crates segment and shard) as a Python package by its
makers, so what points, filters and scores do here is not ours to imitate.
"""

import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import qdrant_edge as edge

_DEFAULTS = {
    "hnsw_config": {
        "m": 16, "ef_construct": 100, "full_scan_threshold": 10000, "max_indexing_threads": 0,
        "on_disk": False,
    },
    "optimizer_config": {
        "deleted_threshold": 0.2, "vacuum_min_vector_number": 1000, "default_segment_number": 0,
        "max_segment_size": None, "memmap_threshold": None, "indexing_threshold": 10000,
        "flush_interval_sec": 5, "max_optimization_threads": None,
    },
    "wal_config": {"wal_capacity_mb": 32, "wal_segments_ahead": 0, "wal_retain_closed": 1},
    "quantization_config": None,
}  # fmt: skip


class BadRequest(Exception):
    """What the server answers with 400."""


class EngineCollection:
    """One shard, with what a server tells of the collection."""

    def __init__(self, asked: dict[str, Any], *, keeps_metadata: bool) -> None:
        vectors = asked.get("vectors") or {}
        self.config: dict[str, Any] = {
            "params": {
                "vectors": vectors, "shard_number": 1, "replication_factor": 1,
                "write_consistency_factor": 1, "on_disk_payload": True,
            },
            **{name: dict(value) if value else value for name, value in _DEFAULTS.items()},
        }  # fmt: skip
        self._keeps_metadata = keeps_metadata
        self.update({**asked, "vectors": None})
        self.schema: dict[str, Any] = {}
        self._folder = tempfile.TemporaryDirectory(prefix="qdrant-double-")
        place = Path(self._folder.name) / "shard"
        place.mkdir()
        named = {"": vectors} if "size" in vectors else vectors
        self._names = list(named)
        # The engine wants a vector at least; a server does not.
        config = edge.EdgeConfig(
            vectors={
                name: edge.EdgeVectorParams(
                    size=each["size"], distance=getattr(edge.Distance, each["distance"])
                )
                for name, each in named.items()
            },
            sparse_vectors=None if named else {"none": edge.EdgeSparseVectorParams()},
            wal_enabled=False,
        )
        self._shard = edge.EdgeShard.create(str(place), config)
        # As a server's shard, it carries out its updates one after the other.
        self._one = threading.Lock()

    def update(self, asked: dict[str, Any]) -> None:
        for name, ours in (("optimizers_config", "optimizer_config"), ("hnsw_config",) * 2):
            self.config[ours].update(
                {key: value for key, value in (asked.get(name) or {}).items() if value is not None}
            )
        if (strict := asked.get("strict_mode_config")) is not None:
            self.config["strict_mode_config"] = strict
        if asked.get("metadata") and self._keeps_metadata:
            merged = (self.config.get("metadata") or {}) | asked["metadata"]
            self.config["metadata"] = {k: v for k, v in merged.items() if v is not None}

    def info(self) -> dict[str, Any]:
        told = self._shard.info()
        return {
            "status": "green", "optimizer_status": "ok", "segments_count": told.segments_count,
            "points_count": told.points_count, "indexed_vectors_count": told.indexed_vectors_count,
            "config": self.config, "payload_schema": self.schema,
        }  # fmt: skip

    def index(self, asked: dict[str, Any]) -> None:
        kind = asked["field_schema"]
        kind = kind["type"] if isinstance(kind, dict) else kind
        schema = getattr(edge.PayloadSchemaType, kind.capitalize())
        self._apply(edge.UpdateOperation.create_field_index(asked["field_name"], schema))
        self.schema[asked["field_name"]] = {"data_type": kind, "points": 0}

    def upsert(self, asked: dict[str, Any]) -> None:
        condition = asked.get("update_filter")
        points = [
            edge.Point(each["id"], each["vector"], each.get("payload")) for each in asked["points"]
        ]
        self._apply(
            edge.UpdateOperation.upsert_points(
                points, self._filter(condition) if condition is not None else None
            )
        )

    def delete(self, asked: dict[str, Any]) -> None:
        if "points" in asked:
            self._apply(edge.UpdateOperation.delete_points(asked["points"]))
        else:
            found = self._filter(asked["filter"], change=True)
            self._apply(edge.UpdateOperation.delete_points_by_filter(found))

    def overwrite_payload(self, asked: dict[str, Any]) -> None:
        found = self._filter(asked["filter"], change=True)
        self._apply(edge.UpdateOperation.overwrite_payload_by_filter(found, asked["payload"]))

    def retrieve(self, asked: dict[str, Any]) -> list[dict[str, Any]]:
        payload, vector = (
            _selected(asked.get("with_payload", True)),
            asked.get("with_vector", False),
        )
        points = self._shard.retrieve(list(asked["ids"]), payload, vector)
        return [self._told(point) for point in points]

    def scroll(self, asked: dict[str, Any]) -> dict[str, Any]:
        request = edge.ScrollRequest(
            offset=asked.get("offset"), limit=asked.get("limit") or 10,
            filter=self._filter(asked.get("filter")),
            with_payload=_selected(asked.get("with_payload", True)),
            with_vector=asked.get("with_vector", False),
        )  # fmt: skip
        points, further = self._shard.scroll(request)
        return {
            "points": [self._told(point) for point in points],
            "next_page_offset": None if further is None else _plain_id(further),
        }

    def count(self, asked: dict[str, Any]) -> int:
        found = self._filter(asked.get("filter"))
        return self._shard.count(edge.CountRequest(exact=asked.get("exact", True), filter=found))

    def query(self, asked: dict[str, Any]) -> list[dict[str, Any]]:
        wanted, using = asked["query"], asked.get("using") or ""
        wanted = wanted["nearest"] if isinstance(wanted, dict) else wanted
        if using not in self._names:
            raise BadRequest(f"Wrong input: Not existing vector name error: {using}")
        request = edge.QueryRequest(
            limit=asked.get("limit") or 10,
            query=edge.Query.Nearest([float(number) for number in wanted], using=using or None),
            filter=self._filter(asked.get("filter")),
            with_payload=_selected(asked.get("with_payload", False)),
            with_vector=asked.get("with_vector", False),
        )  # fmt: skip
        points = self._shard.query(request)
        return [
            self._told(point) | {"version": point.version, "score": point.score} for point in points
        ]

    def close(self) -> None:
        self._shard.close()
        self._folder.cleanup()

    def _apply(self, operation: edge.UpdateOperation) -> None:
        with self._one:
            self._shard.update(operation)

    def _told(self, point: Any) -> dict[str, Any]:
        told = {"id": _plain_id(point.id), "payload": point.payload}
        if point.vector is not None:
            named = point.vector
            told["vector"] = named.get("", named) if isinstance(named, dict) else named
        return told

    def _filter(self, asked: Any, *, change: bool = False) -> edge.Filter | None:
        if asked is None:
            return None
        strict = self.config.get("strict_mode_config") or {}
        option = "unindexed_filtering_update" if change else "unindexed_filtering_retrieve"
        if strict.get("enabled") and strict.get(option) is False:
            for key in _keys(asked):
                if key.replace('"', "") not in self.schema:
                    raise BadRequest(
                        f'Bad request: Index required but not found for "{key}". Help: Create an '
                        "index for this key or use a different filter."
                    )
        return _filter(asked)


def _keys(asked: Any) -> Iterator[str]:
    if isinstance(asked, list):
        for each in asked:
            yield from _keys(each)
    elif isinstance(asked, dict):
        if isinstance(asked.get("key"), str):
            yield asked["key"]
        for each in asked.values():
            yield from _keys(each)


def _filter(asked: dict[str, Any]) -> edge.Filter:
    parts = {}
    for name in ("must", "should", "must_not"):
        if (some := asked.get(name)) is not None:
            parts[name] = [
                _condition(each) for each in (some if isinstance(some, list) else [some])
            ]
    unknown = set(asked) - set(parts) - {"must", "should", "must_not"}
    assert not unknown, f"the double knows no {unknown}"
    return edge.Filter(**parts)


def _condition(asked: dict[str, Any]) -> Any:
    if "has_id" in asked:
        return edge.HasIdCondition(set(asked["has_id"]))
    if "is_empty" in asked:
        return edge.IsEmptyCondition(asked["is_empty"]["key"])
    if "is_null" in asked:
        return edge.IsNullCondition(asked["is_null"]["key"])
    if "key" not in asked:
        return _filter(asked)
    if (match := asked.get("match")) is not None:
        (way, wanted), *_ = match.items()
        # The engine's Python package takes Python's bool for a whole number, but not numpy's.
        wanted = np.bool_(wanted) if isinstance(wanted, bool) else wanted
        found = {"value": edge.MatchValue, "any": edge.MatchAny, "except": edge.MatchExcept}[way]
        return edge.FieldCondition(key=asked["key"], match=found(wanted))
    bounds = {key: value for key, value in asked["range"].items() if value is not None}
    return edge.FieldCondition(key=asked["key"], range=edge.RangeFloat(**bounds))


def _selected(asked: Any) -> Any:
    return asked if isinstance(asked, bool) else list(asked)


def _plain_id(found: Any) -> Any:
    return found if isinstance(found, int) else str(found)
