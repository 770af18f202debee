"""What every verb does the same way: read its settings, run, report an error, end with a code."""

import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import typer

from vecstream_cli.cli.signals import ended_by_signal
from vecstream_cli.errors import ExitCode, InternalError, Interrupted, UsageError, VecstreamError
from vecstream_cli.hiding import hidden
from vecstream_cli.keys import NAMES
from vecstream_cli.layers import gather
from vecstream_cli.report.reporter import Reporter
from vecstream_cli.report.streams import Streams
from vecstream_cli.settings import Settings


@dataclass(frozen=True, slots=True)
class Command:
    """A verb's flags by their dashed names, and its voice."""

    flags: dict[str, object]
    config: str | None
    reporter: Reporter

    def settings(self) -> Settings:
        """What defaults, file, environment and flags say together."""
        return Settings(**self.given())

    def given(self) -> dict[str, Any]:
        """The same without the defaults, by the names that `Settings` has."""
        return gather(self.flags, config=self.config)


def run(context: typer.Context, body: Callable[[Command], ExitCode]) -> int:
    """Do what `body` says and return the exit code; every error becomes a sentence and a hint."""
    params = context.params
    reporter = Reporter(
        Streams.standard(), json=params.get("json", False), quiet=params.get("quiet", False)
    )
    flags = {name.replace("_", "-"): value for name, value in params.items()}
    command = Command(
        flags={key: value for key, value in flags.items() if key in NAMES},
        config=params.get("config"),
        reporter=reporter,
    )
    code = ExitCode.FAILED
    try:
        with ended_by_signal():
            code = _attempt(command, body)
    except Interrupted as interruption:
        code = interruption.exit_code
    return reporter.close(code)


def _attempt(command: Command, body: Callable[[Command], ExitCode]) -> ExitCode:
    try:
        return body(command)
    except Interrupted:
        raise
    except VecstreamError as error:
        refused = error
    except Exception as error:  # noqa: BLE001  the last wall: nobody else can put it in a sentence
        refused = InternalError(f"{type(error).__name__}: {error}")
        refused.__cause__ = error
    if command.flags.get("debug"):
        sys.stderr.write(hidden("".join(traceback.format_exception(refused))))
    command.reporter.error(refused)
    return refused.exit_code


def confirm(command: Command, question: str) -> bool:
    """Ask a person on the terminal."""
    streams = command.reporter.streams
    streams.stderr.write(f"{question} [y/N] ")
    streams.stderr.flush()
    try:
        return input().strip().lower() in ("y", "yes")
    except EOFError:
        return False


def must_be_able_to_ask(yes: bool) -> None:
    """Raise UsageError where neither `yes` was given nor a person can be asked."""
    import sys

    if not yes and not (sys.stdin is not None and sys.stdin.isatty()):
        raise UsageError(
            "This deletes, and there is no terminal to ask on.", hint="Pass --yes to go ahead."
        )
