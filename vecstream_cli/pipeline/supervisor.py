"""The supervisor: one event loop that orders every hand-over of the ring."""

import time
from multiprocessing.connection import wait

from vecstream_cli.adapters.registry import adapter_class
from vecstream_cli.core.ceiling import Pressure, exceeded, judge
from vecstream_cli.core.leases import Holder, Place
from vecstream_cli.core.record import CollectionRecord
from vecstream_cli.errors import Interrupted, StageDied, VecstreamError
from vecstream_cli.killpoints import kill_point
from vecstream_cli.pipeline import messages as msg
from vecstream_cli.pipeline.arena import Arena
from vecstream_cli.pipeline.busy import Busy
from vecstream_cli.pipeline.commits import Commits
from vecstream_cli.pipeline.crew import WRITER_ROW, Crew, RingConfig, inference_rows
from vecstream_cli.pipeline.events import Listener, Notice, Summary
from vecstream_cli.pipeline.failure import revived
from vecstream_cli.pipeline.handing import Handing
from vecstream_cli.pipeline.intake import Intake
from vecstream_cli.pipeline.lifecycle import Child
from vecstream_cli.pipeline.memory import MemoryGauge, memory_left
from vecstream_cli.pipeline.opening import bind, goes_on
from vecstream_cli.pipeline.pace import Pace
from vecstream_cli.pipeline.parsers import ParserPool, Worker
from vecstream_cli.pipeline.reading import Reading
from vecstream_cli.pipeline.replacing import REPLACING, may_replace
from vecstream_cli.pipeline.reuse import Donors
from vecstream_cli.pipeline.ring import Ring
from vecstream_cli.pipeline.signals import SignalWatch
from vecstream_cli.pipeline.window import Window
from vecstream_cli.settings import cores
from vecstream_cli.state.lock import CollectionLock
from vecstream_cli.state.manifest import Manifest

TICK_SECONDS = 0.25
CLOCK_SECONDS = 0.05
MEMORY_SECONDS = 0.5


