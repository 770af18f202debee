"""The rows that are nearest to a vector, among those that a filter lets through; any database.

A filter that the database understands is its own to apply. Of any other it applies what it can,
and the rest is looked at here, in rows of the columns that decide: first in the nearest rows, of
which enough may match; then in all, whose vectors are compared here. The answer is the same.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from heapq import nlargest
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from vecstream_cli.adapters.base import HIT_COLUMNS, Hit
from vecstream_cli.adapters.conditions import Condition, Dialect
from vecstream_cli.core.filters import Filter, columns, matches

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa  # type: ignore[import-untyped]

FIRST_LOOK = 256  # rows, and eight for each that is wanted
_FURTHER = 16  # times as many in the next look
_REMEMBERED = 65_536

T = TypeVar("T", contravariant=True)
Row = Mapping[str, Any]


class Searched(Protocol[T]):
    """What a database is asked for; `condition` is in its own words, None: any row."""

    def top(
        self, vector: Sequence[float], k: int, condition: T | None, names: Sequence[str]
    ) -> list[tuple[float, Row]]:
        """The `k` rows nearest by cosine, best first, with their scores and these columns."""

    def all(self, condition: T | None, names: Sequence[str]) -> Iterator["pa.RecordBatch"]:
        """These columns, `vector` among them, of all rows, in bounded batches."""

    def rows(self, ids: Sequence[str], names: Sequence[str]) -> Iterable[Row]:
        """These columns of the rows with these ids, in any order."""


def nearest(
    database: Searched[Any],
    dialect: Dialect[Any],
    vector: Sequence[float],
    k: int,
    where: Filter | None,
    *,
    exhaustive: bool,
    most: int | None = None,
) -> list[Hit]:
    """The `k` rows nearest to `vector` by cosine, of those that match `where`, best first.

    `exhaustive`: a search for more rows than there are returns all, as one by an approximate
    index may not. `most` is the most rows that one search may ask for.
    """
    known: Condition[Any] = Condition(None, exact=True)
    if where is not None:
        known = dialect.condition(where)
    if where is None or known.exact:
        wanted = k if most is None else min(k, most)
        return [
            Hit.of(row, score)
            for score, row in database.top(vector, wanted, known.native, HIT_COLUMNS)
        ]
    decided = _Decided(where)
    found: list[tuple[float, str]] = []
    look = FIRST_LOOK + 8 * k
    for ask in (look, _FURTHER * look):
        if most is not None and ask > most:
            break
        rows = database.top(vector, ask, known.native, ("id", *decided.columns))
        found = [(score, row["id"]) for score, row in rows if decided(row)][:k]
        if len(found) == k or (exhaustive and len(rows) < ask):
            return _with_texts(database, found)
    return _with_texts(database, _among_all(database, vector, k, known.native, decided))


def most_apt(
    top: Callable[[int, Any, Sequence[str]], list[tuple[float, Row]]],
    dialect: Dialect[Any],
    k: int,
    where: Filter | None,
    *,
    most: int | None = None,
) -> list[Hit]:
    """The `k` best rows of a search for words that match `where`, best first.

    ``top(k, condition, columns)`` is that search. What the dialect cannot say is looked at in its
    best rows, in more of them while too few match; the scores are the database's own.
    """
    known: Condition[Any] = Condition(None, exact=True)
    if where is not None:
        known = dialect.condition(where)
    if where is None or known.exact:
        wanted = k if most is None else min(k, most)
        rows = top(wanted, known.native, HIT_COLUMNS)
        return [Hit.of(row, score, ranked=True) for score, row in rows]
    decided = _Decided(where)
    ask, names = FIRST_LOOK + 8 * k, tuple({*HIT_COLUMNS, *decided.columns})
    while True:
        ask = ask if most is None else min(ask, most)
        rows = top(ask, known.native, names)
        found = [(score, row) for score, row in rows if decided(row)][:k]
        if len(found) == k or len(rows) < ask or ask == most:
            return [Hit.of(row, score, ranked=True) for score, row in found]
        ask *= _FURTHER


class _Decided:
    """Which rows match, remembered: a document's rows have the same metadata."""

    def __init__(self, where: Filter) -> None:
        self.columns = tuple(sorted(columns(where)))
        self._where = where
        self._known: dict[tuple[object, ...], bool] = {}

    def __call__(self, row: Row) -> bool:
        key = tuple(row[name] for name in self.columns)
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            known = self._known[key] = matches(self._where, row)
        return known


def _among_all(
    database: Searched[Any], vector: Sequence[float], k: int, condition: Any, decided: _Decided
) -> list[tuple[float, str]]:
    best: list[tuple[float, str]] = []
    for batch in database.all(condition, ("id", "vector", *decided.columns)):
        deciding = batch.select(list(decided.columns)).to_pylist()
        rows = [number for number, row in enumerate(deciding) if decided(row)]
        if rows:
            matching = batch.take(rows)
            scores = cosines(matching.column("vector"), vector).tolist()
            best += zip(scores, matching.column("id").to_pylist(), strict=True)
            best = nlargest(k, best, key=itemgetter(0))
    return best


def cosines(vectors: "pa.Array", wanted: Sequence[float]) -> "npt.NDArray[np.float32]":
    """The cosine of each vector of a column with the one that is wanted, of shape (rows,)."""
    import numpy as np

    there, sought = matrix(vectors), np.asarray(wanted, dtype=np.float32)
    lengths = np.linalg.norm(there, axis=1) * np.linalg.norm(sought)
    found: npt.NDArray[np.float32] = there @ sought
    found /= np.where(lengths > 0, lengths, 1)
    return found


def matrix(vectors: "pa.Array") -> "npt.NDArray[np.float32]":
    """A column of vectors as an array of shape (rows, dimension), not copied where it can be."""
    flat: npt.NDArray[np.float32] = vectors.flatten().to_numpy(zero_copy_only=False)
    return flat.reshape(len(vectors), vectors.type.list_size)


def _with_texts(database: Searched[Any], found: Sequence[tuple[float, str]]) -> list[Hit]:
    ids = [row_id for _, row_id in found]
    rows = {row["id"]: row for row in database.rows(ids, HIT_COLUMNS)} if ids else {}
    return [Hit.of(rows[row_id], score) for score, row_id in found if row_id in rows]
