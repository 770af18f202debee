"""Who looks after a job that nobody watches: its log file, its metrics file, its monitor."""

import time

from vecstream_cli.errors import ExitCode, VecstreamError
from vecstream_cli.pipeline.events import Event, Listener, Notice, Summary
from vecstream_cli.report.logfile import LogFile
from vecstream_cli.report.metrics import Ended, MetricsFile
from vecstream_cli.report.monitor import Monitor
from vecstream_cli.settings import Settings


class Unattended:
    """`start`, then every event, then `end`, once. None of them fails a run that has begun.

    What goes wrong here is told to `tell` as a notice. Raises UsageError where a file cannot be
    written or the URL is none.
    """

    def __init__(self, settings: Settings, job: str | None, tell: Listener) -> None:
        self.job = job
        self._tell = tell
        self._summary = Summary()
        self._collection = settings.collection
        self._began = time.time()
        self._log: LogFile | None = None
        self._metrics: MetricsFile | None = None
        self._monitor: Monitor | None = None
        if settings.ping_url is not None:
            self._monitor = Monitor(settings.ping_url)
        if settings.metrics_file is not None:
            self._metrics = MetricsFile(
                settings.metrics_file, job=job, collection=settings.collection
            )
        if settings.log_file is not None:
            self._log = LogFile(
                settings.log_file,
                job=job,
                lost=lambda why: tell(Notice(None, "log-file", why)),
            )

    def start(self) -> None:
        """The job begins."""
        self._began = time.time()
        if self._log is not None:
            self._log.start(self._collection)
        if self._monitor is not None:
            self._told(self._monitor.start())

    def hear(self, event: Event) -> None:
        """An event of the run; its summary is kept for the end."""
        if isinstance(event, Summary):
            self._summary = event
        elif self._log is not None:
            self._log.hear(event)

    def end(self, code: ExitCode, error: VecstreamError | None) -> None:
        """The job has ended, however it did."""
        try:
            self._write_metrics(code)
            if self._monitor is not None:
                self._told(self._monitor.end(code))
        finally:
            if self._log is not None:
                self._log.end(code, self._summary, error)

    def _write_metrics(self, code: ExitCode) -> None:
        if self._metrics is None:
            return
        run = Ended(started=self._began, ended=time.time(), code=code, summary=self._summary)
        try:
            self._metrics.write(run)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "it is not one of vecstream's any more"
            self._notice("metrics-file", f"The metrics file could not be written: {why}.")

    def _told(self, failure: str | None) -> None:
        if failure is not None:
            self._notice("ping", f"The monitor could not be told: {failure}.")

    def _notice(self, reason: str, message: str) -> None:
        notice = Notice(None, reason, message)
        self._tell(notice)
        self.hear(notice)
