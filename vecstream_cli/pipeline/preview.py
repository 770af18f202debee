"""What a run would do: the same scan and the same decisions, and nothing done."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import groupby, islice
from operator import attrgetter

from vecstream_cli.core.estimate import History
from vecstream_cli.core.plan import Decision, KnownDocument, decide
from vecstream_cli.pipeline.commits import shown_path
from vecstream_cli.pipeline.events import Action, Listener, Notice, Planned, Preview
from vecstream_cli.pipeline.gone import Gone
from vecstream_cli.readers.sniff import named_reader
from vecstream_cli.state.scan import Scan, ScannedFile, ScanProblem
from vecstream_cli.state.view import MOST_PATHS, ManifestView


def foresee(
    scan: Scan,
    manifest: ManifestView | None,
    history: History,
    listener: Listener,
    preview: Preview,
    *,
    restored: bool,
    readers: Mapping[str, str],
    checksum: bool,
    allow_mass_delete: bool,
) -> None:
    """Fill in `preview`, and tell the listener of each document that would not be left alone.

    `manifest` is None where it tells nothing of the collection. Then every document is new, or
    where a run would have it `restored` from the rows first, one that may have changed.
    """
    unknown = Action.MAYBE_CHANGED if restored else Action.NEW
    foresight = _Foresight(manifest, listener, preview, readers, checksum, unknown)
    files = _files(scan, listener, preview)
    while batch := list(islice(files, MOST_PATHS)):
        for source, group in groupby(batch, key=attrgetter("source")):
            foresight.look_at(source, list(group))
    preview.documents_skipped = sum(each.skipped.total() for each in scan.listings.values())
    if manifest is not None:
        for listing in scan.listings.values():
            foresight.miss(Gone(manifest, listing), allow_mass_delete=allow_mass_delete)
    _estimate(preview, history, foresight.surely, foresight.maybe)


def _files(scan: Scan, listener: Listener, preview: Preview) -> Iterator[ScannedFile]:
    for found in scan:
        if isinstance(found, ScannedFile):
            yield found
        else:
            _tell(found, listener, preview)


def _tell(problem: ScanProblem, listener: Listener, preview: Preview) -> None:
    if problem.reason != "vanished":
        preview.scan_problems += 1
    path = shown_path(problem.relative) or problem.source
    listener(Notice(path, problem.reason, problem.message))


class _Foresight:
    """Counts what would be done; `surely` and `maybe` are the bytes to be read, by reader."""

    def __init__(
        self,
        manifest: ManifestView | None,
        listener: Listener,
        preview: Preview,
        readers: Mapping[str, str],
        checksum: bool,
        unknown: Action,
    ) -> None:
        self._manifest = manifest
        self._listener = listener
        self._preview = preview
        self._checksum = checksum
        self._unknown = unknown
        self._readers = readers
        self.surely: Counter[str] = Counter()
        self.maybe: Counter[str] = Counter()

    def look_at(self, source: str, files: list[ScannedFile]) -> None:
        """Decide about these files as a run would."""
        paths = [file.relative for file in files]
        known = {} if self._manifest is None else self._manifest.look_up(source, paths)
        for file in files:
            before = known.get(file.relative)
            decision = decide(
                file.stamp, before, reader_versions=self._readers, checksum=self._checksum
            )
            if decision is Decision.UNCHANGED:
                self._preview.documents_unchanged += 1
            elif decision is Decision.QUARANTINED:
                self._preview.documents_quarantined += 1
            else:
                self._read(file, self._unknown if before is None else _action(decision, before))

    def miss(self, gone: Gone, *, allow_mass_delete: bool) -> None:
        """Tell of a source's documents that are gone."""
        if not gone.possible:
            return
        why = None if allow_mass_delete else gone.held_back()
        if why is not None:
            self._listener(Notice(None, "deletions-held", why))
        for document in gone:
            action = Action.REMOVED if why is None else Action.HELD
            if why is None:
                self._preview.documents_removed += 1
            else:
                self._preview.deletions_held += 1
            source = shown_path(os.fsencode(document.source))
            self._listener(Planned(source, shown_path(document.relative), action))

    def _read(self, file: ScannedFile, action: Action) -> None:
        preview, size = self._preview, file.stamp.size
        match action:
            case Action.NEW:
                preview.documents_new += 1
                preview.bytes_new += size
            case Action.CHANGED:
                preview.documents_changed += 1
                preview.bytes_changed += size
            case Action.MAYBE_CHANGED:
                preview.documents_maybe_changed += 1
                preview.bytes_maybe_changed += size
            case Action.RETRIED:
                preview.documents_retried += 1
                preview.bytes_retried += size
        sizes = self.maybe if action is Action.MAYBE_CHANGED else self.surely
        sizes[named_reader(file.relative) or ""] += size
        source = shown_path(os.fsencode(file.source))
        self._listener(Planned(source, shown_path(file.relative), action, size))


def _action(decision: Decision, known: KnownDocument) -> Action:
    if known.failure is not None:
        return Action.RETRIED
    return {
        Decision.NEW: Action.NEW,
        Decision.CHANGED: Action.CHANGED,
        Decision.VERIFY: Action.MAYBE_CHANGED,
    }[decision]


def _estimate(
    preview: Preview, history: History, surely: Counter[str], maybe: Counter[str]
) -> None:
    preview.tokens, preview.tokens_maybe = history.tokens(surely), history.tokens(maybe)
    preview.seconds = history.seconds(preview.tokens)
    preview.seconds_maybe = history.seconds(preview.tokens_maybe)
    if preview.seconds:
        preview.seconds += history.overhead
    elif preview.seconds_maybe:
        preview.seconds_maybe += history.overhead
