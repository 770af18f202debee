"""JSON lines on standard output, for programs; docs/json.md says which.

Each is one write, so that whenever the process is killed, every line but the last is whole. The
lines are plain ASCII; a byte of a file name that is not UTF-8 stands as ``\\xNN``. Lines about a
job of a configuration file name it, and each job has its own summary.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from vecstream_cli.errors import ExitCode, VecstreamError
from vecstream_cli.pipeline.events import (
    DocumentDone,
    Event,
    Notice,
    Planned,
    Preview,
    Progress,
    RunStarted,
    Summary,
)
from vecstream_cli.report.escape import decodable
from vecstream_cli.report.streams import Guarded

_STATUS_EVERY = 1.0


class JsonLines:
    """Writes the lines; `closing` are the fields of the last one beside `exit_code`."""

    def __init__(self, stream: Guarded, *, statuses: bool = True, job: str | None = None) -> None:
        self.closing: dict[str, object] = {}
        self._stream = stream
        self._statuses = statuses
        self._about = {} if job is None else {"job": job}
        self._last_status = -_STATUS_EVERY

    def hear(self, event: Event) -> None:
        """A run's event, as a line; the summary waits for `close`."""
        match event:
            case RunStarted():
                if self._statuses:
                    self.emit("status", {"stage": "starting", **asdict(event)})
            case Progress():
                if self._statuses and event.seconds - self._last_status >= _STATUS_EVERY:
                    self._last_status = event.seconds
                    self.emit("status", {**asdict(event), "stage": event.stage.value})
            case DocumentDone():
                self.emit("document", {**asdict(event), "outcome": event.outcome.value})
            case Notice():
                self.emit("notice", asdict(event))
            case Planned():
                self.emit("planned", {**asdict(event), "action": event.action.value})
            case Preview():
                self.emit("plan", asdict(event))
            case Summary():
                self.closing = event.as_dict()

    def error(self, error: VecstreamError) -> None:
        """Why the command failed."""
        self.emit(
            "error",
            {
                "error": type(error).__name__,
                "message": error.message,
                "hint": error.hint,
                "exit_code": int(error.exit_code),
            },
        )

    def close(self, code: ExitCode) -> None:
        """The last line."""
        self.emit("summary", {"exit_code": int(code)} | self.closing | {"exit_code": int(code)})

    def emit(self, kind: str, fields: Mapping[str, object]) -> None:
        """One line; what a program cannot decode in the strings is escaped."""
        line = (
            {"type": kind} | self._about | {key: _decodable(value) for key, value in fields.items()}
        )
        self._stream.write_line(json.dumps(line, ensure_ascii=True, allow_nan=False))


def _decodable(value: Any) -> Any:
    if isinstance(value, str):
        return decodable(value)
    if isinstance(value, Mapping):
        return {str(_decodable(key)): _decodable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_decodable(item) for item in value]
    return value
