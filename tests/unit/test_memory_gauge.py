"""What the ring's own account of its memory counts, and what it leaves out."""

import subprocess
import sys

from vecstream_cli.pipeline.arena import Arena
from vecstream_cli.pipeline.memory import MemoryGauge

MIB = 1 << 20
HOLD = (
    "import sys; data = bytearray(b'x') * (64 << 20); print('ready', flush=True); sys.stdin.read()"
)


class Holder:
    """A child process that holds 64 MiB while entered."""

    def __enter__(self) -> "Holder":
        self._process = subprocess.Popen(
            [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"ready\n"
        self.pid = self._process.pid
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()


def test_the_arena_counts_in_full_and_so_does_a_child() -> None:
    arena = Arena.create(128 * MIB)
    gauge = MemoryGauge(arena.size)
    alone = gauge.sample({}).total
    with Holder() as child:
        sample = gauge.sample({child.pid: 7})

    assert alone > 128 * MIB
    assert sample.total - alone > 64 * MIB
    ((number, size),) = sample.parsers
    assert number == 7
    assert size > 64 * MIB
    assert gauge.peak == sample.total
    arena.close()


def test_what_the_caller_had_before_the_run_is_not_the_runs() -> None:
    """A notebook with a table in memory and a pool of workers."""
    arena = Arena.create(0)
    lean = MemoryGauge(arena.size).sample({}).total
    table = bytearray(b"x") * (512 * MIB)
    with Holder():
        gauge = MemoryGauge(arena.size)
        before = gauge.sample({}).total
        grown = bytearray(b"x") * (64 * MIB)
        after = gauge.sample({}).total

    assert len(table) > len(grown)
    assert before < lean + 256 * MIB
    assert after - before > 48 * MIB
    arena.close()
