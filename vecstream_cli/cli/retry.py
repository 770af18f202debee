"""``vecstream retry``: documents that failed, once more."""

from dataclasses import replace
from typing import Annotated

import typer

from vecstream_cli.cli import options, reading_options
from vecstream_cli.cli.command import Command, run
from vecstream_cli.cli.watched import watched
from vecstream_cli.errors import ExitCode
from vecstream_cli.pipeline.events import Listener, Summary
from vecstream_cli.settings import Settings

Failed = Annotated[
    list[str] | None,
    typer.Argument(metavar="PATH", help="Only what failed at or below these.", show_default=False),
]


def retry(
    context: typer.Context,
    path: Failed = None,
    db: options.Db = None,
    db_uri: options.DbUri = None,
    db_password_file: options.DbPasswordFile = None,
    db_password_command: options.DbPasswordCommand = None,
    db_option: options.DbOption = None,
    collection: options.Collection = None,
    source: options.InSource = None,
    lock_wait: options.LockWait = None,
    embedded_images: options.EmbeddedImages = None,
    ocr: reading_options.Ocr = None,
    pdf_password_file: reading_options.PdfPasswordFile = None,
    pdf_password_command: reading_options.PdfPasswordCommand = None,
    json_text: reading_options.JsonText = None,
    archives: reading_options.Archives = None,
    model: options.Model = None,
    revision: options.Revision = None,
    device: options.Device = None,
    max_memory: options.MaxMemory = None,
    buffer: options.Buffer = None,
    parsers: options.Parsers = None,
    document_timeout: options.DocumentTimeout = None,
    log_file: options.LogFile = None,
    metrics_file: options.MetricsFile = None,
    ping_url: options.PingUrl = None,
    ping_url_file: options.PingUrlFile = None,
    ping_url_command: options.PingUrlCommand = None,
    config: options.Config = None,
    job: options.Job = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = None,
) -> int:
    """Forget that documents failed, and read them again now.

    The model and the chunks are those that the collection was made with.
    """
    return run(context, lambda command: _retry(command, path or [], source))


def _retry(command: Command, paths: list[str], source: str | None) -> ExitCode:
    # A configuration file names the source for `index`; here only the flag speaks of PATH.
    settings = replace(command.settings(), paths=(), source=source)
    command.reporter.expect_summary()
    from vecstream_cli.api.retry import retry

    def work(settings: Settings, listener: Listener) -> Summary:
        summary = retry(settings, paths, listener, given=command.given())
        if summary is None:
            command.reporter.say("Nothing failed that could be tried again.")
        return summary or Summary()

    return watched(command, settings, work)
