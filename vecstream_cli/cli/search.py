"""``vecstream search``: the chunks and images that answer a question best."""

from dataclasses import asdict
from typing import Annotated

import typer

from vecstream_cli.cli import options
from vecstream_cli.cli.command import Command, run
from vecstream_cli.errors import ExitCode, UsageError

Query = Annotated[
    str | None, typer.Argument(metavar="[QUERY]", help="What you want to know, or to see.")
]
Image = Annotated[
    str | None,
    typer.Option("--image", metavar="FILE", help="Search by an image instead of words."),
]
Top = Annotated[int, typer.Option("--top", "-k", metavar="N", help="How many results.", min=1)]

Where = Annotated[
    str | None,
    typer.Option(
        "--where",
        metavar="FILTER",
        help="Only what matches, such as: author = 'Ann' and page >= 3 (docs/search.md).",
    ),
]

Hybrid = Annotated[
    bool,
    typer.Option(
        "--hybrid",
        help="Look for the words too, not for the meaning alone, and join both rankings.",
        show_default=False,
    ),
]


def search(
    context: typer.Context,
    query: Query = None,
    image: Image = None,
    top: Top = 5,
    where: Where = None,
    hybrid: Hybrid = False,
    db: options.Db = None,
    db_uri: options.DbUri = None,
    db_password_file: options.DbPasswordFile = None,
    db_password_command: options.DbPasswordCommand = None,
    db_option: options.DbOption = None,
    collection: options.Collection = None,
    model: options.Model = None,
    revision: options.Revision = None,
    device: options.Device = None,
    config: options.Config = None,
    job: options.Job = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = None,
) -> int:
    """Search a collection by meaning, with the model that it was made with."""
    return run(context, lambda command: _search(command, query, image, top, where, hybrid=hybrid))


def _search(
    command: Command,
    query: str | None,
    image: str | None,
    top: int,
    where: str | None,
    *,
    hybrid: bool,
) -> ExitCode:
    if query is None and image is None:
        raise UsageError(
            "There is nothing to search for.",
            hint='Ask something, as in vecstream search "…", or pass --image FILE.',
        )
    if query is not None and image is not None:
        raise UsageError("A search is by words or by --image, not by both.")
    if query is not None and not query.strip():
        raise UsageError("The query is empty.", hint='Ask something: vecstream search "…".')
    settings = command.settings()
    from vecstream_cli.api.search import search

    reporter = command.reporter
    with reporter.busy("Searching …"):
        hits = search(
            query,
            image=image,
            k=top,
            where=where,
            hybrid=hybrid,
            db=settings.db,
            db_uri=settings.db_uri,
            db_password=settings.db_password,
            db_option=settings.db_option,
            collection=settings.collection,
            model=settings.model if command.flags.get("model") else None,
            revision=settings.revision,
            device=settings.device,
        )
    from vecstream_cli.report.positions import position

    if reporter.lines is not None:
        for rank, hit in enumerate(hits, start=1):
            where_in = {"position": position(hit.position)}
            reporter.lines.emit("hit", {"rank": rank} | asdict(hit) | where_in)
        reporter.lines.closing["hits"] = len(hits)
        return ExitCode.DONE
    from vecstream_cli.report.results import print_hits

    print_hits(reporter.streams.out, hits, query or "", filtered=where is not None)
    return ExitCode.DONE
