"""Grow a Lance table through the adapter, and say what each operation costs as it grows.

The rows are the schema's own with short random texts and vectors; ids are hashes, as real ones
are. They are made by another process and mapped by this one, as those of the ring are by the
writer. Each batch is followed by the upkeep that the writer does. At each milestone documents from
all over the table are merged again, superseded, removed and read. Figures are of this machine and
this moment; give --folder a place with room for some kilobytes a row.

    python scripts/bench_lance.py --rows 5000000
"""

import argparse
import json
import multiprocessing
import os
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil

from vecstream_cli.adapters.lance.adapter import LanceAdapter
from vecstream_cli.core.record import CollectionRecord
from vecstream_cli.endpoint import Endpoint
from vecstream_cli.lean import this_process_is_ours

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    import pyarrow as pa  # type: ignore[import-untyped]

MILESTONES = (100_000, 1_000_000, 2_500_000, 5_000_000)
CONTEXT = multiprocessing.get_context("spawn")
CHUNKS = 16  # a document
MIB = 1 << 20
RECORD = CollectionRecord(
    uuid="0b5f9a0e-6f0f-4a3f-8a6e-0d2f6f1c9d11",
    vector_fingerprint="aa" * 16,
    chunk_fingerprint="bb" * 16,
    facts={"model": "random"},
    dimension=16,
    created_at="2026-01-02T03:04:05+00:00",
)


def main() -> None:
    """Measure in a process with the environment a writer gets, from its first instruction."""
    options = arguments()
    this_process_is_ours(one_task=True)
    wanted = dict(LanceAdapter.environment)
    if any(os.environ.get(name) != value for name, value in wanted.items()):
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | wanted)
    folder = Path(tempfile.mkdtemp(prefix="bench-lance-", dir=options.folder))
    try:
        Growth(folder, options).run()
    finally:
        shutil.rmtree(folder)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--batch", type=int, default=LanceAdapter.limits.target_rows)
    parser.add_argument("--dimension", type=int, default=16)
    parser.add_argument("--text", type=int, default=200, help="characters of a text, on average")
    parser.add_argument("--repeat", type=int, default=5, help="times each operation is measured")
    parser.add_argument("--folder", help="where the table is made, and removed again")
    parser.add_argument("--json", action="store_true", help="one line of JSON a milestone")
    return parser.parse_args()


