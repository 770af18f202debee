"""``vecstream bench``: how fast this machine is, what limits it, and what to set."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from vecstream_cli.cli import options, reading_options
from vecstream_cli.cli.command import Command, run
from vecstream_cli.core.records import as_json
from vecstream_cli.errors import ExitCode, UsageError

_MEASURING = "What to measure"
_RESULTS = "Results"
_FILES = ("report", "write_config")

Folder = Annotated[
    str | None,
    typer.Argument(
        metavar="PATH",
        help="A folder of yours. Without one, documents are generated.",
        show_default=False,
    ),
]
Quick = Annotated[
    bool,
    typer.Option(
        "--quick", help="Take less than a minute.", show_default=False, rich_help_panel=_MEASURING
    ),
]
Minutes = Annotated[
    float | None,
    typer.Option(
        "--minutes",
        metavar="N",
        help="Take about N minutes. Default: 3.",
        rich_help_panel=_MEASURING,
    ),
]
Against = Annotated[
    str | None,
    typer.Option(
        "--against",
        metavar="sequential",
        help="Also parse all, then embed all, then write: the traditional way.",
        rich_help_panel=_MEASURING,
    ),
]
Repeat = Annotated[
    int,
    typer.Option(
        "--repeat",
        metavar="N",
        help="Whole runs of each way, in turn, for a spread. Default: 1.",
        show_default=False,
        rich_help_panel=_MEASURING,
    ),
]
Report = Annotated[
    str | None,
    typer.Option(
        "--report",
        metavar="FILE.html",
        help="Write a page with plots, complete in itself.",
        rich_help_panel=_RESULTS,
    ),
]
WriteConfig = Annotated[
    str | None,
    typer.Option(
        "--write-config",
        metavar="FILE",
        help="Write the recommended settings, for `vecstream index --config`.",
        rich_help_panel=_RESULTS,
    ),
]
Compare = Annotated[
    tuple[str, str] | None,
    typer.Option(
        "--compare",
        metavar="A B",
        help="Measure nothing: tell two saved outputs of --json apart.",
        rich_help_panel=_RESULTS,
    ),
]


def bench(
    context: typer.Context,
    path: Folder = None,
    quick: Quick = False,
    minutes: Minutes = None,
    against: Against = None,
    repeat: Repeat = 1,
    report: Report = None,
    write_config: WriteConfig = None,
    compare: Compare = None,
    include: options.Include = None,
    exclude: options.Exclude = None,
    limit: options.Limit = None,
    db: options.Db = None,
    db_uri: options.DbUri = None,
    db_password_file: options.DbPasswordFile = None,
    db_password_command: options.DbPasswordCommand = None,
    db_option: options.DbOption = None,
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
    config: options.Config = None,
    job: options.Job = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = None,
) -> int:
    """Measure this machine: each stage alone, then the whole ring. Leaves nothing behind."""
    return run(context, lambda command: _bench(command, context.params))


def _bench(command: Command, params: Mapping[str, Any]) -> ExitCode:
    if params["compare"] is not None:
        return _compare(command, *map(Path, params["compare"]))
    if params["quick"] and params["minutes"] is not None:
        raise UsageError("--quick and --minutes exclude each other.", hint="Pass one of them.")
    settings = command.settings()
    if params["path"] is not None:
        settings = replace(settings, paths=(Path(params["path"]),))
    page, saved = (Path(name) if (name := params[key]) else None for key in _FILES)

    from vecstream_cli.api.bench import saved as files
    from vecstream_cli.api.bench.run import QUICK_SECONDS, Plan, Step, bench
    from vecstream_cli.report.bench_progress import BenchProgress

    for file in (page, saved):
        files.must_be_writable(file)
    if page is not None:
        from vecstream_cli.report.bench_plots import must_be_installed

        must_be_installed()
    plan = Plan(repeat=params["repeat"], against=params["against"])
    if params["quick"]:
        plan = replace(plan, seconds=QUICK_SECONDS)
    elif params["minutes"] is not None:
        plan = replace(plan, seconds=60 * params["minutes"])
    reporter = command.reporter
    plain = reporter.lines is None
    with BenchProgress(reporter.streams, quiet=reporter.quiet, plain=plain) as progress:

        def told(step: Step) -> None:
            progress.step(step.what, step.number, step.of, step.share)

        result = bench(settings, plan, told)
    if saved is not None:
        files.save(saved, files.config_text(result))
    if page is not None:
        from vecstream_cli.report.bench_page import page_of

        files.save(page, page_of(result))
    if reporter.lines is not None:
        reporter.lines.emit("bench", as_json(result))
    elif not reporter.quiet:
        from vecstream_cli.report.bench_table import print_bench

        print_bench(reporter.streams.out, result)
    return ExitCode.DONE


def _compare(command: Command, first: Path, second: Path) -> ExitCode:
    from vecstream_cli.api.bench.saved import compare

    comparison = compare(first, second)
    reporter = command.reporter
    if reporter.lines is not None:
        reporter.lines.emit("comparison", {"unlike": list(comparison.unlike)})
        for each in comparison.differences:
            reporter.lines.emit("figure", as_json(each))
    elif not reporter.quiet:
        from vecstream_cli.report.bench_table import print_comparison

        print_comparison(reporter.streams.out, comparison)
    return ExitCode.DONE
