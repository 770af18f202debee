"""Who gets a slot when there are fewer slots than parsers."""

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from vecstream_cli.core.ids import DocumentId
from vecstream_cli.pipeline.arena import Arena
from vecstream_cli.pipeline.lifecycle import Child
from vecstream_cli.pipeline.messages import Job, JobId
from vecstream_cli.pipeline.parsers import ParserPool


@pytest.fixture
def pool() -> Iterator[ParserPool]:
    """Three parsers, each with a document; no process stands behind them."""
    arena = Arena.create(0)
    pool = ParserPool(3, lambda row: cast(Child, None), arena)
    pool.start()
    for number, worker in pool.workers.items():
        name = Path(f"{number}.md")
        job = Job(
            id=JobId(number), document=DocumentId(b"d" * 16), attempt=1, source="s",
            path=str(name), relative=bytes(name), absolute=bytes(name), size=1, known_hash=None,
        )  # fmt: skip
        worker.jobs[job.id] = job
    yield pool
    arena.close()


def test_parsers_that_all_lack_a_slot_take_turns(pool: ParserPool) -> None:
    """One slot, given back before the next look: the first parser must not get it every time."""
    served = []
    for _ in range(6):
        worker = next(pool.hungry(lambda worker: 0))
        pool.served(worker)
        served.append(worker.number)

    assert served == [0, 1, 2, 0, 1, 2]


def test_a_parser_without_a_slot_comes_before_one_that_has_one(pool: ParserPool) -> None:
    held = {0: 1, 1: 0, 2: 2}

    neediest = [worker.number for worker in pool.hungry(lambda worker: held[worker.number])]

    assert neediest == [1, 0]
