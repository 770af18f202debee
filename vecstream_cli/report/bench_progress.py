"""What a benchmark is doing now: one line on a terminal, a line for each step elsewhere."""

from types import TracebackType
from typing import Self

from rich.status import Status

from vecstream_cli.report.streams import Streams


class BenchProgress:
    """Speaks on standard error; `plain` is whether it does where that is no terminal."""

    def __init__(self, streams: Streams, *, quiet: bool, plain: bool = True) -> None:
        self._streams = streams
        self._quiet = quiet
        self._plain = plain and not quiet
        self._said = ""
        self._status: Status | None = None

    def __enter__(self) -> Self:
        if self._streams.live and not self._quiet:
            self._status = self._streams.err.status("Measuring …")
            self._status.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._status is not None:
            self._status.stop()

    def step(self, what: str, number: int, of: int, share: float | None) -> None:
        """Step `number` of `of` is under way, `share` of it done."""
        line = f"Measuring {number} of {of}: {what}"
        if self._status is not None:
            self._status.update(line if share is None else f"{line}, {share:.0%}")
        elif self._plain and line != self._said:
            self._said = line
            self._streams.stderr.write(line + "\n")
            self._streams.stderr.flush()
