"""What a Lance table is asked for by a search."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from vecstream_cli.adapters.nearest import Row
from vecstream_cli.adapters.predicates import any_of_each

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]

# For an index alone.
_PROBES = 40
_REFINE_FACTOR = 10

_SCAN_ROWS = 8192
_VALUES_PER_STATEMENT = 512


class Table:
    """An open table, as `nearest` wants it; conditions are SQL."""

    def __init__(self, table: Any) -> None:
        self._table = table

    def top(
        self, vector: Sequence[float], k: int, condition: str | None, names: Sequence[str]
    ) -> list[tuple[float, Row]]:
        query = self._table.search(vector, vector_column_name="vector").distance_type("cosine")
        query = query.nprobes(_PROBES).refine_factor(_REFINE_FACTOR)
        if condition is not None:
            query = query.where(condition, prefilter=True)
        rows = query.limit(k).select([*names, "_distance"]).to_list()
        return [(1.0 - float(row["_distance"]), row) for row in rows]

    def top_text(
        self, text: str, k: int, condition: str | None, names: Sequence[str]
    ) -> list[tuple[float, Row]]:
        """The `k` rows whose text has words of `text`, by BM25; there is an index of them."""
        query = self._table.search(text, query_type="fts", fts_columns="text")
        if condition is not None:
            query = query.where(condition, prefilter=True)
        rows = query.limit(k).select([*names, "_score"]).to_list()
        return [(float(row["_score"]), row) for row in rows]

    def all(self, condition: str | None, names: Sequence[str]) -> Iterator["pa.RecordBatch"]:
        query = self._table.search().select(list(names))
        if condition is not None:
            query = query.where(condition)
        yield from query.to_batches(_SCAN_ROWS)

    def rows(self, ids: Sequence[str], names: Sequence[str]) -> Iterable[Row]:
        for condition in any_of_each("id", ids, _VALUES_PER_STATEMENT):
            yield from self._table.search().where(condition).select(list(names)).to_list()
