"""``vecstream prune``: sources that nobody names any more, out of a collection."""

from typing import TYPE_CHECKING, Annotated

import typer

from vecstream_cli.cli import options
from vecstream_cli.cli.command import Command, confirm, must_be_able_to_ask, run
from vecstream_cli.errors import ExitCode, UsageError
from vecstream_cli.report.figures import plural
from vecstream_cli.report.places import folder
from vecstream_cli.report.reporter import Reporter
from vecstream_cli.settings import Settings

if TYPE_CHECKING:
    from vecstream_cli.api.prune import Pruning

Kept = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="PATH", help="Folders whose documents stay, as for `index`.", show_default=False
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Only say what would go.", show_default=False)
]


def prune(
    context: typer.Context,
    paths: Kept = None,
    dry_run: DryRun = False,
    yes: options.Yes = False,
    source: options.Source = None,
    db: options.Db = None,
    db_uri: options.DbUri = None,
    db_password_file: options.DbPasswordFile = None,
    db_password_command: options.DbPasswordCommand = None,
    db_option: options.DbOption = None,
    collection: options.Collection = None,
    lock_wait: options.LockWait = None,
    config: options.Config = None,
    job: options.Job = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = None,
) -> int:
    """Remove the documents of sources that are not named any more; the files stay.

    Every PATH, or every path of the configuration, is a source to keep.
    """
    return run(context, lambda command: _prune(command, dry_run=dry_run, yes=yes))


def _prune(command: Command, *, dry_run: bool, yes: bool) -> ExitCode:
    named = _of_one_collection(command)
    if not dry_run:
        must_be_able_to_ask(yes)
    from vecstream_cli.api.prune import prune

    def agreed(pruning: "Pruning") -> bool:
        _list(command.reporter, pruning, as_text=dry_run or not yes)
        question = f"Remove {_what(pruning)} from {named[0].collection}?"
        return not dry_run and (yes or confirm(command, question))

    pruning = prune(named, agreed=agreed)
    if not pruning.sources:
        line = "Every source is named: nothing to remove."
    elif pruning.done:
        line = f"Removed {_what(pruning)} ({plural(pruning.chunks, 'chunk')})."
    elif dry_run:
        line = f"To be removed: {_what(pruning)}."
    else:
        line = "Nothing was removed."
    command.reporter.say(
        line,
        sources=len(pruning.sources),
        documents_removed=pruning.documents if pruning.done else 0,
        documents_to_remove=0 if pruning.done else pruning.documents,
        chunks_deleted=pruning.chunks,
    )
    return ExitCode.DONE


def _of_one_collection(command: Command) -> list[Settings]:
    """The settings of every job of the file that keeps the collection that is meant."""
    file = command.file()
    jobs: list[str | None] = list(file.jobs) if file is not None else []
    every = [command.for_job(job).settings() for job in jobs or [command.job]]
    meant = command.settings() if command.job or not jobs else every[0]
    same = [each for each in every if _collection(each) == _collection(meant)]
    if command.job is None and len(same) < len(every):
        raise UsageError(
            "The jobs of this file keep several collections.", hint="Name a job by --job."
        )
    return same


def _collection(settings: Settings) -> tuple[str, str | None, str]:
    return settings.db, settings.db_uri, settings.collection


def _list(reporter: Reporter, pruning: "Pruning", *, as_text: bool) -> None:
    for source in pruning.sources:
        if reporter.lines is not None:
            fields = {"source": source.name, "documents": source.documents}
            reporter.lines.emit("source", fields)
        elif as_text:
            reporter.say(f"{folder(source.name)}  {plural(source.documents, 'document')}")


def _what(pruning: "Pruning") -> str:
    documents = plural(pruning.documents, "document")
    return f"{documents} of {plural(len(pruning.sources), 'source')}"
