"""A run that its log file, its metrics file and its monitor hear of; every verb that indexes."""

from collections.abc import Callable

from vecstream_cli.cli.command import Command, as_refusal
from vecstream_cli.cli.signals import ended_by_signal
from vecstream_cli.errors import ExitCode
from vecstream_cli.pipeline.events import Event, Listener, Summary
from vecstream_cli.report.unattended import Unattended
from vecstream_cli.settings import Settings


def watched(
    command: Command, settings: Settings, work: Callable[[Settings, Listener], Summary]
) -> ExitCode:
    """Do `work`, whose events the reporter hears as well, and return the exit code.

    Raises UsageError before it begins where a file that it is to report to cannot be written.
    """
    watch = Unattended(settings, command.reporter.job or command.job, command.reporter.hear)

    def hear(event: Event) -> None:
        command.reporter.hear(event)
        watch.hear(event)

    code, refused = ExitCode.FAILED, None
    try:
        with ended_by_signal():
            watch.start()
            code = ExitCode(work(settings, hear).exit_code)
    except Exception as error:
        refused = as_refusal(error)
        code = refused.exit_code
        raise
    finally:
        watch.end(code, refused)
    return code
