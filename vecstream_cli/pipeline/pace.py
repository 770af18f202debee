"""How the run gets on: which stage holds the others back, and the figures people watch."""

import time

from vecstream_cli.core.leases import Place
from vecstream_cli.pipeline.busy import Busy
from vecstream_cli.pipeline.events import Listener, Progress, Stage, Summary
from vecstream_cli.pipeline.intake import Intake
from vecstream_cli.pipeline.memory import MemoryGauge
from vecstream_cli.pipeline.parsers import ParserPool
from vecstream_cli.pipeline.ring import Ring
from vecstream_cli.pipeline.window import Window


class Pace:
    """Tells the listener where the run stands; reads everything, changes nothing."""

    def __init__(
        self,
        ring: Ring,
        pool: ParserPool,
        intake: Intake,
        gauge: MemoryGauge,
        busy: Busy,
        window: Window,
        summary: Summary,
        listener: Listener,
    ) -> None:
        self._ring = ring
        self._pool = pool
        self._intake = intake
        self._gauge = gauge
        self._busy = busy
        self._window = window
        self._summary = summary
        self._listener = listener
        self.started = time.monotonic()
        self.opened = False
        self.inference_ready = False
        self.ending = False

    def tell(self) -> None:
        """Send one `Progress`."""
        summary, intake, count = self._summary, self._intake, self._ring.count
        stage, words = self._limit()
        reading = self._pool.reading
        shares = self._busy.since_last_told()
        self._listener(
            Progress(
                seconds=time.monotonic() - self.started,
                stage=stage,
                waiting_for=words,
                scanned=intake.scanned,
                scan_done=not intake.has_more,
                documents_done=summary.documents_new
                + summary.documents_changed
                + summary.documents_unchanged
                + summary.documents_quarantined
                + summary.documents_failed,
                documents_pending=len(self._ring.documents) + intake.queued,
                documents_failed=summary.documents_failed,
                bytes_done=intake.bytes_done,
                bytes_total=intake.bytes_admitted,
                chunks_embedded=summary.chunks_embedded,
                chunks_written=summary.chunks_written,
                tokens=self._busy.tokens,
                slots_free=count(Place.FREE),
                slots_parsing=count(Place.PARSER),
                slots_embedding=count(Place.READY) + count(Place.INFERENCE),
                slots_writing=count(Place.WRITER),
                memory_bytes=self._gauge.samples[-1].total if self._gauge.samples else 0,
                max_memory_bytes=summary.max_memory_bytes,
                current=tuple(job.path for job in reading),
                parse_busy=shares.parse,
                embed_busy=shares.embed,
                write_busy=shares.write,
                chunks_reused=summary.chunks_reused,
            )
        )

    def _limit(self) -> tuple[Stage, str]:
        """The stage that the others wait for, in a word and in words."""
        count = self._ring.count
        embedding = count(Place.READY) + count(Place.INFERENCE)
        if self.ending:
            return Stage.FINISH, "finishing"
        if not self.opened:
            return Stage.STARTING, "opening the database"
        if embedding and not self.inference_ready:
            return Stage.STARTING, "loading the model"
        if count(Place.WRITER) > 0 and embedding == 0 and count(Place.FREE) == 0:
            return Stage.WRITE, "writing to the database"
        if count(Place.READY) > 0:
            return Stage.EMBED, "embedding"
        reading = self._pool.reading
        if reading:
            return Stage.PARSE, f"reading {reading[0].path}"
        if self._window.waiting_for and not len(self._ring.documents):
            return Stage.WAIT, self._window.waiting_for
        if len(self._ring.documents) or self._intake.queued:
            return (Stage.EMBED, "embedding") if embedding else (Stage.WRITE, "writing")
        if self._intake.has_more:
            return Stage.SCAN, "looking for documents"
        return Stage.FINISH, "finishing"
