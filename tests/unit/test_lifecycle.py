"""What holds in a process of the ring while it loads, and from then on."""

import gc

import pytest

from vecstream_cli.pipeline.lifecycle import loading


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
