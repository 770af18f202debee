"""What a class in Weaviate is asked for: the nearest rows, the rows with these words, all rows."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from vecstream_cli.adapters.base import HIT_COLUMNS, Hit
from vecstream_cli.adapters.nearest import Row
from vecstream_cli.adapters.predicates import chunks
from vecstream_cli.adapters.weaviate.filter import WeaviateDialect, any_id
from vecstream_cli.adapters.weaviate.names import row_id_of, uuid_of
from vecstream_cli.adapters.weaviate.rows import batch_of, plain
from vecstream_cli.adapters.weaviate.wire import Wire
from vecstream_cli.core.filters import Filter, columns, matches

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]

MOST = 10_000  # QUERY_MAXIMUM_RESULTS, if nobody changed it
IDS_PER_REQUEST = 500
# A page stays under 10 MB, the least that servers allow a message, if texts do not exceed 8 kB.
_PAGE_ROWS = 1000
_PAGE_ROWS_OF_VECTORS = 500
_PAGE_BYTES = 6 << 20
_BEFORE_ALL = "00000000-0000-0000-0000-000000000000"


class Collection:
    """A class or an alias, as `nearest` wants it; conditions are `weaviate.v1.Filters`."""

    def __init__(self, wire: Wire, name: str, collection: str, dimension: int) -> None:
        self._wire = wire
        self._name = name
        self._collection = collection
        self._dimension = dimension

    def results(
        self, names: Iterable[str], condition: Any = None, *, action: str = "search", **more: Any
    ) -> list[Any]:
        """The answer to one search: rows with these columns."""
        from weaviate.proto.v1 import search_get_pb2

        wanted = list(names)
        request = search_get_pb2.SearchRequest(
            collection=self._name,
            uses_123_api=True,
            uses_125_api=True,
            uses_127_api=True,
            filters=condition,
            properties=search_get_pb2.PropertiesRequest(
                non_ref_properties=[name for name in wanted if name not in ("id", "vector")]
            ),
            metadata=search_get_pb2.MetadataRequest(
                uuid=True,
                vector="vector" in wanted,
                vectors=["default"] if "vector" in wanted else [],
                distance="near_vector" in more,
                score="bm25_search" in more,
            ),
            **more,
        )
        what = f"{action} the collection {self._collection!r}"
        return list(self._wire.rpc(what, "Search", request).results)

    def count(self) -> int:
        """How many rows there are."""
        from weaviate.proto.v1 import aggregate_pb2

        request = aggregate_pb2.AggregateRequest(collection=self._name, objects_count=True)
        reply = self._wire.rpc(f"count the collection {self._collection!r}", "Aggregate", request)
        return int(reply.single_result.objects_count)

    def top(
        self, vector: Sequence[float], k: int, condition: Any, names: Sequence[str]
    ) -> list[tuple[float, Row]]:
        import numpy as np
        from weaviate.proto.v1 import base_pb2, base_search_pb2

        wanted = base_pb2.Vectors(
            vector_bytes=np.asarray(vector, np.float32).tobytes(), type="VECTOR_TYPE_SINGLE_FP32"
        )
        near = base_search_pb2.NearVector(vectors=[wanted])
        found = self.results(names, condition, limit=k, near_vector=near)
        return [(1.0 - one.metadata.distance, plain(one, names)) for one in found]

    def all(self, condition: Any, names: Sequence[str]) -> Iterator["pa.RecordBatch"]:
        # A cursor takes no filter, and a filter no cursor, so what matches is listed in one answer
        # and then fetched; where that has no room for all, every row is read.
        if condition is not None:
            listed = self.results(("id",), condition, action="read", limit=MOST)
            if len(listed) < MOST:
                ids = [row_id_of(one.metadata.id) for one in listed]
                for found in self.by_ids(ids, names):
                    yield batch_of(found, names, self._dimension)
                return
        rows = _PAGE_ROWS
        if "vector" in names:
            rows = max(1, min(_PAGE_ROWS_OF_VECTORS, _PAGE_BYTES // (4 * self._dimension)))
        after = _BEFORE_ALL
        while found := self.results(names, None, action="read", limit=rows, after=after):
            yield batch_of(found, names, self._dimension)
            if len(found) < rows:
                return
            after = found[-1].metadata.id

    def rows(self, ids: Sequence[str], names: Sequence[str]) -> Iterable[Row]:
        for found in self.by_ids(ids, names):
            yield from (plain(one, names) for one in found)

    def by_ids(self, ids: Sequence[str], names: Sequence[str]) -> Iterator[list[Any]]:
        """Those that exist, so many at once."""
        uuids = [uuid for uuid in map(uuid_of, ids) if uuid is not None]
        most = IDS_PER_REQUEST
        if "vector" in names:
            most = max(1, min(most, _PAGE_BYTES // (4 * self._dimension)))
        for some in chunks(uuids, most):
            yield self.results(names, any_id(some), action="read", limit=len(some))

    def of_document(self, document: Any) -> Iterator[str]:
        """The ids of the rows that meet the condition, which all rows of one document do.

        A page begins with the ordinal that the one before it ended with: several attempts may
        have rows of the same one.
        """
        from weaviate.proto.v1 import search_get_pb2

        from vecstream_cli.adapters.weaviate.filter import all_of, single

        order = [search_get_pb2.SortBy(ascending=True, path=["ordinal"])]
        seen: set[str] = set()
        first = 0
        while True:
            condition = all_of(document, single("ordinal", "GREATER_THAN_EQUAL", value_int=first))
            names = ("id", "ordinal")
            results = self.results(names, condition, action="read", limit=_PAGE_ROWS, sort_by=order)
            page = [plain(one, names) for one in results]
            yield from (row["id"] for row in page if row["id"] not in seen)
            if len(page) < _PAGE_ROWS:
                return
            seen.update(row["id"] for row in page)
            last = page[-1]["ordinal"]
            first = last if last > first else first + 1

    def words(self, text: str, k: int, where: Filter | None) -> list[Hit]:
        """The rows that BM25 ranks highest of those that match."""
        from weaviate.proto.v1 import base_search_pb2

        known = WeaviateDialect().condition(where) if where is not None else None
        condition = known.native if known is not None else None
        decided_here = where is not None and known is not None and not known.exact
        names = tuple({*HIT_COLUMNS, *(columns(where) if where is not None else ())})
        bm25 = base_search_pb2.BM25(query=text, properties=["text"])
        ask = min(MOST, 256 + 8 * k if decided_here else k)
        while True:
            found = self.results(names, condition, limit=ask, bm25_search=bm25)
            rows = [(one.metadata.score, plain(one, names)) for one in found]
            if decided_here and where is not None:
                rows = [(score, row) for score, row in rows if matches(where, row)]
            if len(rows) >= k or len(found) < ask or ask == MOST:
                return [Hit.of(row, score, ranked=True) for score, row in rows[:k]]
            ask = min(MOST, 16 * ask)
