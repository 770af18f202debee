"""``vecstream adapters``: the databases, which of them can be used here, and what they take."""

from typing import Annotated

import typer

from vecstream_cli.cli import options
from vecstream_cli.cli.command import Command, run
from vecstream_cli.errors import ExitCode

Name = Annotated[
    str | None, typer.Argument(metavar="[NAME]", help="Show this one's options and limits.")
]


def adapters(
    context: typer.Context,
    name: Name = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = None,
) -> int:
    """Show the databases that --db can name, and the command that adds what one lacks."""
    return run(context, lambda command: _adapters(command, name))


def _adapters(command: Command, name: str | None) -> ExitCode:
    from vecstream_cli.adapters.facts import adapter, adapters
    from vecstream_cli.report.adapters import as_json, print_adapter, print_adapters

    found = adapters() if name is None else [adapter(name)]
    reporter = command.reporter
    if reporter.lines is not None:
        for each in found:
            reporter.lines.emit("adapter", as_json(each))
    elif name is None:
        print_adapters(reporter.streams.out, found)
    else:
        print_adapter(reporter.streams.out, found[0])
    return ExitCode.DONE