class Supervisor:
    """Runs one indexing run; `run` may be called once."""

    def __init__(
        self,
        config: RingConfig,
        manifest: Manifest,
        lock: CollectionLock,
        intake: Intake,
        window: Window,
        summary: Summary,
        listener: Listener,
    ) -> None:
        self._config = config
        self._manifest = manifest
        self._intake = intake
        self._window = window
        self._summary = summary
        self._listener = listener
        size = config.plan.slots * config.layout.slot_bytes
        self._arena = Arena.create(size, left=memory_left())
        hands_back = adapter_class(config.database.name).hands_back_vectors(config.database)
        self._donors = Donors(manifest, listener, hands_back=hands_back)
        self._ring = Ring(
            self._arena, config.layout, config.plan.slots, self._donors.mark, poison=config.poison
        )
        self._crew = crew = Crew(config, self._arena, lock.fd)
        self._handing = Handing(self._ring, crew)
        # Until the model is loaded everybody waits for it: it and the writer have a core each.
        parsers = config.plan.parsers
        early = parsers if self._donors.likely else max(1, cores() - config.plan.inferences - 1)
        self._pool = ParserPool(parsers, crew.spawn_parser, self._arena, at_first=early)
        self._commits = Commits(manifest, config.any_reader, crew.tell_writer, summary, listener)
        self._reading = Reading(self._ring, self._pool, intake, self._commits, summary, listener)
        self._gauge = MemoryGauge(self._arena.size)
        self._busy = Busy(
            self._arena,
            parsers=range(parsers),
            inferences=inference_rows(config.plan.inferences),
            writer=WRITER_ROW,
        )
        self._pace = Pace(
            self._ring, self._pool, intake, self._gauge, self._busy, window, summary, listener
        )
        self._opened = self._gone_told = False
        self._throttled = self._winding_down = self._stopping = False
        self._ending: VecstreamError | None = None
        self.replaced = self._replacing = False
        self._ticked = self._sampled = self._pace.started

    def run(self) -> None:
        """Index until nothing is left, the window closes, a signal comes or a stage fails.

        What the database acknowledged is in the manifest when this returns or raises. Raises
        Interrupted, StageDied, CeilingError, or whatever a stage said was wrong.
        """
        with SignalWatch() as self._signals:  # also over the end: it leaves no process behind
            try:
                busy = self._intake.surely_busy
                if busy and not self._donors.likely and self._window.may_begin(self._listener):
                    self._crew.start_inference()  # before all others: it takes longest
                self._crew.start_writer()
                if self._crew.nothing_there:
                    self._bind(None)
                if busy and self._window.may_begin(self._listener):
                    self._start_stages()
                while not self._over():
                    self._turn()
                self._finish()
            except VecstreamError as error:
                if isinstance(self._ending, Interrupted):
                    raise self._ending from error
                raise
            finally:
                self._pool.kill()
                self._crew.kill()
                self._arena.close()
                self._summary.parsers_replaced = self._pool.replaced
                self._summary.peak_memory_bytes = self._gauge.peak
                self._busy.look(time.monotonic_ns())
                self._busy.tell(self._summary, self._pace.started)
        if self._ending is not None:
            raise self._ending

    def _over(self) -> bool:
        if self._winding_down:
            return self._ring.count(Place.WRITER) == 0 and self._commits.idle
        return self._opened and self._drained() and self._gone_told and self._commits.idle

    def _drained(self) -> bool:
        return self._intake.exhausted and not len(self._ring.documents)

    def _turn(self) -> None:
        if self._window.closed and not self._winding_down:
            self._window.stop(self._summary, self._listener)
            self._wind_down()
        if self._opened and not self._winding_down:
            self._intake.scan()
            may_begin = self._window.may_begin(self._listener)
            if self._intake.queued and not self._pool.workers and may_begin:
                self._start_stages()
            if may_begin and not (self._throttled and len(self._ring.documents)):
                self._reading.admit()
            self._reading.hand_out_slots()
            self._handing.hand_on()
            if self._drained() and self._commits.idle and not self._gone_told:
                # Last of all: a renamed file is in the table before its old name leaves it.
                self._gone_told = True
                self._commits.remove(self._intake.gone())
        if self._winding_down or self._all_wait_for_writer():
            self._handing.ask_for_flush()
        self._commits.settle(now=self._winding_down or self._drained())
        self._intake.settle(now=self._drained())
        scanning = self._opened and not self._winding_down and self._intake.hungry
        self._listen(0.0 if scanning else TICK_SECONDS)
        self._tick()
        if self._reading.broken is not None:
            self._wind_down(self._reading.broken)

    def _finish(self) -> None:
        """Let the children end by themselves: the writer compacts, inference tells its counts."""
        self._stopping = self._pace.ending = True
        self._pool.kill()
        if not self._opened and self._crew.writer is not None:
            self._crew.dismiss(self._crew.writer)
        if not self._pace.inference_ready:  # there was nothing to load the model for
            self._dismiss_inference()
        self._replace()
        for child in self._crew.children:
            child.outbox.send(msg.Stop(drain=not self._winding_down))
        while self._crew.children:
            self._listen(TICK_SECONDS)
            self._tick()

    # What goes out

    def _replace(self) -> None:
        """What was rebuilt takes the live collection's place, if it is whole."""
        replaces = self._config.replaces
        if replaces is None or self._winding_down:
            return
        if may_replace(replaces, self._manifest, self._summary, self._listener):
            self._manifest.keep_state(REPLACING)
            kill_point("rebuild.noted")
            self._replacing = True
            self._crew.tell_writer(msg.Replace(replaces.live))

    def _start_stages(self) -> None:
        if not self._donors.likely:  # else with the first chunk that is to be embedded
            self._crew.start_inference()
        if not self._intake.has_more:
            self._pool.limit(self._intake.queued, self._intake.bytes_admitted)
        self._pool.start()

    def _all_wait_for_writer(self) -> bool:
        """Inference has nothing to do, and no slot or no document to come that could change it."""
        count = self._ring.count
        if count(Place.READY) + count(Place.INFERENCE):
            return False
        return count(Place.FREE) == 0 or (self._intake.exhausted and not self._pool.busy)

    # What comes in

    def _listen(self, patience: float) -> None:
        parsers = {worker.child: worker for worker in self._pool.workers.values()}
        children = [*self._crew.children, *parsers]
        pipes = [child.inbox.connection for child in children]
        sentinels = [child.sentinel for child in children]
        alarm = self._signals.fileno()
        ready = set(wait([*pipes, *sentinels, alarm], patience))
        if alarm in ready:
            self._signals.clear()
            self._interrupted()
        for child, pipe, sentinel in zip(children, pipes, sentinels, strict=True):
            worker = parsers.get(child)
            if pipe in ready or sentinel in ready:
                self._hear_all(child, worker)
            if sentinel in ready:
                if worker is None:
                    self._stage_ended(child)
                else:
                    self._reading.ended(worker)

    def _hear_all(self, child: Child, worker: Worker | None) -> None:
        for message in child.inbox.drain():
            if worker is not None:
                self._reading.hear(worker, message)
            elif child is self._crew.writer:
                self._hear_writer(message)
            else:
                self._hear_inference(child, message)

    def _hear_inference(self, child: Child, message: msg.Message) -> None:
        match message:
            case msg.Ready(seconds):
                self._pace.inference_ready = self._crew.model_loaded = True
                if not self._intake.exhausted:
                    self._pool.grow()
                self._summary.model_load_seconds = max(
                    seconds, self._summary.model_load_seconds or 0.0
                )
            case msg.Embedded():
                self._summary.chunks_embedded += message.embedded
                self._summary.tokens += message.tokens
                self._summary.images_embedded += message.pictures
                self._handing.embedded(child, message)
            case msg.Stopped(counters):
                self._summary.batches += counters["batches"]
                self._summary.padded_tokens += counters["padded_tokens"]
            case msg.Broken():
                self._wind_down(revived(message))

    def _hear_writer(self, message: msg.Message) -> None:
        match message:
            case msg.Opened(record) if not self._opened:
                self._bind(record)
            case msg.Opened(record):
                if record is not None:
                    raise StageDied("The collection was made by somebody else during this run.")
            case msg.Missed(slots, reused):
                self._summary.chunks_reused += reused
                self._handing.flushed()
                self._ring.missed(slots)
                if self._winding_down:
                    self._ring.drop_unembedded([])
            case msg.Written(slots, rows, reused):
                self._summary.chunks_reused += reused
                self._manifest.has_written(self._config.this_run)
                acknowledged, completed = self._ring.written(slots)
                self._manifest.acknowledge(acknowledged)
                kill_point("rows.acknowledged")
                for document in completed:
                    self._reading.complete(document)
                self._handing.flushed()
                self._summary.chunks_written += rows
                if self._summary.first_write_seconds is None:
                    self._summary.first_write_seconds = time.monotonic() - self._pace.started
            case msg.Superseded() | msg.Discarded() | msg.Removed():
                self._manifest.has_written(self._config.this_run)
                self._commits.heard(message)
            case msg.Replaced():
                self.replaced = True
                text = "What was rebuilt has taken the place of the collection."
                self._listener(Notice(None, "replaced", text))
            case msg.Broken():
                self._commits.settle(now=False)
                raise revived(message)

    def _bind(self, record: CollectionRecord | None) -> None:
        """It is known what the database holds: the run begins."""
        self._opened = self._pace.opened = True
        wanted = self._config.record
        if self._config.replaces and record and not goes_on(self._manifest, record, wanted):
            self._crew.tell_writer(msg.Drop())
            record = None
        try:
            voided = bind(self._manifest, self._config.collection, record, wanted)
            self._intake.open(voided=voided)
            kill_point("manifest.bound")
        except VecstreamError as error:
            self._wind_down(error)
            return
        if record is None:  # at once: it also remembers documents without text
            self._crew.tell_writer(msg.Create(self._config.record))
        self._manifest.may_write(self._config.this_run)

    # What goes wrong

    def _stage_ended(self, child: Child) -> None:
        epitaph = child.epitaph()
        is_writer = child is self._crew.writer
        self._crew.dismiss(child)
        if self._stopping:
            if is_writer and self._replacing and not self.replaced:
                raise StageDied(f"The writer ended before it had replaced the table ({epitaph}).")
            if is_writer and child.process.exitcode:
                self._listener(Notice(None, "upkeep", f"The table was not compacted: {epitaph}."))
            return
        if is_writer:
            self._commits.settle(now=False)
            raise StageDied(f"The writer ended unexpectedly ({epitaph}).")
        self._wind_down(StageDied(f"Inference ended unexpectedly ({epitaph})."))

    def _dismiss_inference(self) -> None:
        for child in list(self._crew.inferences.values()):
            self._crew.dismiss(child)

    def _interrupted(self) -> None:
        error = Interrupted(self._signals.received[0])
        if self._ending is not None or self._stopping:
            raise error  # the second one: no more patience
        self._wind_down(error)

    def _wind_down(self, error: VecstreamError | None = None) -> None:
        """Admit nothing, drop what is not embedded; what is embedded is still written."""
        self._ending = self._ending or error
        if self._winding_down:
            return
        self._winding_down = self._pace.ending = True
        self._reading.close()
        self._commits.remove_no_more()
        inferences = [Holder(Place.INFERENCE, number) for number in self._crew.inferences]
        self._dismiss_inference()
        self._ring.drop_unembedded(inferences)
        unread = [document for document in self._ring.documents if not document.handed]
        for document in unread:
            self._ring.documents.drop(document)
        self._intake.close(unread)

    # Clockwork

    def _tick(self) -> None:
        now = time.monotonic()
        if now - self._ticked < CLOCK_SECONDS:  # nothing here is due at every message
            return
        elapsed, self._ticked = now - self._ticked, now
        self._busy.look(time.monotonic_ns())
        self._reading.end_overdue(elapsed, self._config.document_timeout)
        if now - self._sampled >= MEMORY_SECONDS:
            self._sampled = now
            self._watch_memory()
            self._pace.tell()

    def _watch_memory(self) -> None:
        workers = self._pool.workers.values()
        self._gauge.sample({worker.child.pid: worker.number for worker in workers})
        verdict = judge(list(self._gauge.samples), self._config.plan.max_memory)
        self._throttled = verdict.pressure is not Pressure.ADMIT
        if verdict.pressure is Pressure.ABORT:
            self._wind_down(exceeded(self._gauge.peak, self._config.plan.max_memory))
        elif verdict.parser is not None:
            self._reading.recycle(verdict.parser)
