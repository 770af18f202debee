"""How fast each database takes rows, side by side and in turns; and the memory of who writes them.

    python scripts/bench_adapters.py lance=./a.lance pgvector=postgresql://me@127.0.0.1/base
    python scripts/bench_adapters.py --servers      # those that the tests can start here

Vectors of 384 numbers, texts of 700 characters, batches of the adapter's `target_rows`. Each turn
is a process of its own that makes a collection, appends, merges every row once more, and drops it.
A password comes from VECSTREAM_DB_PASSWORD.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from vecstream_cli.adapters.registry import adapter_class, connect
from vecstream_cli.endpoint import Endpoint
from vecstream_cli.secret import Secret

_DIMENSION = 384
_PASSWORD = "VECSTREAM_DB_PASSWORD"
_TESTS = Path(__file__).parents[1] / "tests"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("databases", nargs="*", metavar="NAME=URI")
    parser.add_argument("--servers", action="store_true", help="those that the tests can start")
    parser.add_argument("--rows", type=int, default=40_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        name, uri = given.one.split("=", 1)
        print(json.dumps(_write(name, uri, given.rows)))
        return
    with contextlib.ExitStack() as stack:
        found: dict[str, tuple[str, Mapping[str, str]]] = {
            text: (text, {}) for text in given.databases
        }
        if given.servers:
            found |= stack.enter_context(_servers())
        told: dict[str, list[dict[str, float]]] = {label: [] for label in found}
        for _ in range(given.rounds):
            for label, (database, environment) in found.items():
                told[label].append(_turn(database, environment, given.rows))
    print("| database | append, rows/s | merge, rows/s | writer, MB at most |\n|---|---|---|---|")
    for label, turns in told.items():
        cells = [_spread([turn[what] for turn in turns]) for what in ("append", "merge", "memory")]
        print(f"| {label} | {' | '.join(cells)} |")


def _turn(database: str, environment: Mapping[str, str], rows: int) -> dict[str, float]:
    kind = adapter_class(database.split("=", 1)[0])
    done = subprocess.run(
        [sys.executable, __file__, "--one", database, "--rows", str(rows)],
        env={**os.environ, **kind.environment, **environment}, stdout=subprocess.PIPE, check=True,
    )  # fmt: skip
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def _write(name: str, uri: str, count: int) -> dict[str, float]:
    import psutil

    from vecstream_cli.testing.rows import RECORD, rows, with_columns

    secret = Secret(os.environ[_PASSWORD]) if _PASSWORD in os.environ else None
    database = Endpoint(name=name, uri=uri, password=secret)
    speeds: dict[str, float] = {}
    memory = 0.0
    with connect(database, f"bench{uuid.uuid4().hex[:8]}", read_only=False) as adapter:
        adapter.create(replace(RECORD, dimension=_DIMENSION))
        try:
            size = min(adapter.limits.target_rows, count)
            texts = ["some words " * 64] * size
            adapter.append(rows("the first of all loads code", 10, dimension=_DIMENSION))
            for what, write in (("append", adapter.append), ("merge", adapter.merge)):
                took = 0.0
                for first in range(0, count, size):
                    batch = rows(f"doc {first}", size, dimension=_DIMENSION)
                    batch = with_columns(batch, text=texts)
                    began = time.monotonic()
                    write(batch)
                    adapter.maintain()
                    took += time.monotonic() - began
                    memory = max(memory, psutil.Process().memory_full_info().uss)
                speeds[what] = size * len(range(0, count, size)) / took
        finally:
            adapter.drop()
    return {**speeds, "memory": memory / 1e6}


@contextlib.contextmanager
def _servers() -> Iterator[dict[str, tuple[str, Mapping[str, str]]]]:
    """Every database that runs here: embedded ones, and servers as the tests start them."""
    sys.path.insert(0, str(_TESTS))
    from adapters.servers import milvus_server, postgres
    from adapters.servers.chroma import ChromaServer

    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        found: dict[str, tuple[str, Mapping[str, str]]] = {}
        for kind in ("lance", "chroma", "milvus"):
            uri = folder / (f"{kind}.db" if kind == "milvus" else kind)
            found[f"{kind}, embedded"] = (f"{kind}={uri}", {})
        server = postgres.running()
        found["pgvector, a server"] = (f"pgvector={server.uri}", {_PASSWORD: server.password})
        chroma = ChromaServer(folder / "chroma-server")
        chroma.folder.mkdir()
        chroma.start()
        stack.callback(chroma.stop)
        found["chroma, a server"] = (f"chroma={chroma.uri}", {})
        (folder / "milvus-server").mkdir()
        milvus = stack.enter_context(milvus_server.server(folder / "milvus-server"))
        found["milvus, a server of 2.3.5"] = (
            f"milvus={milvus}",
            {_PASSWORD: milvus_server.PASSWORD},
        )
        yield found


def _spread(values: list[float]) -> str:
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:,.0f} ({low:,.0f}–{high:,.0f})"


if __name__ == "__main__":
    main()
