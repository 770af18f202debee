"""``vecstream status``: what is in a database, and what failed, without opening it."""

import typer

from vecstream_cli.cli import options
from vecstream_cli.cli.command import Command, run
from vecstream_cli.errors import ExitCode


def status(
    context: typer.Context,
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
    return run(context, _status)


def _status(command: Command) -> ExitCode:
    settings = command.settings()
    named = "collection" in command.given()
    from vecstream_cli.api.status import status

    collections = status(
        db=settings.db,
        db_uri=settings.db_uri,
        collection=settings.collection if named else None,
    )
    reporter = command.reporter
    from vecstream_cli.report.collections import as_json, print_collections

    if reporter.lines is not None:
        for collection in collections:
            reporter.lines.emit("collection", as_json(collection))
        reporter.lines.closing["collections"] = len(collections)
    elif not reporter.quiet:
        print_collections(reporter.streams.out, collections)
    return ExitCode.DONE
