"""What a Qdrant collection is asked for by a search, and by whoever reads its rows."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from vecstream_cli.adapters.nearest import Row
from vecstream_cli.adapters.predicates import chunks
from vecstream_cli.adapters.qdrant.filter import Native
from vecstream_cli.adapters.qdrant.points import batch_of, key_of, point_id, row_of
from vecstream_cli.adapters.qdrant.server import Server

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]

# A vector is read as text and as Python numbers: 256 of 1,536 take 20 MB for a moment.
_POINTS_WITH_VECTORS = 256
_POINTS = 1024


class Points:
    """The points of a collection, as `nearest` wants them; conditions are parts of a request."""

    def __init__(self, server: Server, collection: str, dimension: int, vector_name: str) -> None:
        self._server = server
        self._collection = collection
        self._dimension = dimension
        self._vector_name = vector_name

    def top(
        self, vector: Sequence[float], k: int, condition: Native | None, names: Sequence[str]
    ) -> list[tuple[float, Row]]:
        found = self._server(
            "search",
            self._collection,
            lambda client: client.query_points(
                self._collection, query=list(vector), using=self._vector_name or None, limit=k,
                query_filter=filter_of(condition), with_payload=_payload(names),
            ),
        )  # fmt: skip
        return [(point.score, row_of(point, names)) for point in found.points]

    def all(self, condition: Native | None, names: Sequence[str]) -> Iterator["pa.RecordBatch"]:
        for points in self.pages(condition, names):
            yield batch_of(points, names, self._dimension, self._vector_name)

    def rows(self, ids: Sequence[str], names: Sequence[str]) -> Iterable[Row]:
        for points in self.points(ids, names):
            yield from (row_of(point, names) for point in points)

    def pages(self, condition: Native | None, names: Sequence[str]) -> Iterator[list[Any]]:
        """All points, by their ids, with what these columns need."""
        vectors = "vector" in names
        offset: Any = None

        def page(client: Any) -> Any:
            return client.scroll(
                self._collection, scroll_filter=filter_of(condition), offset=offset,
                limit=_POINTS_WITH_VECTORS if vectors else _POINTS,
                with_payload=_payload(names), with_vectors=vectors,
            )  # fmt: skip

        while True:
            points, offset = self._server("read", self._collection, page)
            if points:
                yield points
            if offset is None:
                return

    def points(self, ids: Sequence[str], names: Sequence[str]) -> Iterator[list[Any]]:
        """Those of these points that exist, a few at a time."""
        vectors = "vector" in names
        known = [found for row_id in ids if (found := point_id(row_id)) is not None]

        def retrieve(some: list[str], client: Any) -> Any:
            return client.retrieve(
                self._collection, some, with_payload=_payload(names), with_vectors=vectors
            )

        for some in chunks(known, _POINTS_WITH_VECTORS if vectors else _POINTS):
            yield self._server("read", self._collection, partial(retrieve, some))


def filter_of(condition: Native | None) -> Any:
    """A condition as the client wants a filter."""
    if condition is None:
        return None
    from qdrant_client import models

    return models.Filter.model_validate({"must": [condition]})


def _payload(names: Sequence[str]) -> list[str] | bool:
    return [key_of(name) for name in names if name not in ("id", "vector")] or False
