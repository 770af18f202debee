"""Index: the main job, from settings to a summary."""

import os
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from vecstream_cli.adapters.registry import adapter_class
from vecstream_cli.api.rebuild import move, place_of_build, replacement, settle
from vecstream_cli.api.sources import reading_of, scan_of
from vecstream_cli.api.terms import be_nice, insist_on, insist_on_ocr
from vecstream_cli.core.ceiling import Wish, plan
from vecstream_cli.core.chunk_size import CHUNKER_VERSION, max_chunk_chars
from vecstream_cli.core.ids import fingerprint
from vecstream_cli.core.record import CollectionRecord
from vecstream_cli.errors import ExitCode, ManifestVoid, UsageError, VecstreamError, worst
from vecstream_cli.hiding import hidden
from vecstream_cli.killpoints import kill_point
from vecstream_cli.models.resolve import resolve
from vecstream_cli.models.spec import ModelSpec, facts, vector_fingerprint
from vecstream_cli.pipeline.config import RingConfig
from vecstream_cli.pipeline.events import Listener, Notice, RunStarted, Summary, silent
from vecstream_cli.pipeline.intake import Intake
from vecstream_cli.pipeline.memory import this_machine
from vecstream_cli.pipeline.opening import still_bound
from vecstream_cli.pipeline.quiet import nothing_to_do
from vecstream_cli.pipeline.slots import SlotLayout
from vecstream_cli.pipeline.window import Window
from vecstream_cli.readers.formats import versions
from vecstream_cli.settings import BUILD, Settings, devices
from vecstream_cli.state.location import Place, locate
from vecstream_cli.state.lock import CollectionLock
from vecstream_cli.state.manifest import Manifest
from vecstream_cli.state.roots import Root, adopted, roots_of
from vecstream_cli.state.scan import Scan

_COMMAND = "vecstream index"
POISON = "_VECSTREAM_POISON_SLOTS"  # for tests: overwrite released slots


def index(
    settings: Settings, listener: Listener = silent, *, roots: Sequence[Root] | None = None
) -> Summary:
    """Bring the collection up to date with `settings.paths`, and say what was done.

    Documents that are new or changed are embedded, those that are gone are removed, the rest is
    not opened. The listener hears every event in this thread, last of all a `Summary`, also where
    an error ends the run; what was written before it stays. `roots` are listed instead of the
    paths, where they are given, as parts of the sources that they name. Raises VecstreamError.
    """
    summary, began = Summary(), time.monotonic()
    try:
        _index(settings, roots, summary, listener, began)
    except VecstreamError as error:
        summary.exit_code = int(error.exit_code)
        raise
    finally:
        summary.seconds = time.monotonic() - began
        listener(summary)
    return summary


def _index(
    settings: Settings,
    given: Sequence[Root] | None,
    summary: Summary,
    listener: Listener,
    began: float,
) -> None:
    window = Window(settings.max_duration, settings.max_load)
    insist_on(settings.require)
    insist_on_ocr(settings.reading)
    be_nice(settings.nice)
    adapter = adapter_class(settings.db)
    roots = list(given or ()) or roots_of(
        settings.paths, files_from=settings.files_from, source=settings.source
    )
    spec = resolve(
        settings.model, revision=settings.revision, on_download=_Download(listener).progress
    )
    config = configure(settings, spec)
    summary.max_memory_bytes = config.plan.max_memory
    folder = adapter.local_folder(settings.db_uri)
    place = locate(settings.db, settings.db_uri, settings.collection, folder)
    if not place.manifest.exists() and not _anything(
        scan_of(settings, roots, folder, config.reading)
    ):
        return  # and make no database for nothing
    build = place_of_build(settings)
    wait = min(settings.lock_wait, window.left)
    with CollectionLock.acquire(
        place.lock,
        wait=wait,
        command=_COMMAND,
        waiting=lambda holder: listener(Notice(None, "lock-wait", f"{holder} Waiting for it.")),
    ) as lock:
        if lock.warning is not None:
            listener(Notice(None, "lock", lock.warning))
        settle(settings, place, build)
        listener(_started(settings, config, folder))
        run = partial(_run, settings, window, summary, listener, lock, began)
        adopt = settings.source is None and given is None
        work = partial(_work, settings, config, roots, adopt, place, build, run)
        try:
            work()
        except ManifestVoid as void:
            _restore(replace(config, collection=void.collection), void.path, lock, listener)
            for name, value in Summary(max_memory_bytes=config.plan.max_memory).as_dict().items():
                setattr(summary, name, value)  # what was found by the old one is void, too
            work()


