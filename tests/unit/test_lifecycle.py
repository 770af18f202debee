"""What holds in a process of the ring while it starts and loads, and from then on."""

import gc
import multiprocessing
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from vecstream_cli.pipeline.lifecycle import Child, DeathWatch, loading


def test_garbage_is_looked_for_after_loading_and_not_while() -> None:
    before = gc.get_freeze_count()
    try:
        with loading():
            assert not gc.isenabled()
            kept: list[list[int]] = [[] for _ in range(1000)]
        assert gc.isenabled()
        assert gc.get_freeze_count() >= before + len(kept)  # never looked through again
    finally:
        gc.unfreeze()


def test_a_load_that_fails_leaves_the_collector_on() -> None:
    try:
        with pytest.raises(MemoryError), loading():
            raise MemoryError
        assert gc.isenabled()
    finally:
        gc.unfreeze()


@pytest.fixture
def another_thread() -> Iterator[int]:
    """The ident of a thread that does nothing, and blocks no signal."""
    done = threading.Event()
    thread = threading.Thread(target=done.wait, args=(60,))
    thread.start()
    assert thread.ident is not None
    yield thread.ident
    done.set()
    thread.join()


class Interrupting:
    """What a child is told, and a Ctrl-C that another thread takes while it is written down."""

    def __init__(self, thread: int) -> None:
        self.thread, self.waited = thread, False

    def __getstate__(self) -> dict[str, object]:
        signal.pthread_kill(self.thread, signal.SIGINT)
        for _ in range(100):
            time.sleep(0.001)  # Python looks for signals between any two steps
        self.waited = True
        return {}


def test_ctrl_c_waits_until_a_process_has_been_told_all_and_then_ends_it(
    another_thread: int, capfd: pytest.CaptureFixture[str]
) -> None:
    # given a process whose start is interrupted, while this thread blocks the signal
    watch = DeathWatch()
    told = Interrupting(another_thread)
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    # when it starts
    with pytest.raises(KeyboardInterrupt):
        Child("probe", "vecstream_cli.pipeline.writer:run", told, watch)
    # then the interruption came after it, and left no process and no word of one
    assert told.waited
    assert multiprocessing.active_children() == []
    assert capfd.readouterr().err == ""
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    watch.close()
