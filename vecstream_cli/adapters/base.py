"""What every database must be able to do for a collection, and the words used for it."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, ClassVar, Self

from vecstream_cli.core.filters import Filter
from vecstream_cli.core.record import CollectionRecord
from vecstream_cli.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a database takes, as data.

    `target_rows` is the batch at which it is near its best speed; `max_rows` the largest it
    takes (None: any). `nul_in_text` says whether text may hold U+0000.
    """

    target_rows: int
    max_rows: int | None = None
    nul_in_text: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A row that a search found; `score` is the cosine similarity, 1 at most.

    `position` and `metadata` are JSON as stored. The other fields are the row's own.
    """

    score: float
    id: str
    document_id: str
    source: str
    path: str
    ordinal: int
    char_start: int
    char_end: int
    page: int | None
    heading: str | None
    text: str
    position: str | None
    metadata: str | None


class Adapter(ABC):
    """One collection in one database, opened for reading or for writing.

    Only the writer process opens one for writing, one at a time; any number may read meanwhile.
    Methods that write return once the database has acknowledged the rows, and keep no reference
    to the batch. All of them raise DatabaseError where the database fails or refuses, and
    AuthenticationFailed where it refuses the credentials.
    """

    name: ClassVar[str]
    limits: ClassVar[Limits]
    environment: ClassVar[Mapping[str, str]] = {}
    """Variables a writing process needs from its start, so that its memory stays flat."""
    hands_back_vectors: ClassVar[bool] = True
    """Whether `fetch_vectors` gives what was written, bit for bit: only then is it reused."""

    @classmethod
    @abstractmethod
    def open(cls, uri: str | None, collection: str, *, read_only: bool) -> Self:
        """Connect; the collection need not exist. Opened read-only, nothing is ever made."""

    @classmethod
    @abstractmethod
    def local_folder(cls, uri: str | None) -> Path | None:
        """The folder of an embedded database on this machine, else None; imports no client."""

    @classmethod
    def state_token(cls, uri: str | None, collection: str) -> str | None:
        """What the collection's state is now, as a text to compare with an earlier one.

        Two are equal only if nobody has changed the collection in between: no row, nor its
        record, nor by dropping it, or putting a copy in its place. Reading changes nothing. May
        differ where nothing changed. None where it cannot be told, and where there is no such
        collection. Cheap whatever the size; imports no client, neither numpy nor pyarrow.
        """
        return None

    @abstractmethod
    def record(self) -> CollectionRecord | None:
        """What the collection says of itself now; None where there is no such collection.

        Raises ForeignCollection where the table is there but carries no record.
        """

    @abstractmethod
    def create(self, record: CollectionRecord) -> None:
        """Make the empty collection with its record, which never changes but for `last_run`."""

    @abstractmethod
    def update_record(self, *, last_run: str) -> None:
        """Note when, or by what, the collection was last written."""

    @abstractmethod
    def append(self, batch: "pa.RecordBatch | pa.Table") -> None:
        """Add rows whose ids are known to be new. `batch` has the columns of `row_schema`."""

    @abstractmethod
    def merge(self, batch: "pa.RecordBatch | pa.Table") -> None:
        """Add rows, replacing those with the same id; ids are unique within `batch`."""

    @abstractmethod
    def delete_superseded(self, pairs: Sequence[tuple[str, int]]) -> int | None:
        """For each (document_id, attempt): delete the document's rows of any other attempt.

        Returns the number of rows deleted, None where the database does not say; so do the
        other deletions.
        """

    @abstractmethod
    def delete_documents(self, document_ids: Sequence[str]) -> int | None:
        """Delete every row of these documents."""

    @abstractmethod
    def keep_only(self, document_id: str, ids: Sequence[str]) -> int | None:
        """Delete the document's rows but for `ids`, those of its last good version."""

    @abstractmethod
    def fetch_vectors(
        self, ids: Sequence[str], documents: Sequence[str] | None = None
    ) -> "pa.Table":
        """The columns `id` and `vector` of the rows that exist, in any order.

        `documents`: those that the rows belong to, where they are known; none is found in others.
        It is what makes this quick in a large table.
        """

    @abstractmethod
    def scan(self, columns: Sequence[str]) -> Iterator["pa.RecordBatch"]:
        """These columns of all rows, in bounded batches, as of one moment."""

    @abstractmethod
    def count(self) -> int:
        """The number of rows."""

    @abstractmethod
    def search(self, vector: Sequence[float], k: int, where: Filter | None = None) -> list[Hit]:
        """The `k` rows nearest to `vector` by cosine, of those that match `where`, best first."""

    @abstractmethod
    def maintain(self, *, final: bool = False, spare_bytes: int = 0) -> bool:
        """Compact, clean up and index where that is due; `final`: the run is about to end.

        Cheap when nothing is due, so it may follow every write. `spare_bytes` is the memory it
        may take beyond what writing takes; an index that needs more is left unmade. Returns
        whether it did work.
        """

    def replace_with(self, build: str) -> None:
        """Become what the collection `build` of the same database is, and drop that one.

        Its rows and its record take the place of this collection's, which need not exist, in one
        step: a reader sees all of the old rows or all of the new ones. Raises UsageError where
        the database cannot do that.
        """
        raise UsageError(
            f"Collections in {self.name} cannot be rebuilt in place.",
            hint="Index into another --collection, and drop the old one.",
        )

    @abstractmethod
    def drop(self) -> None:
        """Delete the collection whole. Raises CollectionNotFound, or ForeignCollection."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the database; more than once is fine."""

    def ids(self) -> Iterator[str]:
        """The id of every row."""
        for batch in self.scan(("id",)):
            yield from batch.column(0).to_pylist()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
