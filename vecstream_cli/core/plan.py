"""What to do with a scanned file, given what the manifest remembers of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from vecstream_cli.core.ids import ContentHash, DocumentId

RACY_NS = 2_000_000_000
"""The coarsest clock of a file system in use (FAT's two seconds)."""

MAX_FAILURES = 3
"""How often an unchanged document whose failure may pass is tried, over all runs."""

TRANSIENT = frozenset({"changed-while-reading", "out-of-memory", "unreadable", "vanished"})
"""Reasons that may be gone in the next run without the file having changed.

Not `crashed` and `timeout`: such a document was tried twice in its run, the second time alone.
"""

_FEW_REMOVALS = 20


class Decision(Enum):
    """What a run does with a scanned file."""

    NEW = "new"  # no good version is stored: parse
    CHANGED = "changed"  # the stored version no longer counts: parse, whatever the hash
    VERIFY = "verify"  # the stamp proves nothing: hash, and parse only where the hash differs
    UNCHANGED = "unchanged"  # not opened
    QUARANTINED = "quarantined"  # failed before and would fail again: not opened


# Tuples: a run makes one of each for every file, and may do nothing else with most of them.
class Stamp(NamedTuple):
    """What the file system says of a file's state; only equality means anything."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int


@dataclass(frozen=True, slots=True)
class KnownFailure:
    """How a document failed last; `count` is how often in a row with this very stamp."""

    reason: str
    stamp: Stamp
    reader: str | None
    count: int


class KnownVersion(NamedTuple):
    """A document as it stands in the database, whole.

    `seen_ns` is the start of the scan that took `stamp`, in the clock of the stamp's times.
    """

    attempt: int
    stamp: Stamp
    seen_ns: int
    content_hash: ContentHash
    reader: str


class KnownDocument(NamedTuple):
    """What the manifest remembers of a document.

    `pending`: an attempt was begun and never ended, so rows of it may be in the database.
    """

    id: DocumentId
    good: KnownVersion | None
    failure: KnownFailure | None
    pending: bool


def decide(
    stamp: Stamp,
    known: KnownDocument | None,
    *,
    reader_versions: Mapping[str, str],
    checksum: bool = False,
) -> Decision:
    """What to do with a file that the scan found with `stamp`.

    `reader_versions` are today's, by reader. `checksum` trusts no stamp at all.
    """
    if known is None:
        return Decision.NEW
    _, good, failure, pending = known
    if failure is not None and not pending and _quarantined(stamp, failure, reader_versions):
        return Decision.QUARANTINED
    if good is None:
        return Decision.NEW
    if pending or not _is_current(good.reader, reader_versions):
        return Decision.CHANGED
    if checksum or stamp != good.stamp or is_racy(stamp, good.seen_ns):
        return Decision.VERIFY
    return Decision.UNCHANGED


def is_racy(stamp: Stamp, seen_ns: int) -> bool:
    """Whether the file might have been written again without its stamp showing it.

    Git's racy-index rule: a change within one tick of the file system's clock after the stamp
    was taken leaves the stamp as it is. `seen_ns` is when the scan that took it started.
    """
    return max(stamp.mtime_ns, stamp.ctime_ns) >= seen_ns - RACY_NS


def any_reader(reader_versions: Mapping[str, str]) -> str:
    """Names all readers at once: for a document of which it is not known which one read it.

    Either it failed before one was chosen, or it is known from its rows alone. It is read again
    as soon as any reader changes or is added.
    """
    return " ".join(sorted(reader_versions.values()))


def hold_back(gone: int, known: int) -> bool:
    """Whether so many of a source's `known` documents are gone that it may be a mistake.

    An empty mount point must not empty the collection: more than half and more than 20, or all.
    """
    return gone > 0 and (gone >= known or (gone > _FEW_REMOVALS and 2 * gone > known))


def _is_current(reader: str, reader_versions: Mapping[str, str]) -> bool:
    return reader in reader_versions.values() or reader == any_reader(reader_versions)


def _quarantined(stamp: Stamp, failure: KnownFailure, reader_versions: Mapping[str, str]) -> bool:
    if failure.stamp != stamp:
        return False
    if failure.reader is not None and failure.reader not in {
        *reader_versions.values(),
        any_reader(reader_versions),
    }:
        return False
    return failure.reason not in TRANSIENT or failure.count >= MAX_FAILURES
