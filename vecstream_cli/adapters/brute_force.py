"""For a database that cannot compare vectors: all of them are read, and compared here."""

from collections.abc import Iterable, Iterator, Sequence
from heapq import nlargest
from operator import itemgetter
from typing import TYPE_CHECKING

from vecstream_cli.adapters.base import Adapter, Hit
from vecstream_cli.adapters.conditions import Dialect
from vecstream_cli.adapters.nearest import Row, cosines, nearest
from vecstream_cli.core.filters import Filter

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]


class BruteForce(Adapter):
    """An adapter whose searches, and whose `fetch_vectors`, are made of `scan` alone.

    Exact, and as slow as reading the collection. It is what `nearest` asks.
    """

    def search(self, vector: Sequence[float], k: int, where: Filter | None = None) -> list[Hit]:
        return nearest(self, Dialect(), vector, k, where, exhaustive=True)

    def fetch_vectors(
        self, ids: Sequence[str], documents: Sequence[str] | None = None
    ) -> "pa.Table":
        import pyarrow as pa
        import pyarrow.compute as pc  # type: ignore[import-untyped]

        found = []
        for batch in self.scan(("id", "vector", "document_id")):
            chosen = pc.is_in(batch["id"], pa.array(ids, pa.string()))
            if documents is not None:
                of_them = pc.is_in(batch["document_id"], pa.array(documents, pa.string()))
                chosen = pc.and_(chosen, of_them)
            found.append(batch.filter(chosen).select(["id", "vector"]))
        if found:
            return pa.Table.from_batches(found)
        return pa.table({"id": pa.array([], pa.string()), "vector": pa.array([], pa.null())})

    def top(
        self, vector: Sequence[float], k: int, condition: None, names: Sequence[str]
    ) -> list[tuple[float, Row]]:
        """The `k` rows nearest by cosine, with these columns."""
        best: list[tuple[float, str]] = []
        for batch in self.scan(("id", "vector")):
            scores = cosines(batch.column("vector"), vector).tolist()
            best += zip(scores, batch.column("id").to_pylist(), strict=True)
            best = nlargest(k, best, key=itemgetter(0))
        rows = {row["id"]: row for row in self.rows([row_id for _, row_id in best], names)}
        return [(score, rows[row_id]) for score, row_id in best]

    def all(self, condition: None, names: Sequence[str]) -> Iterator["pa.RecordBatch"]:
        """These columns of all rows."""
        return self.scan(names)

    def rows(self, ids: Sequence[str], names: Sequence[str]) -> Iterable[Row]:
        """These columns of the rows with these ids."""
        wanted = frozenset(ids)
        for batch in self.scan(tuple({"id": 0, **dict.fromkeys(names)})):
            yield from (row for row in batch.to_pylist() if row["id"] in wanted)
