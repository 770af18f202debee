"""``vecstream compact``: the upkeep of a table, now."""

import typer

from vecstream_cli.cli import options
from vecstream_cli.cli.command import Command, run_jobs
from vecstream_cli.errors import ExitCode
from vecstream_cli.report.figures import size


def compact(
    context: typer.Context,
    db: options.Db = None,
    db_uri: options.DbUri = None,
    db_password_file: options.DbPasswordFile = None,
    db_password_command: options.DbPasswordCommand = None,
    db_option: options.DbOption = None,
    collection: options.Collection = None,
    lock_wait: options.LockWait = None,
    max_memory: options.MaxMemory = None,
    config: options.Config = None,
    job: options.Job = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = None,
) -> int:
    """Compact a collection's table and index it, where that is due.

    Every run does so at its end. What was replaced less than an hour ago stays on disk for
    whoever is reading it.
    """
    return run_jobs(context, _compact)


def _compact(command: Command) -> ExitCode:
    settings = command.settings()
    from vecstream_cli.api.compact import compact

    with command.reporter.busy("Compacting …"):
        done = compact(settings)
    line = "Nothing to compact."
    if done.done:
        line = f"Compacted the collection {settings.collection}."
        if done.bytes_before is not None and done.bytes_after is not None:
            sizes = f"{size(done.bytes_before)} on disk before, {size(done.bytes_after)} now"
            line = f"Compacted the collection {settings.collection}: {sizes}."
    command.reporter.say(
        line,
        compacted=done.done,
        disk_bytes_before=done.bytes_before,
        disk_bytes=done.bytes_after,
    )
    return ExitCode.DONE
