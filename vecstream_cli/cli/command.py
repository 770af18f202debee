"""What every verb does the same way: read its settings, run, report an error, end with a code."""

import os
import select
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import typer

from vecstream_cli.cli.signals import ended_by_signal
from vecstream_cli.config_file import ConfigFile
from vecstream_cli.errors import (
    ExitCode,
    InternalError,
    Interrupted,
    UsageError,
    VecstreamError,
    worst,
)
from vecstream_cli.hiding import hidden
from vecstream_cli.keys import NAMES
from vecstream_cli.layers import (
    WHAT_TO_INDEX,
    Given,
    arguments,
    config_file,
    take_secrets,
    trace,
    warnings,
)
from vecstream_cli.report.reporter import Reporter
from vecstream_cli.report.streams import Streams
from vecstream_cli.settings import Settings

_SIGNAL_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Command:
    """A verb's flags by their dashed names, the other layers of settings, and its voice.

    `job` is the configuration file's that is meant; None: its only one.
    """

    flags: Mapping[str, object]
    environ: Mapping[str, str]
    config: str | None
    job: str | None
    reporter: Reporter

    def settings(self) -> Settings:
        """What defaults, file, job, environment and flags say together."""
        file = self.file()
        given = self.trace(file)
        for reason, message in warnings(given, file):
            self.reporter.warn(reason, message)
        return Settings(**arguments(given))

    def given(self) -> dict[str, Any]:
        """The same without the defaults, by the names that `Settings` has."""
        return arguments(self.trace(self.file()))

    def trace(self, file: ConfigFile | None) -> dict[str, Given]:
        """The same by key, with the layer that each value comes from."""
        return trace(self.flags, environ=self.environ, file=file, job=self.job)

    def file(self) -> ConfigFile | None:
        """The configuration file that is named, read."""
        return config_file(self.config, self.environ)

    def for_job(self, job: str | None) -> "Command":
        """The same command for one job, which everything it says then names."""
        return replace(self, job=job, reporter=self.reporter.for_job(job))


def run(context: typer.Context, body: Callable[[Command], ExitCode]) -> int:
    """Do what `body` says and return the exit code; every error becomes a sentence and a hint."""
    return _run(_command(context), body)


def run_jobs(context: typer.Context, body: Callable[[Command], ExitCode]) -> int:
    """The same for every job of the configuration file in turn, or the one that is named.

    Each ends by itself, and the worst exit code is returned. A failure does not keep the next
    job from running; an interruption does.
    """
    command = _command(context)
    try:
        jobs = _jobs(command)
    except UsageError:
        return _run(command, body)  # which meets the same error, and tells it
    codes: list[ExitCode] = []
    for job in jobs:
        codes.append(_run(command.for_job(job), body))
        if codes[-1] > 128:  # by a signal
            break
    return worst(*codes)


def _command(context: typer.Context) -> Command:
    params = context.params
    flags = {name.replace("_", "-"): value for name, value in params.items()}
    return Command(
        flags={key: value for key, value in flags.items() if key in NAMES},
        environ=take_secrets(os.environ),
        config=params.get("config"),
        job=params.get("job"),
        reporter=Reporter(
            Streams.standard(), json=params.get("json", False), quiet=params.get("quiet", False)
        ),
    )


def _jobs(command: Command) -> list[str | None]:
    """The jobs to run; one without a name where there is no file, or none in it."""
    file = command.file()
    if file is None:
        return [None]
    one = command.job or len(file.jobs) < 2 or any(command.flags.get(key) for key in WHAT_TO_INDEX)
    return [file.job(command.job)] if one else [*file.jobs]


def _run(command: Command, body: Callable[[Command], ExitCode]) -> ExitCode:
    code = ExitCode.FAILED
    try:
        with ended_by_signal():
            code = _attempt(command, body)
    except Interrupted as interruption:
        code = interruption.exit_code
    return command.reporter.close(code)


def _attempt(command: Command, body: Callable[[Command], ExitCode]) -> ExitCode:
    try:
        return body(command)
    except Interrupted:
        raise
    except Exception as error:  # noqa: BLE001  the last wall: nobody else can put it in a sentence
        refused = as_refusal(error)
    if command.flags.get("debug"):
        sys.stderr.write(hidden("".join(traceback.format_exception(refused))))
    command.reporter.error(refused)
    return refused.exit_code


def as_refusal(error: Exception) -> VecstreamError:
    """One of our errors as it is, any other one as a bug."""
    if isinstance(error, VecstreamError):
        return error
    refused = InternalError(f"{type(error).__name__}: {error}")
    refused.__cause__ = error
    return refused


def confirm(command: Command, question: str) -> bool:
    """Ask a person on the terminal."""
    streams = command.reporter.streams
    streams.stderr.write(f"{question} [y/N] ")
    streams.stderr.flush()
    # Python sees a signal that comes just before a read begins only when the read has ended.
    while not select.select([sys.stdin], [], [], _SIGNAL_SECONDS)[0]:
        pass
    try:
        return input().strip().lower() in ("y", "yes")
    except EOFError:
        return False


def must_be_able_to_ask(yes: bool) -> None:
    """Raise UsageError where neither `yes` was given nor a person can be asked."""
    if not yes and not (sys.stdin is not None and sys.stdin.isatty()):
        raise UsageError(
            "This deletes, and there is no terminal to ask on.", hint="Pass --yes to go ahead."
        )
