"""The lock record that a database keeps beside the data."""

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from vecstream_cli.adapters.base import Adapter
from vecstream_cli.testing.rows import RECORD, rows

if TYPE_CHECKING:
    from vecstream_cli.testing.conformance import Opener


class Locking:
    """Part of `Conformance`."""

    def test_a_lock_record_is_swapped_only_for_the_one_that_stands_there(
        self, reopen: "Opener"
    ) -> None:
        lock = _keeper(reopen)
        other = reopen()
        assert lock.read_lock() is None
        assert not lock.swap_lock("what is not there", "mine")
        assert lock.swap_lock(None, 'mine "ünïcode" 1')
        assert other.read_lock() == 'mine "ünïcode" 1'
        assert not other.swap_lock(None, "theirs")
        assert not other.swap_lock("mine 2", "theirs")
        assert lock.swap_lock('mine "ünïcode" 1', "mine 2")
        assert other.swap_lock("mine 2", "theirs")
        assert not lock.swap_lock("mine 2", None)
        assert lock.read_lock() == "theirs"
        assert other.swap_lock("theirs", None)
        assert lock.read_lock() is None

    def test_of_many_who_want_the_lock_at_once_one_gets_it(self, reopen: "Opener") -> None:
        lock = _keeper(reopen)
        many = [reopen() for _ in range(8)]
        for old in (None, "stale"):
            if old is not None:
                assert lock.swap_lock(lock.read_lock(), old)
            with ThreadPoolExecutor(len(many)) as pool:
                names = [f"number {n}" for n in range(len(many))]
                got = list(pool.map(lambda one, new: one.swap_lock(old, new), many, names))  # noqa: B023
            assert sum(got) == 1
            assert lock.read_lock() == names[got.index(True)]

    def test_a_lock_record_outlives_its_collection_and_is_no_row(self, reopen: "Opener") -> None:
        lock = _keeper(reopen)
        assert lock.swap_lock(None, "mine")
        lock.create(RECORD)
        lock.append(rows("a", 3))
        assert (lock.count(), len(list(lock.ids()))) == (3, 3)
        lock.drop()
        assert lock.read_lock() == "mine"
        assert lock.record() is None

    def test_collections_have_locks_of_their_own(self, reopen: "Opener") -> None:
        lock = _keeper(reopen)
        other = reopen(collection="anothertestcollection")
        assert lock.swap_lock(None, "mine")
        assert other.read_lock() is None
        assert other.swap_lock(None, "theirs")
        assert lock.read_lock() == "mine"

    def test_a_reader_takes_no_lock(self, reopen: "Opener") -> None:
        from vecstream_cli.errors import DatabaseError

        _keeper(reopen)
        reader = reopen(read_only=True)
        with pytest.raises(DatabaseError):
            reader.swap_lock(None, "mine")


def _keeper(reopen: "Opener") -> Adapter:
    adapter = reopen()
    if not adapter.keeps_locks:
        pytest.skip("this database keeps no lock record")
    return adapter
