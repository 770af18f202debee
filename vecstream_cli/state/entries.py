"""The rows of the manifest as the rest of vecstream sees them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from vecstream_cli.core.ids import ChunkKey, ContentHash, DocumentId, RowId
from vecstream_cli.core.plan import Stamp


@dataclass(frozen=True, slots=True)
class PendingDocument:
    """A document about to be handed to a parser."""

    id: DocumentId
    source: str
    relative: bytes


class Attempt(NamedTuple):
    """An attempt's number, and whether its document may be appended rather than merged.

    `fresh`: no attempt was ever made at this document, so no row of it can be in the database.
    """

    number: int
    fresh: bool


class AcknowledgedRow(NamedTuple):
    """A row that the database has acknowledged."""

    document: DocumentId
    attempt: int
    key: ChunkKey
    occurrence: int


class Donor(NamedTuple):
    """A row of the database whose vector another row of the same text can have."""

    id: RowId
    document: DocumentId


@dataclass(frozen=True, slots=True, kw_only=True)
class CommittedDocument:
    """A document whose rows are all in the database, and no others of it."""

    id: DocumentId
    attempt: int
    stamp: Stamp
    content_hash: ContentHash
    reader: str
    chunks: int
    tokens: int
    warnings: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class DocumentPath:
    """Where a document of the manifest lies."""

    id: DocumentId
    source: str
    relative: bytes


@dataclass(frozen=True, slots=True)
class FailedDocument:
    """A document that could not be indexed; `kept` tells whether an older version still is."""

    id: DocumentId
    source: str
    relative: bytes
    reason: str
    message: str
    count: int
    failed_at: str
    kept: bool


@dataclass(frozen=True, slots=True)
class Counts:
    """How much of a collection there is.

    `documents` have a good version; `failed` and `pending` may have one; `known` are all.
    """

    documents: int
    chunks: int
    tokens: int
    failed: int
    pending: int
    known: int


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """A source: its name, its folder, and when it was last listed completely."""

    name: str
    base: bytes | None
    listed_at: str | None


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run; without `finished_at` it is under way, or was killed."""

    number: int
    started_at: str
    finished_at: str | None
    exit_code: int | None
    summary: Mapping[str, object]
