"""What a Chroma collection is asked for by a search."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from heapq import nlargest
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from vecstream_cli.adapters.chroma.filter import Where
from vecstream_cli.adapters.chroma.rows import as_batch, as_rows, include
from vecstream_cli.adapters.nearest import Row, cosines
from vecstream_cli.adapters.predicates import chunks

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]

# Up to so many rows that match, each is compared: the index lets through what a condition holds
# for as it goes along, and of 50 rows that matched it was seen to find 49.
FEW = 1_000
# The index looks as far as it is asked for rows. At 2,048 random vectors of 384 numbers, 200 rows
# asked for gave 193 of the nearest 200, and all of the nearest 10.
_MORE = 4
_LEAST = 200
_IDS_AT_ONCE = 1_000


class Found:
    """A collection, as `nearest` wants it; conditions are Chroma's `where`.

    ``ask(call)`` calls with the collection; ``pages(columns, where)`` reads all rows.
    """

    def __init__(
        self,
        ask: Callable[[Callable[[Any], Any]], Any],
        pages: Callable[[Sequence[str], Where | None], Iterator[Mapping[str, Any]]],
        dimension: int,
    ) -> None:
        self._ask = ask
        self._pages = pages
        self._dimension = dimension

    def top(
        self, vector: Sequence[float], k: int, condition: Where | None, names: Sequence[str]
    ) -> list[tuple[float, Row]]:
        few = self._get(where=condition, limit=FEW + 1, include=[])["ids"]
        best = [] if len(few) <= FEW else self._by_index(vector, k, condition)
        if len(best) < min(k, len(few)):
            best = self._by_all(vector, k, condition)
        found = {row["id"]: row for row in self.rows([row_id for _, row_id in best], names)}
        return [(score, found[row_id]) for score, row_id in best if row_id in found]

    def all(self, condition: Where | None, names: Sequence[str]) -> Iterator["pa.RecordBatch"]:
        for found in self._pages(names, condition):
            yield as_batch(found, names, self._dimension)

    def rows(self, ids: Sequence[str], names: Sequence[str]) -> Iterable[Row]:
        wanted = include(names)
        for some in chunks(ids, _IDS_AT_ONCE):
            yield from as_rows(self._get(ids=some, include=wanted), ("id", *names))

    def _get(self, **which: Any) -> Any:
        return self._ask(lambda collection: collection.get(**which))

    def _by_index(
        self, vector: Sequence[float], k: int, condition: Where | None
    ) -> list[tuple[float, str]]:
        found = self._ask(
            lambda collection: collection.query(
                query_embeddings=[list(vector)],
                n_results=max(_LEAST, _MORE * k),
                where=condition,
                include=["distances"],
            )
        )
        pairs = zip(found["distances"][0], found["ids"][0], strict=True)
        return [(1.0 - distance, row_id) for distance, row_id in pairs][:k]

    def _by_all(
        self, vector: Sequence[float], k: int, condition: Where | None
    ) -> list[tuple[float, str]]:
        best: list[tuple[float, str]] = []
        for batch in self.all(condition, ("id", "vector")):
            scores = cosines(batch.column("vector"), vector).tolist()
            best += zip(scores, batch.column("id").to_pylist(), strict=True)
            best = nlargest(k, best, key=itemgetter(0))
        return best
