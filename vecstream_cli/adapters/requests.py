"""A batch in requests of the size that a database takes, several of them under way at once."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, TypeVar

from vecstream_cli.adapters.base import Limits
from vecstream_cli.errors import DatabaseError

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]

_T = TypeVar("_T")


def parts(
    batch: "pa.RecordBatch | pa.Table", limits: Limits, *, growth: float = 1.0
) -> Iterator["pa.RecordBatch"]:
    """The rows in slices within `limits`; a row alone may exceed the bytes.

    A slice that lies in one batch is not copied; one that reaches over several is, so that a table
    of many small batches takes no more requests than one of a single batch.
    `growth` is how many bytes of a request a byte of Arrow becomes, such as 3 for vectors in JSON.
    """
    import pyarrow as pa

    whole = batch if isinstance(batch, pa.Table) else pa.Table.from_batches([batch])
    start = 0
    while start < whole.num_rows:
        rows = whole.num_rows - start
        if limits.max_rows is not None:
            rows = min(rows, limits.max_rows)
        if limits.max_bytes is not None:
            rows = _within(whole, start, rows, limits.max_bytes / growth)
        yield from whole.slice(start, rows).combine_chunks().to_batches()
        start += rows


def _within(batch: "pa.Table", start: int, rows: int, most: float) -> int:
    """The largest of rows, rows/2, rows/4 … whose slice has at most so many bytes; 1 at least."""
    while rows > 1 and batch.slice(start, rows).nbytes > most:
        rows = (rows + 1) // 2
    return rows


def checked(batch: "pa.RecordBatch | pa.Table", dimension: int) -> None:
    """Raise DatabaseError unless every vector is `dimension` finite numbers; copies nothing."""
    import numpy as np
    import pyarrow as pa

    from vecstream_cli.adapters.nearest import matrix

    column = batch.column("vector")
    given = column.type.list_size
    if given != dimension:
        raise DatabaseError(
            f"The vectors have {given} numbers, and the collection's have {dimension}."
        )
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    first = 0
    for chunk in chunks:
        # A sum is finite unless a number is not, or it overflows: then each number is looked at.
        vectors = matrix(chunk)
        if not np.isfinite(vectors.sum(axis=1)).all():
            broken = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
            if broken.size:
                row = batch.column("id")[first + int(broken[0])].as_py()
                raise DatabaseError(
                    f"{broken.size} vectors have a number that is NaN or infinite, the first of"
                    f" them that of the row {row}."
                )
        first += len(chunk)


class Flight:
    """A few requests at once, from threads that live as long as the adapter."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._pool: ThreadPoolExecutor | None = None

    def each(self, call: Callable[[_T], object], items: Iterable[_T]) -> None:
        """Call with every item, `most` at a time; all have ended when it returns or raises.

        After a failure no further call is begun, and the first error is raised. Items are taken
        as they are wanted, so that they need not all be in memory.
        """
        if self._most == 1:
            for item in items:
                call(item)
            return
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._most, thread_name_prefix="request")
        under_way: set[Future[object]] = set()
        failed: BaseException | None = None
        for item in items:
            under_way.add(self._pool.submit(call, item))
            if len(under_way) >= self._most:
                done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                failed = failed or next(filter(None, (f.exception() for f in done)), None)
                if failed is not None:
                    break
        for future in wait(under_way).done:
            failed = failed or future.exception()
        if failed is not None:
            raise failed

    def close(self) -> None:
        """End the threads."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None
