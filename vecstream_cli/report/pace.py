"""How fast a run goes and how long it has left, from its progress alone; keeps no clock."""

from collections import deque
from dataclasses import dataclass

from vecstream_cli.pipeline.events import Progress

SPEED_WINDOW = 10.0  # seconds that a speed is taken over: steady, yet quick to tell a stall
_REMAINING_WINDOW = 60.0  # documents end in bursts, so time left looks further back
_SAMPLE_EVERY = 0.5
_FIRST_ESTIMATE = 3.0
_NEARLY_DONE = 0.99


@dataclass(frozen=True, slots=True)
class Speeds:
    """Chunks and tokens a second; `seconds_left` is None while nobody can say."""

    chunks: float = 0.0
    tokens: float = 0.0
    seconds_left: float | None = None


class Pace:
    """Feed it every `Progress`; it keeps at most two samples a second of the last minute."""

    def __init__(self) -> None:
        self._samples: deque[Progress] = deque()

    def update(self, now: Progress) -> Speeds:
        """The speeds as of `now`."""
        if not self._samples or now.seconds - self._samples[-1].seconds >= _SAMPLE_EVERY:
            self._samples.append(now)
        while len(self._samples) > 1 and now.seconds - self._samples[0].seconds > _REMAINING_WINDOW:
            self._samples.popleft()
        recent = next(
            sample for sample in self._samples if now.seconds - sample.seconds <= SPEED_WINDOW
        )
        passed = now.seconds - recent.seconds
        if passed <= 0:
            return Speeds(seconds_left=self._left(now))
        return Speeds(
            chunks=(now.chunks_embedded - recent.chunks_embedded) / passed,
            tokens=(now.tokens - recent.tokens) / passed,
            seconds_left=self._left(now),
        )

    def _left(self, now: Progress) -> float | None:
        if not now.scan_done or now.seconds < _FIRST_ESTIMATE or now.bytes_done >= now.bytes_total:
            return None
        first = self._samples[0]
        done, passed = now.bytes_done - first.bytes_done, now.seconds - first.seconds
        if done <= 0 or passed <= 0:
            return None
        return (now.bytes_total - now.bytes_done) * passed / done


def fraction(progress: Progress) -> float | None:
    """How much of the run is done, from 0 to 1; None while the scan still finds files.

    It is 1 only when no document is pending: what was read may still have to be embedded.
    """
    if not progress.scan_done or progress.bytes_total <= 0:
        return None
    most = _NEARLY_DONE if progress.documents_pending else 1.0
    return min(most, progress.bytes_done / progress.bytes_total)
