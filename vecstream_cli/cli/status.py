"""``vecstream status``: what is in a database, and what failed, without opening it."""

from typing import Annotated

import typer

from vecstream_cli.cli import options
from vecstream_cli.cli.command import Command, run
from vecstream_cli.errors import ExitCode

Failed = Annotated[
    bool, typer.Option("--failed", help="Only what failed, all of it.", show_default=False)
]


def status(
    context: typer.Context,
    failed: Failed = False,
    db: options.Db = None,
    db_uri: options.DbUri = None,
    collection: options.Collection = None,
    config: options.Config = None,
    job: options.Job = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = None,
) -> int:
    """Show the collections: documents, chunks, model, last run, failures, size on disk."""
    return run(context, lambda command: _status(command, failed=failed))


def _status(command: Command, *, failed: bool) -> ExitCode:
    settings = command.settings()
    named = "collection" in command.given()
    from vecstream_cli.api.status import status

    collections = status(
        db=settings.db,
        db_uri=settings.db_uri,
        collection=settings.collection if named else None,
    )
    reporter = command.reporter
    from vecstream_cli.report.collections import (
        as_json,
        failures_as_json,
        print_collections,
        print_failures,
    )

    if reporter.lines is not None:
        for collection in collections:
            if failed:
                for failure in failures_as_json(collection):
                    reporter.lines.emit("document", failure)
            else:
                reporter.lines.emit("collection", as_json(collection))
        reporter.lines.closing["collections"] = len(collections)
    elif not reporter.quiet:
        show = print_failures if failed else print_collections
        show(reporter.streams.out, collections)
    return ExitCode.DONE
