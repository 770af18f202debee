"""``vecstream schedule``: the lines that make systemd or cron run a configuration file."""

from dataclasses import asdict
from typing import Annotated

import typer

from vecstream_cli.cli import options
from vecstream_cli.cli.command import Command, run
from vecstream_cli.core.schedule import KINDS, daily, repeated
from vecstream_cli.errors import ExitCode, UsageError
from vecstream_cli.layers import variables

At = Annotated[
    str | None,
    typer.Option("--at", metavar="HH:MM", help="Run once a day at this time. Default: 02:30."),
]
Every = Annotated[
    str | None,
    typer.Option("--every", metavar="TIME", help="Run so often instead, such as 30m or 6h."),
]
Kind = Annotated[
    str | None,
    typer.Option(
        "--kind", metavar="systemd|cron", help="What runs it. Default: systemd where that runs."
    ),
]
Name = Annotated[
    str | None,
    typer.Option("--name", metavar="NAME", help="What to call it. Default: from FILE and job."),
]
Install = Annotated[
    bool, typer.Option("--install", help="Write it, rather than print it.", show_default=False)
]


def schedule(
    context: typer.Context,
    at: At = None,
    every: Every = None,
    kind: Kind = None,
    name: Name = None,
    install: Install = False,
    config: options.Config = None,
    job: options.Job = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = None,
) -> int:
    """Print, or install, a systemd timer or a crontab line for a configuration file."""
    return run(context, lambda command: _schedule(command, at, every, kind, name, install))


def _schedule(
    command: Command,
    at: str | None,
    every: str | None,
    kind: str | None,
    name: str | None,
    install: bool,
) -> ExitCode:
    if at is not None and every is not None:
        raise UsageError("--at and --every are two times.", hint="Give one of them.")
    from vecstream_cli.api.schedule import make, planned, usual_kind

    if kind not in (None, *KINDS):
        raise UsageError(f"--kind {kind!r} is not known.", hint="Use systemd or cron.")
    file = command.file()
    if file is None:
        raise UsageError(
            "No configuration file is named.", hint="Name one by --config: it is what is run."
        )
    when = repeated(every) if every is not None else daily(at or "02:30")
    plan = planned(file, command.job, when, name)
    for variable, better in variables(command.environ):
        command.reporter.warn(
            "environment",
            f"{variable} is set here, and will not be then: use {better} in {file.path}.",
        )
    made = make(plan, kind or usual_kind(), install=install)
    reporter = command.reporter
    if reporter.lines is not None:
        reporter.lines.emit("schedule", {**asdict(made), "installed": install})
        return ExitCode.DONE
    from vecstream_cli.report.schedules import print_installed, print_made

    if not install:
        print_made(reporter.streams.stdout, made)
    elif not reporter.quiet:
        print_installed(reporter.streams.stdout, made)
    return ExitCode.DONE
