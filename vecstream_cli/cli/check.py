"""``vecstream check``: whether manifest, rows, vectors and files agree, and mending them."""

from typing import Annotated

import typer

from vecstream_cli.cli import options, reading_options
from vecstream_cli.cli.command import Command, run_jobs
from vecstream_cli.errors import ExitCode, UsageError

_CHECK = "What to check"

Share = Annotated[
    str | None,
    typer.Option(
        "--sample",
        metavar="SHARE",
        help="Embed this share of the rows again, such as 1%, and compare the vectors.",
        rich_help_panel=_CHECK,
    ),
]
ReadSource = Annotated[
    bool,
    typer.Option(
        "--read-source",
        help="Read every file and compare its content.",
        show_default=False,
        rich_help_panel=_CHECK,
    ),
]
Repair = Annotated[
    bool,
    typer.Option(
        "--repair", help="Mend what is found.", show_default=False, rich_help_panel=_CHECK
    ),
]


def check(
    context: typer.Context,
    sample: Share = None,
    read_source: ReadSource = False,
    repair: Repair = False,
    db: options.Db = None,
    db_uri: options.DbUri = None,
    db_password_file: options.DbPasswordFile = None,
    db_password_command: options.DbPasswordCommand = None,
    db_option: options.DbOption = None,
    collection: options.Collection = None,
    lock_wait: options.LockWait = None,
    embedded_images: options.EmbeddedImages = None,
    ocr: reading_options.Ocr = None,
    json_text: reading_options.JsonText = None,
    archives: reading_options.Archives = None,
    model: options.Model = None,
    revision: options.Revision = None,
    device: options.Device = None,
    config: options.Config = None,
    job: options.Job = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = None,
) -> int:
    """Compare a collection's rows with what is remembered of them.

    Exit code 0: all agree, or all was mended; 1: they do not.
    """
    return run_jobs(
        context, lambda command: _check(command, sample, read_source=read_source, repair=repair)
    )


def _check(command: Command, sample: str | None, *, read_source: bool, repair: bool) -> ExitCode:
    share = None if sample is None else _share(sample)
    settings = command.settings()
    from vecstream_cli.api.check import check

    reporter = command.reporter
    with reporter.busy("Checking …"):
        report = check(
            settings,
            share=share,
            read_source=read_source,
            repair=repair,
            model=settings.model if command.flags.get("model") else None,
            revision=settings.revision,
        )
    from vecstream_cli.report.check import closing, difference_as_json, print_report

    if reporter.lines is not None:
        for difference in report.differences:
            reporter.lines.emit("difference", difference_as_json(difference))
        reporter.lines.closing |= closing(report)
    elif not reporter.quiet:
        print_report(reporter.streams.out, report, repaired=repair)
    return report.exit_code


def _share(text: str) -> float:
    """``1%`` as 0.01."""
    try:
        share = float(text.removesuffix("%")) / 100
    except ValueError:
        share = 0.0
    if not text.endswith("%") or not 0 < share <= 1:
        raise UsageError(
            f"--sample {text!r} is no share of the rows.", hint="Write a percentage, such as 1%."
        )
    return share
