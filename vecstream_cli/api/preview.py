"""Preview: what `index` would do, found out from the manifest and the files' stamps alone."""

from collections.abc import Iterator
from contextlib import contextmanager

from vecstream_cli.adapters.registry import adapter_class, connect
from vecstream_cli.api.index import configure
from vecstream_cli.api.naming import database_name
from vecstream_cli.api.rebuild import replacement
from vecstream_cli.api.sources import scan_of
from vecstream_cli.api.terms import insist_on, insist_on_ocr
from vecstream_cli.core.estimate import History, history
from vecstream_cli.core.record import CollectionRecord
from vecstream_cli.errors import ManifestError, ModelNotHere
from vecstream_cli.models.resolve import resolve
from vecstream_cli.pipeline.events import Listener, Notice, Preview, silent
from vecstream_cli.pipeline.opening import refuse_other_settings
from vecstream_cli.pipeline.preview import foresee
from vecstream_cli.readers.formats import versions
from vecstream_cli.settings import ReadingOptions, Settings
from vecstream_cli.state.location import Place, locate
from vecstream_cli.state.lock import last_holder_lives
from vecstream_cli.state.roots import adopted, roots_of
from vecstream_cli.state.view import ManifestView

_ANEW = "A run would read every document, to know which have changed."


def preview(settings: Settings, listener: Listener = silent) -> Preview:
    """What `index` would do with these settings; nothing is done.

    No document is opened and no lock taken, and database and manifest stay as they are, so it may
    be asked while a run goes on. The listener hears of every document that would not be left
    alone, and last the `Preview`. Raises the VecstreamError by which such a run would be refused.
    """
    insist_on(settings.require)
    insist_on_ocr(settings.reading)
    adapter = adapter_class(settings.db)
    roots = roots_of(settings.paths, files_from=settings.files_from, source=settings.source)
    wanted, reading = _wanted(settings, listener)
    folder = adapter.local_folder(settings.db_uri)
    place = locate(settings.db, settings.db_uri, settings.collection, folder)
    found = Preview(database_name(adapter, settings.db_uri), settings.collection)
    with _known(settings, place, wanted, found, listener) as (manifest, before):
        if manifest is not None and settings.source is None:
            roots = adopted(roots, manifest.sources())
        if settings.rebuild and manifest is not None:
            replacement(settings, manifest, roots)  # raises where something would be lost
        foresee(
            scan_of(settings, roots, folder, reading),
            None if settings.rebuild else manifest,
            before,
            listener,
            found,
            restored=found.exists and manifest is None and not settings.rebuild,
            readers=versions(reading),
            checksum=settings.checksum,
            allow_mass_delete=settings.allow_mass_delete,
        )
    listener(found)
    return found


def _wanted(
    settings: Settings, listener: Listener
) -> tuple[CollectionRecord | None, ReadingOptions]:
    """The record of a collection made with these settings, and what would be read.

    Where the model is not here there is no record, and it is taken for one that reads text.
    """
    try:
        spec = resolve(settings.model, revision=settings.revision, fetch=False)
    except ModelNotHere as error:
        listener(Notice(None, "model", f"{error.message} A run would fetch it first."))
        return None, settings.reading
    config = configure(settings, spec)
    return config.record, config.reading


@contextmanager
def _known(
    settings: Settings,
    place: Place,
    wanted: CollectionRecord | None,
    found: Preview,
    listener: Listener,
) -> Iterator[tuple[ManifestView | None, History]]:
    """The manifest, if it tells of the collection as it stands, and what earlier runs took."""
    if not place.manifest.exists():
        _ask_database(settings, wanted, found)
        if found.exists:
            listener(Notice(None, "manifest", f"There is no manifest at {place.manifest}. {_ANEW}"))
        yield None, history((), ())
        return
    with ManifestView.open(place.manifest, read_only=True) as manifest:
        last = manifest.last_run()
        unfinished = last is not None and last.finished_at is None
        found.run_under_way = unfinished and last_holder_lives(place.lock)
        try:
            holds = _tells_of(manifest, settings, wanted, found)
            if found.exists and not holds:
                listener(Notice(None, "manifest", f"{place.manifest} is of another state. {_ANEW}"))
            yield manifest if holds else None, history(manifest.read(), manifest.runs())
        except ManifestError as error:
            if not manifest.disturbed:
                raise
            raise ManifestError(
                f"A run began while the manifest {place.manifest} was read.", hint="Ask again."
            ) from error
        if manifest.disturbed:
            found.run_under_way = True


def _tells_of(
    manifest: ManifestView, settings: Settings, wanted: CollectionRecord | None, found: Preview
) -> bool:
    """Whether the manifest is about the collection that the database has now."""
    known = manifest.collection
    state = adapter_class(settings.db).state_token(settings.db_uri, settings.collection)
    if known is None or state is None or state != manifest.state:
        record = _ask_database(settings, wanted, found)
        return record is not None and manifest.knows(record)
    found.exists = True
    _refuse(settings, known, wanted)
    return True


def _ask_database(
    settings: Settings, wanted: CollectionRecord | None, found: Preview
) -> CollectionRecord | None:
    """What the collection says of itself, None where there is none."""
    with connect(settings.endpoint, settings.collection, read_only=True) as adapter:
        record = adapter.record()
    found.exists = record is not None
    if record is not None:
        _refuse(settings, record, wanted)
    return record


def _refuse(settings: Settings, found: CollectionRecord, wanted: CollectionRecord | None) -> None:
    if wanted is not None and not settings.rebuild:
        refuse_other_settings(settings.collection, found, wanted)
