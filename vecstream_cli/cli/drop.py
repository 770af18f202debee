"""``vecstream drop``: a whole collection, out of the database."""

from typing import Annotated

import typer

from vecstream_cli.cli import options
from vecstream_cli.cli.command import Command, confirm, must_be_able_to_ask, run
from vecstream_cli.errors import ExitCode
from vecstream_cli.report.figures import plural

Name = Annotated[str, typer.Argument(metavar="COLLECTION", help="The collection to delete.")]


def drop(
    context: typer.Context,
    collection: Name,
    yes: options.Yes = False,
    db: options.Db = None,
    db_uri: options.DbUri = None,
    db_password_file: options.DbPasswordFile = None,
    db_password_command: options.DbPasswordCommand = None,
    db_option: options.DbOption = None,
    lock_wait: options.LockWait = None,
    config: options.Config = None,
    job: options.Job = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = None,
) -> int:
    """Delete a collection with all its rows; the files that were indexed stay."""
    return run(context, lambda command: _drop(command, yes))


def _drop(command: Command, yes: bool) -> ExitCode:
    settings = command.settings()
    must_be_able_to_ask(yes)
    from vecstream_cli.api.remove import Removal, drop

    def agreed(removal: Removal) -> bool:
        what = f"{settings.collection} with {plural(removal.chunks, 'chunk')}"
        return yes or confirm(command, f"Delete the collection {what}?")

    removal = drop(settings, agreed=agreed)
    command.reporter.say(
        f"Deleted the collection {settings.collection} with {plural(removal.chunks, 'chunk')}."
        if removal.done
        else "Nothing was deleted.",
        chunks_deleted=removal.chunks if removal.done else 0,
    )
    return ExitCode.DONE
