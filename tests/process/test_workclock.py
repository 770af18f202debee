"""The clock of work: it goes on with this process, and stands while another has the core."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from vecstream_cli.pipeline.workclock import WorkClock

BESIDE = """
import os, sys, time
from vecstream_cli.pipeline.workclock import WorkClock
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
clock, beside = WorkClock(), os.fork()
if not beside:
    while True:
        pass
os.nice(19)
began, work = time.monotonic_ns(), clock.now()
used = time.process_time_ns()
while time.process_time_ns() - used < 10_000_000:
    pass
print(clock.now() - work, time.monotonic_ns() - began)
os.kill(beside, 9)
"""


@pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="no such count here")
def test_time_in_which_another_process_has_the_core_is_not_work() -> None:
    told = subprocess.run(
        [sys.executable, "-c", BESIDE], capture_output=True, text=True, timeout=120, check=True
    )
    worked, passed = map(int, told.stdout.split())
    assert 10_000_000 <= worked < passed / 2


def test_it_never_goes_back_and_waiting_for_something_counts() -> None:
    clock = WorkClock()
    times = [clock.now() for _ in range(1000)]
    assert times == sorted(times)
    time.sleep(0.02)
    assert clock.now() - times[-1] > 10_000_000


def test_without_that_count_it_is_the_monotonic_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vecstream_cli.pipeline.workclock._WAITED", "/proc/no/such/file")
    before, now, after = time.monotonic_ns(), WorkClock().now(), time.monotonic_ns()
    assert before <= now <= after
