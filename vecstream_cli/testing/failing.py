"""A server that is away, cuts connections, is slow, or refuses who asks."""

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from vecstream_cli.adapters.base import Adapter
from vecstream_cli.endpoint import Endpoint
from vecstream_cli.errors import AuthenticationFailed, DatabaseError
from vecstream_cli.testing.proxy import Proxy
from vecstream_cli.testing.rows import RECORD, by_id, hex_id, rows
from vecstream_cli.testing.writing import stored

if TYPE_CHECKING:
    from vecstream_cli.testing.conformance import Opener

    Through = Callable[[str], tuple[Adapter, Proxy]]


class Failing:
    """Part of `Conformance`."""

    def intruder(self, database: Endpoint) -> Endpoint | None:
        """See `Conformance`."""
        raise NotImplementedError

    def test_wrong_credentials_are_refused_by_their_own_error(
        self, database: Endpoint, reopen: "Opener"
    ) -> None:
        wrong = self.intruder(database)
        if wrong is None:
            pytest.skip("this database asks for no credentials")
        with pytest.raises(AuthenticationFailed) as caught:
            reopen(database=wrong).record()
        if wrong.password is not None:
            assert wrong.password.reveal() not in f"{caught.value} {caught.value.hint}"

    def test_a_server_that_is_away_is_named_in_a_sentence(self, through: "Through") -> None:
        _, proxy = through("1")
        proxy.down()
        began = time.monotonic()
        with pytest.raises(DatabaseError) as caught:
            through("1")[0].record()
        assert str(proxy.port) in caught.value.message
        assert "\n" not in caught.value.message
        assert caught.value.hint
        assert time.monotonic() - began < 30

    def test_a_server_that_comes_back_in_time_is_waited_for(self, through: "Through") -> None:
        _, proxy = through("60")
        proxy.down()
        timer = threading.Timer(1.0, proxy.up)
        timer.start()
        try:
            assert through("60")[0].record() is None
        finally:
            timer.join()

    @pytest.mark.parametrize("way", ["append", "merge"])
    def test_a_connection_cut_in_the_middle_of_a_batch_costs_no_row(
        self, adapter: Adapter, through: "Through", way: str
    ) -> None:
        # Given a batch that is being sent
        batch = rows("a", 1500)
        writer, proxy = through("60")
        assert writer.count() == 0
        proxy.cut_after(60_000)
        # When the connection is cut
        {"append": writer.append, "merge": writer.merge}[way](batch)
        # Then it was sent again, and every row is there once
        assert stored(adapter) == by_id(batch)

    def test_a_connection_cut_while_deleting_costs_no_row(
        self, adapter: Adapter, through: "Through"
    ) -> None:
        adapter.append(rows("a", 10))
        adapter.append(rows("b", 10))
        writer, proxy = through("60")
        assert writer.count() == 20
        proxy.cut_after(1)
        writer.delete_documents([hex_id("a")])
        proxy.cut_after(1)
        writer.delete_superseded([(hex_id("b"), 1)])
        assert stored(adapter) == by_id(rows("b", 10))

    def test_a_server_that_goes_away_in_the_middle_of_a_run_ends_it_and_loses_nothing(
        self, adapter: Adapter, through: "Through"
    ) -> None:
        writer, proxy = through("1")
        writer.append(rows("a", 10))
        proxy.down()
        with pytest.raises(DatabaseError):
            writer.append(rows("b", 10))
        with pytest.raises(DatabaseError):
            writer.delete_documents([hex_id("a")])
        # When it is there again, the same adapter goes on
        proxy.up()
        writer.merge(rows("b", 10))
        assert stored(adapter) == by_id(rows("a", 10), rows("b", 10))
        assert writer.record() == RECORD

    def test_a_slow_server_is_waited_for(self, adapter: Adapter, through: "Through") -> None:
        writer, proxy = through("60")
        proxy.bytes_per_second = 200_000
        batch = rows("a", 300)
        writer.append(batch)
        proxy.bytes_per_second = None
        assert stored(adapter) == by_id(batch)