def _work(
    settings: Settings,
    config: RingConfig,
    roots: list[Root],
    adopt: bool,
    place: Place,
    build: Place,
    run: Callable[[RingConfig, Manifest, Scan], bool],
) -> None:
    """Do it by the manifests that are there. Raises ManifestVoid where one is of no use."""
    with Manifest.open(place.manifest) as manifest:
        if settings.rebuild and manifest.collection is None and _state(config) is not None:
            raise ManifestVoid(settings.collection, place.manifest)  # or sources would be lost
        if adopt:
            roots = adopted(roots, manifest.sources())
        folder = adapter_class(settings.db).local_folder(settings.db_uri)
        found = scan_of(settings, roots, folder, config.reading)
        if not settings.rebuild:
            run(config, manifest, found)
            return
        replaces = replacement(settings, manifest, roots)
    config = replace(config, collection=settings.collection + BUILD, replaces=replaces)
    with Manifest.open(build.manifest) as manifest:
        replaced = run(config, manifest, found)
    if replaced:
        move(build, place)
        with Manifest.open(place.manifest) as manifest:
            manifest.keep_state(_state(replace(config, collection=settings.collection)))


def _restore(config: RingConfig, path: Path, lock: CollectionLock, listener: Listener) -> None:
    """Make the manifest at `path` anew from the rows of the collection in `config`."""
    from vecstream_cli.pipeline.lifecycle import InheritedFd
    from vecstream_cli.pipeline.recall import RecallConfig, recall_apart

    restored = recall_apart(
        RecallConfig(
            database=config.database,
            collection=config.collection,
            manifest=path,
            reader=config.any_reader,
            lock=InheritedFd(lock.fd),
        )
    )
    listener(Notice(None, "manifest-restored", restored.told))


def _run(
    settings: Settings,
    window: Window,
    summary: Summary,
    listener: Listener,
    lock: CollectionLock,
    began: float,
    config: RingConfig,
    manifest: Manifest,
    found: Scan,
) -> bool:
    """Bring the collection in `config` up to date; True where it has replaced the live one."""
    replaced = False
    with Intake(
        found,
        manifest,
        summary,
        listener,
        readers=versions(config.reading),
        checksum=settings.checksum,
        allow_mass_delete=settings.allow_mass_delete,
    ) as intake:
        try:
            bound = not settings.rebuild and still_bound(
                manifest, config.collection, _state(config), config.record
            )
            if not (bound and nothing_to_do(intake, summary, listener, window)):
                from vecstream_cli.pipeline.supervisor import Supervisor

                supervisor = Supervisor(config, manifest, lock, intake, window, summary, listener)
                supervisor.run()
                replaced = supervisor.replaced
                # No run can write now, nor until the lock is let go of; but one that was stopped
                # may not have looked at the database at all.
                if not settings.rebuild and summary.stopped is None:
                    manifest.keep_state(_state(config))
                    kill_point("state.kept")
            summary.exit_code = int(_exit_code(summary, settings))
        finally:
            summary.seconds = time.monotonic() - began
    return replaced


def _state(config: RingConfig) -> str | None:
    database = config.database
    return adapter_class(database.name).state_token(database.uri, config.collection)


def _anything(found: Scan) -> bool:
    return next(iter(found), None) is not None


def _exit_code(summary: Summary, settings: Settings) -> ExitCode:
    """How a run that came to its end ends."""
    failed = summary.documents_failed or summary.scan_problems
    if failed or (settings.strict and summary.documents_quarantined):
        return worst(ExitCode.DOCUMENTS_FAILED, _held(summary))
    return _held(summary)


