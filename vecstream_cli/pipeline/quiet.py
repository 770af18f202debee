"""A run with nothing to do: found out by this process alone, before any other is started."""

import time

from vecstream_cli.errors import Interrupted
from vecstream_cli.pipeline.events import Listener, Progress, Stage, Summary
from vecstream_cli.pipeline.intake import Intake
from vecstream_cli.pipeline.memory import MemoryGauge
from vecstream_cli.pipeline.signals import SignalWatch
from vecstream_cli.pipeline.window import Window

PROGRESS_SECONDS = 0.5


def nothing_to_do(intake: Intake, summary: Summary, listener: Listener, window: Window) -> bool:
    """Begin the run and scan until something is to be done; True where nothing is, or no time.

    Then the run is over, but for its record. Else what was found so far waits in the intake,
    for the ring to go on from there. Call it where the manifest is known to be the database's.
    Raises Interrupted.
    """
    gauge = MemoryGauge(0)
    started = told = time.monotonic()
    intake.open()
    with SignalWatch() as signals:
        while intake.hungry and not intake.queued:
            intake.scan()
            if signals.received:
                raise Interrupted(signals.received[0])
            if window.closed:
                window.stop(summary, listener)
                intake.close(())
            now = time.monotonic()
            if now - told >= PROGRESS_SECONDS:
                told = now
                memory = gauge.sample({}).total
                listener(_progress(intake, summary, now - started, memory))
    if not summary.stopped and (not intake.exhausted or intake.anything_gone()):
        return False
    gauge.sample({})
    summary.peak_memory_bytes = gauge.peak
    return True


def _progress(intake: Intake, summary: Summary, seconds: float, memory: int) -> Progress:
    return Progress(
        seconds=seconds,
        stage=Stage.SCAN,
        waiting_for="looking for documents",
        scanned=intake.scanned,
        scan_done=not intake.has_more,
        documents_done=summary.documents_unchanged + summary.documents_quarantined,
        documents_pending=0,
        documents_failed=0,
        bytes_done=0,
        bytes_total=0,
        chunks_embedded=0,
        chunks_written=0,
        tokens=0,
        slots_free=0,
        slots_parsing=0,
        slots_embedding=0,
        slots_writing=0,
        memory_bytes=memory,
        max_memory_bytes=summary.max_memory_bytes,
        current=(),
    )
