"""Calls are made again for what may pass: later each time, not too soon, and not for ever."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from vecstream_cli.adapters.retrying import (
    FIRST_PAUSE,
    LONGEST_PAUSE,
    Again,
    Retrying,
    retry_after,
)
from vecstream_cli.errors import DatabaseError, UsageError, VecstreamError


class Away(Exception):
    """What a client raises for a server that is away."""


class Wrong(Exception):
    """What a client raises for a request that will never do."""


@dataclass
class Clock:
    """Time that passes only by sleeping; `slept` are the pauses."""

    time: float = 0.0
    slept: list[float] = field(default_factory=list)

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds


def told(error: Exception) -> VecstreamError | Again:
    return Again(DatabaseError("It is away.")) if isinstance(error, Away) else UsageError("No.")


def failing(times: int, error: Exception) -> Callable[[], str]:
    left = [error] * times

    def call() -> str:
        if left:
            raise left.pop()
        return "done"

    return call


def retrying(clock: Clock, deadline: float, share: float = 1.0) -> Retrying:
    """With pauses that are a fixed share of the longest that may be drawn."""
    return Retrying(
        told, deadline, sleep=clock.sleep, now=clock.now, draw=lambda low, high: share * high
    )


def test_what_succeeds_is_called_once() -> None:
    clock = Clock()
    assert retrying(clock, 60)(failing(0, Away())) == "done"
    assert clock.slept == []


def test_pauses_double_up_to_the_longest() -> None:
    clock = Clock()
    again = retrying(clock, 1000)
    assert again(failing(10, Away())) == "done"
    assert clock.slept == [min(FIRST_PAUSE * 2**n, LONGEST_PAUSE) for n in range(10)]
    assert again.repeated == 10


def test_what_will_not_pass_is_raised_at_once_as_our_own_error() -> None:
    clock = Clock()
    with pytest.raises(UsageError) as caught:
        retrying(clock, 60)(failing(1, Wrong()))
    assert isinstance(caught.value.__cause__, Wrong)
    assert clock.slept == []


def test_an_error_of_ours_is_let_through() -> None:
    error = DatabaseError("It is said already.")
    with pytest.raises(DatabaseError) as caught:
        retrying(Clock(), 60)(failing(1, error))
    assert caught.value is error


@pytest.mark.parametrize("deadline", [0.0, 5.0, 60.0])
def test_after_the_deadline_the_last_failure_is_raised(deadline: float) -> None:
    clock = Clock()
    with pytest.raises(DatabaseError, match="away"):
        retrying(clock, deadline)(failing(1000, Away()))
    assert clock.time <= deadline


def test_a_pause_is_as_long_as_the_server_asked_for() -> None:
    clock = Clock()
    asked = Again(DatabaseError("Too many requests."), after=7.0)
    assert retrying(clock, 60, share=0.0)(failing(2, asked)) == "done"
    assert clock.slept == [7.0, 7.0]


def test_a_server_that_wants_longer_than_the_deadline_is_given_up_at_once() -> None:
    clock = Clock()
    with pytest.raises(DatabaseError, match="Too many"):
        retrying(clock, 60)(failing(1, Again(DatabaseError("Too many requests."), after=90.0)))
    assert clock.slept == []


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(None, None), ("7", 7.0), (" 0 ", 0.0), ("soon", None), ("Mon, 99 Foo", None)],
)
def test_retry_after_in_seconds(value: str | None, seconds: float | None) -> None:
    assert retry_after(value) == seconds


@pytest.mark.parametrize("seconds", [30, -30])
def test_retry_after_as_a_date(seconds: int) -> None:
    value = format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)
    found = retry_after(value)
    assert found is not None
    assert max(0, seconds) - 2 <= found <= max(0, seconds)
