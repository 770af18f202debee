"""Writing alone, in a process like the writer's: rows appended and merged, batch by batch."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vecstream_cli.adapters.base import Adapter
from vecstream_cli.adapters.registry import adapter_class, connect
from vecstream_cli.api.bench.child import answer, in_child
from vecstream_cli.api.bench.laps import LEAST_LAPS, MOST_LAPS
from vecstream_cli.core.benchmark import Measure, StageAlone
from vecstream_cli.core.record import CollectionRecord
from vecstream_cli.endpoint import Endpoint
from vecstream_cli.pipeline.lifecycle import Inbox, Outbox

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]

_LEAN = {"MALLOC_ARENA_MAX": "2"}


@dataclass(frozen=True, slots=True)
class Writing:
    """Where to write, in rows whose texts are those of `sample`."""

    database: Endpoint
    collection: str
    record: CollectionRecord
    sample: Path
    seconds: float


def write_alone(work: Writing) -> list[StageAlone]:
    """Append, then merge, batches of the size that the database likes; the collection is dropped.

    The vectors are random: no database looks at what is in them while it writes.
    """
    environment = _LEAN | dict(adapter_class(work.database.name).environment)
    result = in_child(f"{__name__}:run", work, environment=environment)
    assert isinstance(result, list)
    return result


def run(inbox: Inbox, outbox: Outbox, work: Writing) -> None:
    """The process's life."""
    answer(outbox, lambda: _write(work))


def _write(work: Writing) -> list[StageAlone]:
    with connect(work.database, work.collection, read_only=False) as adapter:
        rows = adapter.limits.target_rows
        make = _Rows(work.sample, rows, work.record.dimension)
        adapter.create(work.record)
        try:
            adapter.append(make.batch())  # the first of all makes files and loads code
            append = _stage(adapter, "append", adapter.append, make, work.seconds / 2)
            adapter.merge(make.batch())
            merge = _stage(adapter, "merge", adapter.merge, make, work.seconds / 2)
        finally:
            adapter.drop()
        return [append, merge]


def _stage(
    adapter: Adapter, how: str, write: Callable[[Any], None], make: "_Rows", seconds: float
) -> StageAlone:
    times: list[float] = []
    while len(times) < LEAST_LAPS or (len(times) < MOST_LAPS and sum(times) < seconds):
        batch = make.batch()
        began = time.perf_counter()
        write(batch)
        times.append(max(1e-9, time.perf_counter() - began))
    rates = tuple(make.rows / t for t in times)
    return StageAlone(
        stage="write",
        of=f"{adapter.name} {how}",
        work=f"{len(times)} batches of {make.rows:,} rows",
        measures=(Measure(name="rows", unit="/s", values=rates),),
        chunks_per_second=float(np.median(rates)),
    )


class _Rows:
    """Batches of new rows."""

    def __init__(self, sample: Path, rows: int, dimension: int) -> None:
        with np.load(sample) as found:
            ends, text = found["text_ends"], found["text"].tobytes()
        starts = [0, *ends[:-1]]
        texts = [text[a:b].decode() for a, b in zip(starts, ends, strict=True)]
        self.rows = rows
        self._texts = [texts[i % len(texts)] for i in range(rows)]
        self._dimension = dimension
        self._random = np.random.default_rng(0)
        self._made = 0

    def batch(self) -> "pa.Table":
        """Rows that were not there before."""
        import pyarrow as pa

        from vecstream_cli.adapters.schema import row_schema

        rows = self.rows
        numbers = range(self._made, self._made + rows)
        self._made += rows
        vectors = self._random.standard_normal((rows, self._dimension)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        # Ids in no order, as digests are.
        ids = [f"{number * 0x9E3779B97F4A7C15 % (1 << 64):016x}{number:016x}" for number in numbers]
        place = [f"folder/{number // 64:08}.md" for number in numbers]
        columns = {
            "id": ids,
            "document_id": [f"{number // 64:032x}" for number in numbers],
            "source": ["/bench"] * rows,
            "path": place,
            "ordinal": [number % 64 for number in numbers],
            "char_start": [0] * rows,
            "char_end": [len(text) for text in self._texts],
            "page": [None] * rows,
            "heading": ["A heading > of this part"] * rows,
            "text": self._texts,
            "chunk_key": ids,
            "content_hash": ids,
            "attempt": [1] * rows,
            "position": [None] * rows,
            "metadata": [None] * rows,
        }
        schema = row_schema(self._dimension)
        arrays = [
            pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), self._dimension)
            if field.name == "vector"
            else pa.array(columns[field.name], type=field.type)
            for field in schema
        ]
        return pa.Table.from_arrays(arrays, schema=schema)
