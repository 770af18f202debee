"""Who gets a slot when there are fewer slots than parsers, and who is late."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import psutil
import pytest

from vecstream_cli.core.ids import DocumentId
from vecstream_cli.pipeline.arena import HEARTBEAT, Arena
from vecstream_cli.pipeline.lifecycle import Child
from vecstream_cli.pipeline.messages import Job, JobId
from vecstream_cli.pipeline.parsers import ParserPool

SLEEP = "import time; time.sleep(600)"


@dataclass
class Stand:
    """Some process in a parser's place."""

    pid: int


@contextlib.contextmanager
def parser_that(does: str) -> Iterator[ParserPool]:
    """One parser that has begun a document, and then does this."""
    arena = Arena.create(0)
    code = f"print('ready', flush=True)\n{does}"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        pool = ParserPool(1, lambda row: cast(Child, Stand(process.pid)), arena)
        pool.start()
        pool.started(pool.workers[0], JobId(0))
        yield pool
    finally:
        process.kill()
        process.communicate()
        arena.close()


def wait_until_asleep(pool: ParserPool) -> None:
    while psutil.Process(pool.workers[0].child.pid).status() != psutil.STATUS_SLEEPING:
        time.sleep(0.01)


def looked_at(pool: ParserPool, times: int, timeout: float) -> bool:
    """Whether it is late after so many looks that are called a second apart, and are not."""
    return any(pool.overdue(1.0, timeout) for _ in range(times))


def test_a_parser_that_waits_for_something_is_late_by_the_clock() -> None:
    with parser_that(SLEEP) as pool:
        wait_until_asleep(pool)
        assert not looked_at(pool, 3, timeout=3.0)
        assert looked_at(pool, 10, timeout=3.0)


def test_a_parser_that_is_kept_from_running_is_late_by_its_own_time() -> None:
    """It would compute if it were let: a hundred seconds pass, of which it gets next to none."""
    with parser_that("while True: pass") as pool:
        assert not looked_at(pool, 100, timeout=3.0)


def test_progress_renews_the_deadline() -> None:
    with parser_that(SLEEP) as pool:
        wait_until_asleep(pool)
        for beat in range(5):
            pool._arena.control[0, HEARTBEAT] = beat + 1
            assert not looked_at(pool, 3, timeout=3.0)


def test_until_the_pool_grows_only_the_first_parsers_are_spawned() -> None:
    arena, spawned = Arena.create(0), list[int]()

    def spawn(row: int) -> Child:
        spawned.append(row)
        return cast(Child, None)

    pool = ParserPool(3, spawn, arena, at_first=1)
    pool.grow()  # there is nothing to read yet
    assert spawned == []
    pool = ParserPool(3, spawn, arena, at_first=1)
    pool.start()
    pool.start()
    assert spawned == [0]
    pool.grow()
    assert spawned == [0, 1, 2]
    arena.close()


@pytest.mark.parametrize(
    ("documents", "size", "parsers"),
    [
        (1, 10 << 20, 1),
        (2, 10 << 20, 2),
        (9, 10 << 20, 3),
        (9, 1000, 1),
        (9, 100_000, 2),
        (0, 0, 1),
    ],
)
def test_a_little_to_read_is_no_work_for_many(documents: int, size: int, parsers: int) -> None:
    arena = Arena.create(0)
    pool = ParserPool(3, lambda row: cast(Child, None), arena)
    pool.limit(documents, size)
    pool.start()
    pool.grow()
    assert len(pool.workers) == parsers
    arena.close()


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
