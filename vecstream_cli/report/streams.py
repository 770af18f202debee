"""Standard output and standard error, guarded: a reader that goes away ends no run."""

import errno
import io
import os
import sys
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, TextIO

from vecstream_cli.errors import ExitCode, worst

if TYPE_CHECKING:
    from rich.console import Console

_READER_IS_GONE = frozenset({errno.EPIPE, errno.EIO, errno.EBADF, errno.ENXIO})


_NEVER_WRAP = 10_000  # columns: what is not a terminal gets whole lines


class Guarded(io.TextIOBase):
    """A text stream that never raises.

    When its reader is gone (``| head``, a closed terminal) it falls silent. `failure` holds the
    first error that lost output for another reason, such as a full disk. Characters that its
    encoding lacks are shown escaped.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream: TextIO = io.StringIO() if stream is None else stream
        self.failure: OSError | None = None
        self.gone = stream is None
        if isinstance(self._stream, io.TextIOWrapper):
            self._stream.reconfigure(errors="backslashreplace")

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._stream.encoding or "utf-8"

    def isatty(self) -> bool:
        return not self.gone and self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self._guard(lambda: self._stream.write(text))
        return len(text)

    def write_line(self, line: str) -> None:
        """A line with its end, written at once and, to a file or a pipe, by one call."""
        data = line + "\n"
        descriptor = self._descriptor()
        if descriptor is None:
            self.write(data)
        else:
            encoded = memoryview(data.encode(self.encoding, "backslashreplace"))
            self.flush()
            self._guard(lambda: _write_all(descriptor, encoded))
        self.flush()

    def flush(self) -> None:
        self._guard(self._stream.flush)

    def _guard(self, action: Callable[[], object]) -> None:
        if self.gone:
            return
        try:
            action()
        except OSError as error:
            self.gone = True
            if error.errno not in _READER_IS_GONE:
                self.failure = error
            self._discard_the_rest()

    def _descriptor(self) -> int | None:
        try:
            return self._stream.fileno()
        except (OSError, ValueError):  # it is in memory, or closed
            return None

    def _discard_the_rest(self) -> None:
        """Let what is buffered go nowhere, or the interpreter complains about it when it ends."""
        descriptor = self._descriptor()
        if descriptor is None:
            return
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, descriptor)
        os.close(nowhere)


def _write_all(descriptor: int, data: memoryview) -> None:
    """Past Python's buffers, which cut a line where they are full; a pipe may take it in parts."""
    while data:
        data = data[os.write(descriptor, data) :]


class Streams:
    """Both streams, and the consoles that draw on them; rich is imported when one is used."""

    def __init__(self, stdout: TextIO | None, stderr: TextIO | None) -> None:
        self.stdout = Guarded(stdout)
        self.stderr = Guarded(stderr)

    @classmethod
    def standard(cls) -> "Streams":
        """The process's own."""
        return cls(sys.stdout, sys.stderr)

    @cached_property
    def out(self) -> "Console":
        """Draws on standard output."""
        return _console(self.stdout)

    @cached_property
    def err(self) -> "Console":
        """Draws on standard error."""
        return _console(self.stderr)

    @property
    def live(self) -> bool:
        """Standard error is a terminal that can redraw its lines."""
        return self.stderr.isatty() and self.err.is_terminal and not self.err.is_dumb_terminal

    def finish(self, code: ExitCode) -> ExitCode:
        """Send what is buffered; output lost to anything but a reader that left is a failure."""
        self.stdout.flush()
        self.stderr.flush()
        return code if self.stdout.failure is None else worst(code, ExitCode.FAILED)


def _console(stream: Guarded) -> "Console":
    from rich.console import Console

    return Console(
        file=stream,  # type: ignore[arg-type]
        markup=False,
        highlight=False,
        emoji=False,
        width=None if stream.isatty() else _NEVER_WRAP,
    )
