"""The benchmark itself: each stage alone, then whole runs in turn, then what they say."""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from uuid import uuid4

from vecstream_cli.adapters.registry import adapter_class
from vecstream_cli.api.bench.choosing import (
    Documents,
    documents_for,
    first_documents,
    scan_alone,
    settings_for,
)
from vecstream_cli.api.bench.embedding import Inference, embed_alone
from vecstream_cli.api.bench.machine import host, versions
from vecstream_cli.api.bench.reading import Read, Reading, read_alone
from vecstream_cli.api.bench.sequential import Sequential, sequential
from vecstream_cli.api.bench.whole import Table, reach, ring
from vecstream_cli.api.bench.writing import Writing, write_alone
from vecstream_cli.api.index import configure
from vecstream_cli.api.remove import drop
from vecstream_cli.core.advice import advice_of, ceiling_for, limit_of, parsers_for, stood
from vecstream_cli.core.benchmark import (
    RECOMMENDED,
    RING,
    SEQUENTIAL,
    Advice,
    Bench,
    Run,
    StageAlone,
)
from vecstream_cli.core.ceiling import Wish, plan
from vecstream_cli.errors import CeilingError, CollectionNotFound, UsageError
from vecstream_cli.models.resolve import resolve
from vecstream_cli.pipeline.crew import RingConfig
from vecstream_cli.pipeline.events import Progress, RunStarted
from vecstream_cli.pipeline.memory import this_machine
from vecstream_cli.settings import Settings, cores, parse_size

QUICK_SECONDS = 48.0  # about: loading and the last batches come on top
DEFAULT_MINUTES = 3.0
_PARSER_ALLOWANCE = 256 << 20  # for a document that needs more than these did
_START_SECONDS = 4.0  # of a whole run, until its first batch; taken off its share of the time


@dataclass(frozen=True, slots=True)
class Plan:
    """How long to measure, about; how many whole runs of each way; and against what."""

    seconds: float = 60 * DEFAULT_MINUTES
    repeat: int = 1
    against: str | None = None

    def __post_init__(self) -> None:
        if self.seconds <= 0:
            raise UsageError("--minutes must be more than 0.")
        if not 1 <= self.repeat <= 100:
            raise UsageError("--repeat must be from 1 to 100.")
        if self.against not in (None, SEQUENTIAL):
            raise UsageError(
                f"There is nothing named {self.against!r} to run against.",
                hint="Use --against sequential.",
            )


@dataclass(frozen=True, slots=True)
class Step:
    """What is being measured now: the `number`-th of about `of`; `share` of it done, if known."""

    what: str
    number: int
    of: int
    share: float | None = None


Told = Callable[[Step], None]


def bench(settings: Settings, wanted: Plan, told: Told = lambda step: None) -> Bench:
    """Measure this machine with `settings`: `paths` is one folder, or empty for generated ones.

    Works in a temporary folder, or for a database elsewhere in a collection of a name that
    nobody has; both are gone afterwards, whatever happens. Raises UsageError for a folder without
    documents, and whatever indexing would raise.
    """
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="vecstream-bench-") as name:
        return _Bench(settings, wanted, told, Path(name), began).run()


def advised(settings: Settings, advice: tuple[Advice, ...]) -> Settings:
    """The settings with what is recommended in place of their own."""
    for each in advice:
        match each.key:
            case "parsers":
                settings = replace(settings, parsers=int(each.value))
            case "max-memory":
                settings = replace(settings, max_memory=parse_size(str(each.value)))
    return settings