class Growth:
    """A table that grows, and the seconds that each operation on it took."""

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self.folder = folder
        self.options = options
        self.rows = Rows(options.dimension, options.text)
        self.maker, theirs = CONTEXT.Pipe()
        CONTEXT.Process(
            target=make, args=(theirs, options.dimension, options.text), daemon=True
        ).start()
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self.memory = Memory()
        self.adapter = LanceAdapter.open(
            Endpoint(name="lance", uri=str(folder)), "documents", read_only=False
        )
        self.random = np.random.default_rng(7)
        self.attempt = 1
        self.grown = 0

    def run(self) -> None:
        from dataclasses import replace

        self.adapter.create(replace(RECORD, dimension=self.options.dimension))
        milestones = [each for each in MILESTONES if each < self.options.rows]
        self.memory.start()
        for milestone in [*milestones, self.options.rows]:
            self.grow(milestone)
            with self.timed("end of the run"):
                self.adapter.maintain(final=True)
            self.measure()
            self.tell(milestone)
            self.seconds.clear()
            self.memory.peaks.clear()
        self.adapter.close()

    def grow(self, milestone: int) -> None:
        began = time.perf_counter()
        while self.grown < milestone:
            count = min(self.options.batch, milestone - self.grown)
            numbers = np.arange(self.grown, self.grown + count)
            with self.batch(numbers, numbers // CHUNKS) as batch, self.timed("append"):
                self.adapter.append(batch)
            self.grown += count
            self.upkeep("maintain")
        self.seconds["all of growing"] = [time.perf_counter() - began]

    def measure(self) -> None:
        """Every operation on documents from all over the table, as a later run does them."""
        for _ in range(self.options.repeat):
            self.merge("merge", self.options.batch // CHUNKS)
            self.merge("merge of 4 documents", 4)
            found = self.some(64)
            with self.timed("fetch 1,024 vectors"):
                got = self.adapter.fetch_vectors(self.rows.ids(found))
            assert got.num_rows <= len(found), "an id stands twice"
            with self.timed("keep_only"):
                self.adapter.keep_only(self.rows.documents(found)[0], self.rows.ids(found)[:8])
            with self.timed("delete 64 documents"):
                self.adapter.delete_documents(self.rows.documents(self.some(64))[::CHUNKS])
            with self.timed("count"):
                self.adapter.count()
            with self.timed("search"):
                self.adapter.search([1.0] * self.options.dimension, 10)
        with self.timed("end of the next run"):
            self.adapter.maintain(final=True)

    def merge(self, name: str, documents: int) -> None:
        """Write documents again under a new attempt, a quarter of their chunks changed."""
        self.attempt += 1
        numbers = self.some(documents)
        changed = np.arange(len(numbers)) % 4 == 0
        renewed = np.where(changed, numbers + (self.attempt << 40), numbers)
        with self.batch(renewed, numbers // CHUNKS) as batch, self.timed(name):
            self.adapter.merge(batch)
        self.upkeep(f"maintain after {name}")
        pairs = [(key, self.attempt) for key in self.rows.documents(numbers)[::CHUNKS]]
        with self.timed(f"supersede {len(pairs)}"):
            self.adapter.delete_superseded(pairs)

    @contextmanager
    def batch(
        self, numbers: "np.ndarray[Any, Any]", documents: "np.ndarray[Any, Any]"
    ) -> Iterator["pa.RecordBatch"]:
        """Rows in shared memory."""
        import pyarrow as pa

        self.maker.send((numbers, self.attempt, documents))
        path = Path(self.maker.recv())
        with pa.memory_map(str(path)) as file:
            path.unlink()
            yield pa.ipc.open_file(file).get_batch(0)

    def some(self, documents: int) -> "np.ndarray[Any, Any]":
        """The row numbers of that many documents."""
        chosen = self.random.choice(self.grown // CHUNKS, documents, replace=False)
        numbers: np.ndarray[Any, Any] = (chosen[:, None] * CHUNKS + np.arange(CHUNKS)).reshape(-1)
        return numbers

    def upkeep(self, name: str) -> None:
        with self.timed(name):
            self.adapter.maintain()

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        self.memory.doing = name
        began = time.perf_counter()
        yield
        self.seconds[name].append(time.perf_counter() - began)
        self.memory.sample()
        self.memory.doing = ""

    def tell(self, milestone: int) -> None:
        table = self.folder / "documents.lance"
        facts: dict[str, float] = {
            "data files": sum(1 for _ in (table / "data").iterdir()),
            "versions": sum(1 for _ in (table / "_versions").glob("*.manifest")),
            "MB on disk": sum(path.stat().st_size for path in table.rglob("*")) // MIB,
            "peak of unique memory, MB": max(self.memory.peaks.values()),
            "upkeep's share of growing, %": 100
            * sum(self.seconds["maintain"])
            / sum(self.seconds["all of growing"]),
        }
        timings = {name: spread(values) for name, values in self.seconds.items()}
        if self.options.json:
            told = {"rows": milestone, "seconds": timings, "peaks": self.memory.peaks}
            print(json.dumps(told | facts), flush=True)
            return
        print(f"\n{milestone:,} rows")
        for name, value in facts.items():
            print(f"  {name:<36}{value:>10,.0f}")
        print(f"  {'seconds':<36}{'median':>10}{'p95':>9}{'sum':>9}{'peak, MB':>10}")
        for name, (median, high, total) in timings.items():
            peak = self.memory.peaks.get(name, 0)
            print(f"  {name:<36}{median:>10.3f}{high:>9.3f}{total:>9.1f}{peak:>10}", flush=True)


def spread(seconds: list[float]) -> tuple[float, float, float]:
    """Median, 95th percentile (of few: the largest) and sum."""
    ordered = sorted(seconds)
    return statistics.median(ordered), ordered[int(len(ordered) * 0.95)], sum(ordered)


class Rows:
    """Rows of a made-up corpus by their number: the same number has the same id and text."""

    def __init__(self, dimension: int, text: int) -> None:
        from vecstream_cli.adapters.schema import row_schema

        self.schema = row_schema(dimension)
        self.dimension = dimension
        random = np.random.default_rng(3)
        lengths = random.integers(2, 11, 999)
        words = ["".join(map(chr, random.integers(97, 123, length))) for length in lengths]
        self.pool = " ".join(random.choice(words, 60_000))
        self.text = text

    def ids(self, numbers: "np.ndarray[Any, Any]") -> list[str]:
        return digests(numbers, salt=1)

    def documents(self, numbers: "np.ndarray[Any, Any]") -> list[str]:
        return digests(numbers // CHUNKS, salt=2)

    def batch(
        self,
        numbers: "np.ndarray[Any, Any]",
        attempt: int,
        documents: "np.ndarray[Any, Any]",
    ) -> "pa.RecordBatch":
        import pyarrow as pa

        count = len(numbers)
        random = np.random.default_rng(int(numbers[0]))
        starts = random.integers(0, len(self.pool) - 2 * self.text, count)
        ends = starts + random.integers(0, 2 * self.text, count)
        vectors = random.standard_normal((count, self.dimension), dtype=np.float32)
        columns: dict[str, Any] = {
            "id": digests(numbers, salt=1),
            "document_id": digests(documents, salt=2),
            "source": ["/home/somebody/docs"] * count,
            "path": [f"handbook/part-{d % 97}/chapter-{d}.md" for d in documents.tolist()],
            "ordinal": numbers % CHUNKS,
            "char_start": starts,
            "char_end": ends,
            "page": [None] * count,
            "heading": [f"Part {d % 97} > Chapter {d}" for d in documents.tolist()],
            "text": [self.pool[a:b] for a, b in zip(starts.tolist(), ends.tolist(), strict=True)],
            "vector": pa.FixedSizeListArray.from_arrays(
                pa.array(vectors.reshape(-1)), self.dimension
            ),
            "chunk_key": digests(numbers, salt=3),
            "content_hash": digests(documents, salt=4),
            "attempt": [attempt] * count,
            "position": [None] * count,
            "metadata": ['{"title": "A handbook"}'] * count,
        }
        arrays = [
            value if isinstance(value, pa.Array) else pa.array(value, self.schema.field(name).type)
            for name, value in columns.items()
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)


def make(connection: "Connection[Any, Any]", dimension: int, text: int) -> None:
    """The maker's life: batches into files that are only in memory, until nobody asks."""
    import pyarrow as pa

    rows = Rows(dimension, text)
    folder = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with suppress(EOFError):
        while True:
            batch = rows.batch(*connection.recv())
            with (
                tempfile.NamedTemporaryFile("wb", dir=folder, delete=False) as file,
                pa.ipc.new_file(file, batch.schema) as target,
            ):
                target.write(batch)
            connection.send(file.name)


def digests(numbers: "np.ndarray[Any, Any]", salt: int) -> list[str]:
    """32 hex digits for each number, as evenly spread as a hash (splitmix64)."""
    halves = []
    for half in (0, 1):
        x = numbers.astype(np.uint64) * np.uint64(8) + np.uint64(salt * 2 + half)
        with np.errstate(over="ignore"):
            x = (x + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
            x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        halves.append(x ^ (x >> np.uint64(31)))
    text = np.stack(halves, axis=1).astype(">u8").tobytes().hex()
    return [text[at : at + 32] for at in range(0, len(text), 32)]


class Memory(threading.Thread):
    """The most unique memory of this process, in MB, by what it was doing."""

    def __init__(self, every: float = 0.02) -> None:
        super().__init__(daemon=True)
        self.every = every
        self.doing = ""
        self.peaks: dict[str, int] = {}
        self._process = psutil.Process()

    def run(self) -> None:
        while True:
            self.sample()
            time.sleep(self.every)

    def sample(self) -> None:
        doing = self.doing
        now = self._process.memory_full_info().uss // MIB
        self.peaks[doing] = max(self.peaks.get(doing, 0), now)


if __name__ == "__main__":
    main()
