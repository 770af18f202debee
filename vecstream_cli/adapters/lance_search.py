"""The rows of a Lance table that are nearest to a vector, among those that a filter lets through.

A filter that the database understands is its own to apply. Of any other it applies what it can,
and the rest is looked at here, in rows of the columns that decide: first in the nearest rows, of
which enough may match; then in all, whose vectors are compared here. The answer is the same.
"""

from collections.abc import Mapping, Sequence
from heapq import nlargest
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from vecstream_cli.adapters.base import Hit
from vecstream_cli.adapters.lance_filter import Condition, condition
from vecstream_cli.adapters.predicates import any_of, chunks
from vecstream_cli.core.filters import Filter, columns, matches

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa  # type: ignore[import-untyped]

# For an index alone.
_PROBES = 40
_REFINE_FACTOR = 10

_FIRST_LOOK = 256  # rows, and eight for each that is wanted
_SCAN_ROWS = 8192
_REMEMBERED = 65_536
_VALUES_PER_STATEMENT = 512
_HIT_COLUMNS = tuple(name for name in Hit.__slots__ if name != "score")


def nearest(table: Any, vector: Sequence[float], k: int, where: Filter | None) -> list[Hit]:
    """The `k` rows nearest to `vector` by cosine, of those that match `where`, best first."""
    known = Condition(None, exact=True) if where is None else condition(where)
    if where is None or known.exact:
        rows = _search(table, vector, k, known.sql, _HIT_COLUMNS)
        return [Hit(score=_score(row), **{n: row[n] for n in _HIT_COLUMNS}) for row in rows]
    decided = _Decided(where)
    look = _FIRST_LOOK + 8 * k
    rows = _search(table, vector, look, known.sql, ("id", *decided.columns))
    found = [(row["id"], _score(row)) for row in rows if decided(row)][:k]
    seen_all = len(rows) < look and not any("vector" in i.columns for i in table.list_indices())
    if len(found) < k and not seen_all:
        found = _among_all(table, vector, k, known.sql, decided)
    return _with_texts(table, found)


class _Decided:
    """Which rows match, remembered: a document's rows have the same metadata."""

    def __init__(self, where: Filter) -> None:
        self.columns = tuple(sorted(columns(where)))
        self._where = where
        self._known: dict[tuple[object, ...], bool] = {}

    def __call__(self, row: Mapping[str, object]) -> bool:
        key = tuple(row[name] for name in self.columns)
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            known = self._known[key] = matches(self._where, row)
        return known


def _search(
    table: Any, vector: Sequence[float], k: int, sql: str | None, names: Sequence[str]
) -> list[dict[str, Any]]:
    query = table.search(vector, vector_column_name="vector").distance_type("cosine")
    query = query.nprobes(_PROBES).refine_factor(_REFINE_FACTOR)
    if sql is not None:
        query = query.where(sql, prefilter=True)
    rows: list[dict[str, Any]] = query.limit(k).select([*names, "_distance"]).to_list()
    return rows


def _among_all(
    table: Any, vector: Sequence[float], k: int, sql: str | None, decided: _Decided
) -> list[tuple[str, float]]:
    import numpy as np

    wanted = np.asarray(vector, dtype=np.float32)
    wanted /= np.linalg.norm(wanted)
    query = table.search().select(["id", "vector", *decided.columns])
    if sql is not None:
        query = query.where(sql)
    best: list[tuple[str, float]] = []
    for batch in query.to_batches(_SCAN_ROWS):
        deciding = batch.select(list(decided.columns)).to_pylist()
        rows = [number for number, row in enumerate(deciding) if decided(row)]
        if rows:
            matching = batch.take(rows)
            vectors = _matrix(matching.column("vector"))
            lengths = np.linalg.norm(vectors, axis=1)
            cosines = (vectors @ wanted) / np.where(lengths > 0, lengths, 1)
            ids = matching.column("id").to_pylist()
            best += zip(ids, np.minimum(cosines, 1.0).tolist(), strict=True)
            best = nlargest(k, best, key=itemgetter(1))
    return best


def _matrix(vectors: "pa.Array") -> "npt.NDArray[np.float32]":
    matrix: npt.NDArray[np.float32] = vectors.flatten().to_numpy(zero_copy_only=False)
    return matrix.reshape(len(vectors), -1)


def _with_texts(table: Any, found: Sequence[tuple[str, float]]) -> list[Hit]:
    rows: dict[str, dict[str, Any]] = {}
    for ids in chunks([row_id for row_id, _ in found], _VALUES_PER_STATEMENT):
        query = table.search().where(any_of("id", ids)).select(list(_HIT_COLUMNS))
        rows |= {row["id"]: row for row in query.to_list()}
    return [Hit(score=score, **rows[row_id]) for row_id, score in found if row_id in rows]


def _score(row: Mapping[str, Any]) -> float:
    # a distance of float32 may fall below 0 by its rounding
    return min(1.0, 1.0 - float(row["_distance"]))
