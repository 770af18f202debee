"""``vecstream index``: documents into the database; and again, for what changed."""

import typer

from vecstream_cli.cli import options, reading_options
from vecstream_cli.cli.command import Command, run_jobs
from vecstream_cli.cli.watched import watched
from vecstream_cli.errors import ExitCode, UsageError
from vecstream_cli.settings import Settings


def index(
    context: typer.Context,
    paths: options.Paths = None,
    files_from: options.FilesFrom = None,
    include: options.Include = None,
    exclude: options.Exclude = None,
    hidden: options.Hidden = None,
    follow_links: options.FollowLinks = None,
    limit: options.Limit = None,
    embedded_images: options.EmbeddedImages = None,
    source: options.Source = None,
    require: options.Require = None,
    ocr: reading_options.Ocr = None,
    pdf_password_file: reading_options.PdfPasswordFile = None,
    pdf_password_command: reading_options.PdfPasswordCommand = None,
    db: options.Db = None,
    db_uri: options.DbUri = None,
    db_password_file: options.DbPasswordFile = None,
    db_password_command: options.DbPasswordCommand = None,
    db_option: options.DbOption = None,
    collection: options.Collection = None,
    lock_wait: options.LockWait = None,
    json_text: reading_options.JsonText = None,
    archives: reading_options.Archives = None,
    model: options.Model = None,
    revision: options.Revision = None,
    device: options.Device = None,
    precision: options.Precision = None,
    chunk_size: options.ChunkSize = None,
    chunk_overlap: options.ChunkOverlap = None,
    max_memory: options.MaxMemory = None,
    buffer: options.Buffer = None,
    parsers: options.Parsers = None,
    document_timeout: options.DocumentTimeout = None,
    max_duration: options.MaxDuration = None,
    max_load: options.MaxLoad = None,
    nice: options.Nice = None,
    dry_run: options.DryRun = False,
    checksum: options.Checksum = None,
    strict: options.Strict = None,
    allow_mass_delete: options.AllowMassDelete = None,
    rebuild: options.Rebuild = None,
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
    """Index documents. Run it again to take in what is new, changed or gone."""
    return run_jobs(context, _preview if dry_run else _index)


def _index(command: Command) -> ExitCode:
    settings = _settings(command)
    from vecstream_cli.api.index import index

    return watched(command, settings, index)


def _preview(command: Command) -> ExitCode:
    settings, reporter = _settings(command), command.reporter
    from vecstream_cli.api.preview import preview
    from vecstream_cli.report.preview import Foreseen, print_preview

    foreseen = Foreseen(reporter.lines)
    with reporter.busy("Looking for documents …"):
        found = preview(settings, foreseen.hear)
    if reporter.lines is None and not reporter.quiet:
        print_preview(reporter.streams.out, found, foreseen)
    return ExitCode.DONE


def _settings(command: Command) -> Settings:
    command.reporter.expect_summary()
    settings = command.settings()
    if not settings.paths and settings.files_from is None:
        raise UsageError(
            "Nothing was named to index.",
            hint="Name files or folders, as in `vecstream index ./docs`, or pass --files-from.",
        )
    return settings
