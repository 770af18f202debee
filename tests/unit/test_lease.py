"""The lock record beside a server's data: who gets it, who is refused, who has lost it."""

import os
import subprocess
import sys
import threading
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from vecstream_cli.adapters import lease
from vecstream_cli.adapters.lease import STALE_SECONDS, Holder, Lease, acquire
from vecstream_cli.errors import CollectionLocked, DatabaseError


@dataclass
class Board:
    """Where records stand, as beside the data of a server; and a clock that sleeping moves on."""

    record: str | None = None
    time: float = 1000.0
    away: bool = False
    loses_answers: bool = False
    turn: threading.Lock = field(default_factory=threading.Lock)
    meanwhile: Any = None

    def read_lock(self) -> str | None:
        if self.away:
            raise DatabaseError("The server is away.")
        return self.record

    def swap_lock(self, old: str | None, new: str | None) -> bool:
        with self.turn:
            if self.read_lock() != old:
                return False
            self.record = new
            return not self.loses_answers

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds
        if self.meanwhile is not None:
            self.meanwhile(self)

    def close(self) -> None: ...


def take(board: Board, ours: Holder, wait: float = 0.0) -> Holder:
    return acquire(board, ours, wait=wait, now=board.now, sleep=board.sleep)  # type: ignore[arg-type]


def other() -> Holder:
    """A run of another machine that was seen just now."""
    ours = Holder.ours("vecstream index")
    return replace(ours, run="other", host="elsewhere", machine="another boot", pid=7)


def test_a_free_lock_is_taken_at_once() -> None:
    board, ours = Board(), Holder.ours("vecstream index")
    assert take(board, ours) == ours
    assert Holder.parsed(board.record or "") == ours
    assert board.time == 1000


def test_a_fresh_record_of_another_machine_refuses_at_once_and_says_who() -> None:
    theirs = other().text()
    board = Board(theirs)
    with pytest.raises(CollectionLocked, match="process 7 on elsewhere") as caught:
        take(board, Holder.ours("vecstream index"))
    assert caught.value.exit_code == 11
    assert board.time == 1000
    assert board.record == theirs


def test_a_record_that_is_renewed_is_never_taken_however_old_it_looks() -> None:
    # Given a holder whose clock is a day behind, and who renews
    board = Board(replace(other(), seen="2020-01-01T00:00:00+00:00").text())

    def renew(board: Board) -> None:
        holder = Holder.parsed(board.record or "")
        assert holder is not None
        if int(board.time) % 10 == 0:
            board.record = replace(holder.renewed(), seen=other().seen).text()

    board.meanwhile = renew
    with pytest.raises(CollectionLocked):
        take(board, Holder.ours("vecstream index"), wait=500)


@pytest.mark.parametrize("record", [other().text(), "what another version wrote", "{}"])
def test_a_record_that_does_not_change_while_it_is_watched_is_taken_over(record: str) -> None:
    board, ours = Board(record), Holder.ours("vecstream index")
    assert take(board, ours, wait=10 * STALE_SECONDS) == ours
    assert STALE_SECONDS <= board.time - 1000 < STALE_SECONDS + 2


def test_a_record_that_looks_old_is_watched_though_nobody_wants_to_wait() -> None:
    board = Board(replace(other(), seen="2020-01-01T00:00:00+00:00").text())
    ours = Holder.ours("vecstream index")
    assert take(board, ours, wait=0) == ours


def test_a_lock_that_is_let_go_of_while_we_wait_is_taken() -> None:
    def let_go(board: Board) -> None:
        if board.time > 1010:
            board.record = None

    board, ours = Board(other().text(), meanwhile=let_go), Holder.ours("vecstream index")
    assert take(board, ours, wait=30) == ours
    assert board.time < 1012


def test_a_process_of_this_machine_that_is_gone_holds_nothing() -> None:
    code = "from vecstream_cli.adapters.lease import Holder; print(Holder.ours('x').text())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    board, ours = Board(done.stdout.strip()), Holder.ours("vecstream index")
    assert take(board, ours) == ours
    assert board.time == 1000


def test_a_number_that_another_process_has_now_is_no_sign_of_life() -> None:
    ours = Holder.ours("vecstream index")
    board = Board(replace(ours, run="other", began=ours.began - 100).text())
    assert take(board, ours) == ours


def test_a_living_process_of_this_machine_refuses() -> None:
    board = Board(replace(Holder.ours("vecstream rm"), run="other").text())
    with pytest.raises(CollectionLocked, match=f"`vecstream rm` .process {os.getpid()} "):
        take(board, Holder.ours("vecstream index"))


def test_a_swap_whose_answer_was_lost_was_ours() -> None:
    board, ours = Board(loses_answers=True), Holder.ours("vecstream index")
    assert take(board, ours) == ours


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> tuple[Board, Lease]:
    """A lease that no thread renews within the test."""
    monkeypatch.setattr(lease, "BEAT_SECONDS", 3600.0)
    board = Board()
    ours = take(board, Holder.ours("vecstream index"))
    return board, Lease(board, ours, board.now)  # type: ignore[arg-type]


def test_a_look_after_a_long_stop_renews_the_record(held: tuple[Board, Lease]) -> None:
    board, ours = held
    before = board.record
    ours.check()
    assert board.record == before
    board.time += STALE_SECONDS
    ours.check()
    assert board.record != before
    ours.release()
    assert board.record is None


def test_a_run_that_was_taken_for_dead_writes_no_more(held: tuple[Board, Lease]) -> None:
    board, ours = held
    board.time += STALE_SECONDS
    board.record = theirs = other().text()
    for _ in range(2):
        with pytest.raises(CollectionLocked, match="on elsewhere"):
            ours.check()
    ours.release()
    assert board.record == theirs


def test_where_it_cannot_be_told_nothing_is_written(held: tuple[Board, Lease]) -> None:
    board, ours = held
    board.time += STALE_SECONDS
    board.away = True
    with pytest.raises(DatabaseError, match="away"):
        ours.check()
    board.away = False
    ours.check()
    ours.release()


def test_a_renewal_whose_answer_was_lost_was_ours(held: tuple[Board, Lease]) -> None:
    board, ours = held
    board.loses_answers = True
    for _ in range(2):
        board.time += STALE_SECONDS
        ours.check()
    board.loses_answers = False
    ours.release()
    assert board.record is None


def test_a_thread_renews_the_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "BEAT_SECONDS", 0.01)
    board = Board()
    ours = Lease(board, take(board, Holder.ours("x")), board.now)  # type: ignore[arg-type]
    renewed = threading.Event()
    for _ in range(500):
        if (Holder.parsed(board.record or "") or other()).beat > 2:
            renewed.set()
            break
        renewed.wait(0.01)
    ours.release()
    assert renewed.is_set()
    assert board.record is None
