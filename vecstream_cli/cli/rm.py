"""``vecstream rm``: documents out of a collection."""

from dataclasses import replace
from typing import Annotated

import typer

from vecstream_cli.cli import options
from vecstream_cli.cli.command import Command, confirm, must_be_able_to_ask, run
from vecstream_cli.errors import ExitCode
from vecstream_cli.report.escape import printable
from vecstream_cli.report.figures import plural

Path = Annotated[
    str, typer.Argument(metavar="PATH", help="A document, or a folder of them; it need not exist.")
]


def rm(
    context: typer.Context,
    path: Path,
    yes: options.Yes = False,
    db: options.Db = None,
    db_uri: options.DbUri = None,
    db_password_file: options.DbPasswordFile = None,
    db_password_command: options.DbPasswordCommand = None,
    db_option: options.DbOption = None,
    collection: options.Collection = None,
    source: options.InSource = None,
    lock_wait: options.LockWait = None,
    config: options.Config = None,
    job: options.Job = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = None,
) -> int:
    """Remove the documents at or under PATH from a collection; the files stay."""
    return run(context, lambda command: _rm(command, path, source, yes))


def _rm(command: Command, path: str, source: str | None, yes: bool) -> ExitCode:
    # A configuration file names the source for `index`; here only the flag speaks of PATH.
    settings = replace(command.settings(), source=source)
    must_be_able_to_ask(yes)
    from vecstream_cli.api.remove import Removal, remove

    def agreed(removal: Removal) -> bool:
        what = plural(removal.documents, "document")
        return yes or confirm(command, f"Remove {what} from {settings.collection}?")

    removal = remove(path, settings, agreed=agreed)
    command.reporter.say(
        f"Removed {plural(removal.documents, 'document')} "
        f"({plural(removal.chunks, 'chunk')}) at {printable(path)}."
        if removal.done
        else "Nothing was removed.",
        documents_removed=removal.documents if removal.done else 0,
        chunks_deleted=removal.chunks if removal.done else 0,
    )
    return ExitCode.DONE