def _held(summary: Summary) -> ExitCode:
    return ExitCode.DELETIONS_HELD if summary.deletions_held else ExitCode.DONE


def configure(settings: Settings, spec: ModelSpec) -> RingConfig:
    """The ring for this model on this machine. Raises UsageError, CeilingError."""
    chunk_size = _chunk_size(settings, spec)
    layout = SlotLayout.of(
        chunk_tokens=chunk_size,
        chunk_chars=max_chunk_chars(chunk_size),
        dimension=spec.dimension,
        image=spec.image,
    )
    wish = Wish(
        max_memory=settings.max_memory,
        parsers=settings.parsers,
        slots=settings.buffer.slots,
        buffer_bytes=settings.buffer.bytes,
    )
    ring = plan(
        wish,
        this_machine(),
        slot_bytes=layout.slot_bytes,
        weights_bytes=spec.weights_bytes,
        inferences=len(devices(settings.device)),
        reads_images=spec.image is not None,
    )
    vectors = vector_fingerprint(spec, settings.precision)
    chunks = _chunk_facts(settings, chunk_size)
    return RingConfig(
        database=settings.endpoint,
        collection=settings.collection,
        record=CollectionRecord(
            uuid=str(uuid.uuid4()),
            vector_fingerprint=vectors.hex(),
            chunk_fingerprint=fingerprint(**chunks).hex(),
            facts=facts(spec, settings.precision) | chunks | _revision(spec),
            dimension=spec.dimension,
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        ),
        this_run=datetime.now(UTC).isoformat(timespec="microseconds"),
        spec=spec,
        vector_fingerprint=vectors,
        chunk_size=chunk_size,
        chunk_overlap=settings.chunk_overlap,
        device=settings.device,
        precision=settings.precision,
        reading=reading_of(settings, spec),
        document_timeout=settings.document_timeout,
        layout=layout,
        plan=ring,
        lock_wait=settings.lock_wait,
        poison=bool(os.environ.get(POISON)),
    )


def _chunk_size(settings: Settings, spec: ModelSpec) -> int:
    """Tokens of a chunk; 0 where the model reads no text."""
    if not spec.has_text:
        return 0
    chunk_size = settings.chunk_size or spec.max_tokens
    if chunk_size > spec.max_tokens:
        raise UsageError(
            f"--chunk-size {chunk_size} is more than the {spec.max_tokens} tokens that model "
            f"{spec.name} reads.",
            hint="Nothing is ever truncated: choose a smaller --chunk-size.",
        )
    if settings.chunk_overlap * 2 > chunk_size:
        raise UsageError(
            f"--chunk-overlap can be at most half of a chunk, which has {chunk_size} tokens."
        )
    return chunk_size


def _chunk_facts(settings: Settings, chunk_size: int) -> dict[str, str]:
    """What decides where a document is cut, but for the tokenizer, which is the model's."""
    return {
        "chunker": CHUNKER_VERSION,
        "chunk size": str(chunk_size),
        "chunk overlap": str(settings.chunk_overlap),
    }


def _revision(spec: ModelSpec) -> dict[str, str]:
    """Where `search` finds the model again; the fingerprint knows its content."""
    return {} if spec.revision is None else {"revision": spec.revision}


class _Download:
    """Tells the listener of each file that is fetched from the hub, once."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._told: set[str] = set()

    def progress(self, file: str, done: int, total: int) -> None:
        if file not in self._told:
            self._told.add(file)
            size = f"{total / 1e6:.0f} MB"
            self._listener(Notice(None, "download", f"Downloading {file} ({size})."))


def _started(settings: Settings, config: RingConfig, place: Path | None) -> RunStarted:
    return RunStarted(
        database=str(place or hidden(settings.db_uri or settings.db)),
        collection=settings.collection,
        model=config.spec.name,
        dimension=config.spec.dimension,
        device=settings.device,
        chunk_size=config.chunk_size,
        parsers=config.plan.parsers,
        inferences=config.plan.inferences,
        slots=config.plan.slots,
        slot_bytes=config.layout.slot_bytes,
        max_memory_bytes=config.plan.max_memory,
    )
