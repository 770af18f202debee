"""The console script: arguments in, exit code out; nothing escapes it as a traceback."""

import sys
from collections.abc import Sequence

from vecstream_cli.errors import ExitCode, UsageError
from vecstream_cli.lean import this_process_is_ours


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that `arguments` (the process's own) ask for; returns its exit code."""
    if arguments is None:
        this_process_is_ours()
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        return _run(given)
    except KeyboardInterrupt:  # so early that no command has taken the signals over
        return ExitCode.INTERRUPT


def _run(arguments: Sequence[str]) -> int:
    from vecstream_cli.cli.app import ParseError, app

    try:
        return int(app(list(arguments), prog_name="vecstream", standalone_mode=False) or 0)
    except ParseError as error:
        return _refuse(error, arguments)


def _refuse(error: Exception, arguments: Sequence[str]) -> int:
    """End as any command does that is used wrongly: nothing is known but the arguments."""
    from vecstream_cli.cli.app import explain
    from vecstream_cli.report.reporter import Reporter
    from vecstream_cli.report.streams import Streams

    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    reporter = Reporter(Streams.standard(), json="--json" in options)
    refusal: UsageError = explain(error)
    reporter.error(refusal)
    return reporter.close(refusal.exit_code)
