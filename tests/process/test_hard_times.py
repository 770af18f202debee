"""Hard times for a run: it is stopped, its clock jumps, its tree changes, and two want to run."""

import threading
import time
from pathlib import Path

import pytest
from conftest import Vecstream, children_of, wait_until
from crash_rounds import World, processes_of
from crash_tree import Stock

# Python's own clocks are all that vecstream reads, so they are moved in each of its processes.
MOVED_CLOCK = """
import datetime, os, time

shift = int(os.environ["SHIFT_SECONDS"])
seconds, nanoseconds, real = time.time, time.time_ns, datetime.datetime

class Moved(real):
    @classmethod
    def now(cls, tz=None):
        return real.now(tz) + datetime.timedelta(seconds=shift)

time.time = lambda: seconds() + shift
time.time_ns = lambda: nanoseconds() + shift * 10**9
datetime.datetime = Moved
"""
YEAR = 365 * 24 * 3600


@pytest.fixture
def world(vecstream: Vecstream, stock: Stock) -> World:
    return World(vecstream, stock, seed=7)


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_ten_runs_over_a_tree_edited_between_them_equal_one_clean_run(world: World) -> None:
    for _ in range(10):
        world.tree.edit()
        world.run()

    world.equals_a_run_from_scratch()


def test_processes_that_are_stopped_for_a_while_end_their_run_well(world: World) -> None:
    """Each role by itself, then all of them for longer than a document may take."""
    run = world.start("--document-timeout", "3")
    for role in ("vs-parser", "vs-writer", "vs-inference"):
        (process, *_) = wait_until(
            lambda role=role: [each for each in children_of(run.pid) if each.name() == role]
        )
        process.suspend()
        time.sleep(0.5)
        process.resume()
    everyone = processes_of(run.pid)
    for process in everyone:
        process.suspend()
    time.sleep(4.0)
    for process in everyone:
        process.resume()

    done = run.finish()

    assert (done.code, done.err) == (0, "")
    assert (done.summary["documents_failed"], done.summary["parsers_replaced"]) == (0, 0)
    world.run()


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_clock_that_jumps_ahead_and_back_misses_no_change(world: World, tmp_path: Path) -> None:
    shim = tmp_path / "shim"
    shim.mkdir()
    (shim / "sitecustomize.py").write_text(MOVED_CLOCK)
    path = f"{shim}:{Path(__file__).parents[2]}"
    for shift in (YEAR, -YEAR, 0):
        world.run(PYTHONPATH=path, SHIFT_SECONDS=str(shift))
        world.tree.edit()

    world.equals_a_run_from_scratch()


def test_a_tree_that_changes_while_it_is_read_is_caught_up_with(world: World) -> None:
    over = threading.Event()

    def change() -> None:
        while not over.wait(0.02):
            world.tree.edit(spoiling=False)

    writer = threading.Thread(target=change)
    writer.start()
    try:
        done = world.start().finish()
    finally:
        over.set()
        writer.join()

    assert done.code in (0, 3), done.err
    assert "Traceback" not in done.err
    time.sleep(2.1)
    world.run()


def test_of_two_runs_started_at_once_one_wins_and_nothing_is_doubled(
    world: World, tmp_path: Path
) -> None:
    other = Vecstream(tmp_path / "other", world.vecstream.model)
    other.folder.mkdir()
    other.database = world.vecstream.database

    first = world.start()
    second = other.start(world.tree.folder, "--chunk-size", "64")
    codes = {first.finish().code, second.finish().code}

    assert codes == {0, 11}
    world.run()  # which finds no row twice, and nothing to do