class _Bench:
    def __init__(
        self, settings: Settings, wanted: Plan, told: Told, scratch: Path, began: float
    ) -> None:
        self._wanted = wanted
        self._told = told
        self._scratch = scratch
        self._began = began
        self._local = adapter_class(settings.db).local_folder(settings.db_uri) is not None
        if not self._local and settings.db_uri is None:
            raise UsageError(
                f"The database {settings.db!r} is not on this machine.",
                hint="Say with --db-uri where it is; the benchmark deletes what it writes there.",
            )
        # Refused at once what indexing would refuse: the ceiling, the model, the chunk size.
        self._settings = replace(settings, files_from=None, source=None)
        if not settings.paths:  # patterns are about the user's own files
            self._settings = replace(self._settings, include=(), exclude=())
        self._spec = resolve(settings.model, revision=settings.revision)
        if not self._spec.has_text:
            raise UsageError(
                f"Model {self._spec.name} reads images only, and bench measures texts.",
                hint="Use a model that reads text.",
            )
        placed = self._placed("alone")
        self._config = configure(placed, self._spec)
        if not self._local:
            reach(Table.of(placed))
        self._ways = 3 if wanted.against else 2
        self._steps = 4 + wanted.repeat * self._ways
        self._step = 0

    def run(self) -> Bench:
        machine, started = host(), datetime.now(UTC).isoformat(timespec="seconds")
        sample = self._scratch / "chunks.npz"
        seconds = self._wanted.seconds
        self._tell("scanning and reading")
        first = first_documents(self._settings, self._scratch)
        scanning = scan_alone(first, self._settings, self._scratch, 0.02 * seconds)
        read = read_alone(self._reading(first, sample, 0.13 * seconds))
        self._tell("embedding")
        inference = embed_alone(self._config, sample, 0.2 * seconds)
        self._tell("writing")
        writing = self._write(sample, 0.08 * seconds)
        self._tell("making the documents" if first.generated else "choosing the documents")
        chosen = documents_for(first, self._settings, self._size(read, inference), 0.2 * seconds)
        corpus = chosen.described(read.lengths)
        runs, planned, advice = self._whole_runs(chosen, read, inference)
        rings, tried = ([run for run in runs if run.way == way] for way in (RING, RECOMMENDED))
        stages = (scanning, *self._with_capacity(read, planned), inference.stage, *writing)
        limit = limit_of(rings, stages)
        return Bench(
            vecstream=version("vecstream"),
            started=started,
            seconds=time.monotonic() - self._began,
            host=machine,
            versions=versions(),
            settings=self._ran(planned, inference),
            corpus=corpus,
            stages=stages,
            runs=tuple(runs),
            limit=limit,
            advice=advice if stood(advice, rings, tried) else (),
        )

    def _tell(self, what: str) -> None:
        self._step += 1
        self._told(Step(what, self._step, self._steps))

    def _placed(self, name: str) -> Settings:
        """The settings with a database of its own, or a collection where it is elsewhere."""
        if self._local:
            return replace(self._settings, db_uri=str(self._scratch / f"{name}.db"))
        return replace(self._settings, collection=f"vecstream_bench_{name}_{uuid4().hex[:8]}")

    def _reading(self, first: Documents, sample: Path, seconds: float) -> Reading:
        spec = self._spec
        return Reading(
            documents=first.documents,
            tokenizer_file=spec.tokenizer_file,
            max_tokens=spec.max_tokens,
            prompt=spec.document_prompt,
            chunk_size=self._config.chunk_size,
            chunk_overlap=self._config.chunk_overlap,
            seconds=seconds,
            sample=sample,
            options=self._config.reading,
        )

    def _write(self, sample: Path, seconds: float) -> list[StageAlone]:
        named = self._placed("write")
        work = Writing(named.endpoint, named.collection, self._config.record, sample, seconds)
        return write_alone(work)

    def _size(self, read: Read, inference: Inference) -> int:
        """Bytes of documents that a whole run can take in its share of the time."""
        left = self._wanted.seconds - (time.monotonic() - self._began)
        each = left / (self._ways * self._wanted.repeat) - _START_SECONDS
        speed = inference.stage.chunks_per_second or 1.0
        chunks = max(3.0, each, 0.05 * self._wanted.seconds) * speed
        return int(chunks * read.bytes / read.chunks)

    def _whole_runs(
        self, chosen: Documents, read: Read, inference: Inference
    ) -> tuple[list[Run], RunStarted, tuple[Advice, ...]]:
        """Every way in turn, so that what drifts drifts for all; and the settings that one tried.

        Those follow from the first run of the ring.
        """
        runs: list[Run] = []
        advice: tuple[Advice, ...] = ()
        for number in range(self._wanted.repeat):
            run, planned = self._ring(chosen, f"ring{number}", "the whole ring")
            runs.append(run)
            if number == 0:
                advice = self._advice(run, read, inference, planned)
            if advice:
                what = "the ring with recommended settings"
                run, _ = self._ring(chosen, f"tried{number}", what, advice)
                runs.append(replace(run, way=RECOMMENDED))
            if self._wanted.against is not None:
                self._tell("the traditional way")
                with self._collection(chosen, f"sequential{number}") as settings:
                    runs.append(self._traditional(chosen, settings))
        return runs, planned, advice

    def _ring(
        self, chosen: Documents, name: str, what: str, advice: tuple[Advice, ...] = ()
    ) -> tuple[Run, RunStarted]:
        self._tell(what)

        def follow(now: Progress) -> None:
            share = now.bytes_done / now.bytes_total if now.bytes_total else 0.0
            self._told(Step(what, self._step, self._steps, share))

        with self._collection(chosen, name) as settings:
            return ring(advised(settings, advice), follow)

    def _traditional(self, chosen: Documents, settings: Settings) -> Run:
        config: RingConfig = configure(settings, self._spec)
        source = os.path.realpath(chosen.folder)
        return sequential(Sequential(chosen.documents, source, config))

    @contextmanager
    def _collection(self, chosen: Documents, name: str) -> Iterator[Settings]:
        """The settings of a run into a new collection, which is gone afterwards."""
        settings = settings_for(chosen, self._placed(name), self._scratch)
        try:
            yield settings
        finally:
            if not self._local:
                with suppress(CollectionNotFound):
                    drop(settings)

    def _with_capacity(self, read: Read, planned: RunStarted) -> Iterator[StageAlone]:
        """The stages of reading, with what all parsers together could do with these documents."""
        for stage in read.stages:
            if stage.stage == "chunk":
                capacity = planned.parsers * self._per_parser(read)
                stage = replace(stage, chunks_per_second=capacity)
            yield stage

    @staticmethod
    def _per_parser(read: Read) -> float:
        """Chunks a second of one parser, from file to slot."""
        return read.chunks / max(1e-9, read.parse_seconds + read.chunk_seconds)

    def _ran(self, planned: RunStarted, inference: Inference) -> dict[str, str | int]:
        """What ran, by the names of the settings; the order is that of `--help`."""
        config, inferences = self._config, self._config.plan.inferences
        ran: dict[str, str | int] = {
            "model": self._settings.model,
            "device": inference.facts["device"] if inferences == 1 else planned.device,
            "precision": config.precision,
            "chunk-size": planned.chunk_size,
            "chunk-overlap": config.chunk_overlap,
            "parsers": planned.parsers,
            "buffer": planned.slots,
            "max-memory": f"{planned.max_memory_bytes >> 20}M",
            "db": self._settings.db,
        }
        return ran | {name: fact for name, fact in inference.facts.items() if name != "device"}

    def _advice(
        self, run: Run, read: Read, inference: Inference, planned: RunStarted
    ) -> tuple[Advice, ...]:
        """Settings to try; none where there was too little to do."""
        per_parser = self._per_parser(read)
        embedding = inference.stage.chunks_per_second or 0.0
        limit = limit_of([run], (inference.stage,))
        if not limit:
            return ()
        parsers = parsers_for(per_parser, embedding, cores(), limit)
        least = self._least_ceiling(parsers, planned.slots)
        return advice_of(
            run,
            per_parser=per_parser,
            embedding=embedding,
            parsers=parsers,
            ceiling=min(ceiling_for(run.peak_memory_bytes, least), this_machine().memory),
        )

    def _least_ceiling(self, parsers: int, slots: int) -> int:
        """The smallest ceiling that takes nothing from inference and the buffer, to 16 MiB."""
        machine, step = this_machine(), 16 << 20
        ran, buffer = self._config.plan, self._settings.buffer
        enough = min(_PARSER_ALLOWANCE, ran.parser_allowance)
        ceiling = step
        while ceiling < machine.memory:
            wish = Wish(
                max_memory=ceiling, parsers=parsers, slots=buffer.slots, buffer_bytes=buffer.bytes
            )
            with suppress(CeilingError):
                made = plan(
                    wish,
                    machine,
                    slot_bytes=self._config.layout.slot_bytes,
                    weights_bytes=self._spec.weights_bytes,
                    inferences=ran.inferences,
                )
                roomy = made.slots >= slots and made.parser_allowance >= enough
                if roomy and made.lanes >= ran.lanes:
                    break
            ceiling += step
        return ceiling
