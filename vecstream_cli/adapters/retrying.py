"""Calling a server again: only what may pass, later each time, and not for ever."""

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from vecstream_cli.errors import VecstreamError

_T = TypeVar("_T")
_log = logging.getLogger(__name__)

FIRST_PAUSE = 0.2
LONGEST_PAUSE = 20.0


@dataclass(frozen=True, slots=True)
class Again(Exception):
    """What a call raised may pass: it is worth calling again.

    `error` is what to raise should it not pass in time; `after` the seconds that the server asked
    to be left alone for (Retry-After), None where it said nothing.
    """

    error: VecstreamError
    after: float | None = None


class Retrying:
    """Makes calls until they succeed, fail for good, or the deadline of one is over.

    `told` turns what a client raised into the error to raise at once, or into `Again`. Pauses
    double from FIRST_PAUSE to LONGEST_PAUSE, each drawn evenly from zero to its length ("full
    jitter": Brooker, "Exponential backoff and jitter", 2015), but never shorter than the server
    asked for.
    """

    def __init__(
        self,
        told: Callable[[Exception], VecstreamError | Again],
        deadline: float,
        *,
        sleep: Callable[[float], object] = time.sleep,
        now: Callable[[], float] = time.monotonic,
        draw: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._told = told
        self._deadline = deadline
        self._sleep = sleep
        self._now = now
        self._draw = draw
        self.repeated = 0
        """How many calls were made again."""

    def __call__(self, call: Callable[[], _T]) -> _T:
        """What `call` returns. It may be made several times, so it must be safe to repeat."""
        began, pause = self._now(), FIRST_PAUSE
        while True:
            try:
                return call()
            except VecstreamError:
                raise
            except Exception as raised:
                told = raised if isinstance(raised, Again) else self._told(raised)
                if not isinstance(told, Again):
                    raise told from raised
                wait = max(self._draw(0.0, pause), told.after or 0.0)
                if self._now() - began + wait > self._deadline:
                    raise told.error from raised
                _log.info("%s Calling again in %.1f s.", told.error.message, wait)
            self.repeated += 1
            self._sleep(wait)
            pause = min(2 * pause, LONGEST_PAUSE)


def retry_after(value: str | None) -> float | None:
    """Seconds from the value of a Retry-After header (RFC 9110, 10.2.3): a number or a date."""
    if value is None:
        return None
    if value.strip().isdigit():
        return float(value)
    from datetime import UTC, datetime
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
