"""``vecstream config show``: every setting, its value, and where it comes from."""

import inspect
from dataclasses import asdict
from typing import Annotated

import typer

from vecstream_cli.cli.command import Command, run_jobs
from vecstream_cli.cli.index import index
from vecstream_cli.errors import ExitCode, UsageError
from vecstream_cli.keys import NAMES, ON_THE_COMMAND_LINE
from vecstream_cli.layers import shown

Action = Annotated[str, typer.Argument(metavar="show", help="What to do: show.")]


def config(context: typer.Context, action: Action, **flags: object) -> int:
    """Show each setting of `vecstream index` with these options, and where it comes from."""
    return run_jobs(context, lambda command: _config(command, action))


# It takes every setting that `index` takes, whatever those come to be.
_OWN = [each for each in inspect.signature(config).parameters.values() if each.name != "flags"]
_THEIRS = [
    each
    for each in inspect.signature(index).parameters.values()
    if each.name.replace("_", "-") in {*NAMES, *ON_THE_COMMAND_LINE} - {"dry-run"}
]
config.__signature__ = inspect.Signature([*_OWN, *_THEIRS])  # type: ignore[attr-defined]
config.__annotations__ |= {each.name: each.annotation for each in _THEIRS}


def _config(command: Command, action: str) -> ExitCode:
    if action != "show":
        raise UsageError(f"There is no `vecstream config {action}`.", hint="Did you mean show?")
    file = command.file()
    rows = list(shown(command.settings(), command.trace(file)))
    reporter = command.reporter
    if reporter.lines is not None:
        for row in rows:
            reporter.lines.emit("setting", asdict(row))
        return ExitCode.DONE
    from vecstream_cli.report.settings import print_settings

    path = None if file is None else str(file.path)
    print_settings(reporter.streams.out, rows, file=path, job=reporter.job)
    return ExitCode.DONE
