"""What every database must be able to do for a collection, and the words used for it."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Self

from vecstream_cli.core.filters import Filter
from vecstream_cli.core.record import CollectionRecord
from vecstream_cli.endpoint import Endpoint
from vecstream_cli.errors import DatabaseError, UsageError

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a database takes, as data.

    `target_rows` is the batch at which it is near its best speed. An adapter cuts what it is
    given into requests of at most `max_rows` rows and `max_bytes` bytes (None: any), and has
    `in_flight` of them under way at once. A row of more than `max_row_bytes`, its vector aside, is
    refused. `max_dimension` is the longest vector; `one_dimension` says that all collections of a
    database have vectors of one. `names` matches what a collection may be called, and `naming` says
    so to a person. `nul_in_text` says whether text may hold U+0000; where it may not, such a row is
    refused.
    """

    target_rows: int
    max_rows: int | None = None
    max_bytes: int | None = None
    in_flight: int = 1
    max_row_bytes: int | None = None
    max_dimension: int | None = None
    one_dimension: bool = False
    names: re.Pattern[str] | None = None
    naming: str = ""
    nul_in_text: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """An option of a database that --db-option may give.

    `read` turns its text into a value, and raises ValueError where it cannot; `default` is such a
    text, None where there is none.
    """

    help: str
    read: Callable[[str], Any] = str
    default: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A row that a search found; `score` is the cosine similarity, 1 at most, or a rank's.

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

    @classmethod
    def of(cls, row: Mapping[str, Any], score: float, *, ranked: bool = False) -> Self:
        """From a row that has at least `HIT_COLUMNS`; `score` may exceed 1 by its rounding.

        `ranked`: it is no cosine, but the score of a search for words.
        """
        score = score if ranked else min(1.0, score)
        return cls(score=score, **{name: row[name] for name in HIT_COLUMNS})


HIT_COLUMNS = tuple(name for name in Hit.__slots__ if name != "score")
"""The columns of a row that a hit tells."""


class Adapter(ABC):
    """One collection in one database, opened for reading or for writing.

    Only the writer process opens one for writing, one at a time; any number may read meanwhile.
    Methods that write return once the database has acknowledged the rows and a reader can find
    them, and keep no reference to the batch. They may be called again after they failed, however
    far they had come. All methods raise DatabaseError where the database fails or refuses, and
    AuthenticationFailed where it refuses the credentials; a server that is away is called again
    for as long as the option `deadline` says (`adapters/retrying.py`).
    """

    name: ClassVar[str]
    limits: ClassVar[Limits]
    extra: ClassVar[str | None] = None
    """The extra of vecstream that installs the client, as in ``vecstream[pgvector]``."""
    packages: ClassVar[Sequence[str]] = ()
    """What must be importable for it, such as ``psycopg``."""
    options: ClassVar[Mapping[str, Option]] = {}
    """The options it has, by their names; `Adapter.option` reads one."""
    environment: ClassVar[Mapping[str, str]] = {}
    """Variables a writing process needs from its start, so that its memory stays flat."""
    full_text: bool = False
    """Whether the database can `search_text`; of an instance, where only some collections can."""
    keeps_locks: ClassVar[bool] = False
    """Whether the database keeps a lock record beside the data: `read_lock`, `swap_lock`."""

    @classmethod
    @abstractmethod
    def open(cls, database: Endpoint, collection: str, *, read_only: bool) -> Self:
        """Connect; the collection need not exist. Opened read-only, nothing is ever made, and
        methods that write raise DatabaseError. Call it by way of `registry.connect`."""

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

    @classmethod
    def hands_back_vectors(cls, database: Endpoint) -> bool:
        """Whether `fetch_vectors` gives what was written: only then are vectors reused.

        To a cosine of 0.9999999 at least, so that a vector handed on from row to row stays true.
        """
        return True

    @classmethod
    def option(cls, database: Endpoint, name: str) -> Any:
        """The value of an option, or of its default. Raises UsageError where it cannot be read."""
        option = cls.options[name]
        text = database.options.get(name, option.default)
        if text is None:
            return None
        try:
            return option.read(text)
        except (ValueError, UsageError):
            raise UsageError(
                f"--db-option {name}={text} is not understood.", hint=f"{name}: {option.help}"
            ) from None

    @abstractmethod
    def record(self) -> CollectionRecord | None:
        """What the collection says of itself now; None where there is no such collection.

        Raises ForeignCollection where the table is there but carries no record.
        """

    @abstractmethod
    def create(self, record: CollectionRecord) -> None:
        """Make the empty collection with its record, which never changes but for `last_run`.

        Raises DatabaseError where it exists, and keeps what is in it.
        """

    @abstractmethod
    def update_record(self, *, last_run: str) -> None:
        """Note when, or by what, the collection was last written."""

    @abstractmethod
    def append(self, batch: "pa.RecordBatch | pa.Table") -> None:
        """Add rows whose ids are known to be new. `batch` has the columns of `row_schema`."""

    @abstractmethod
    def merge(self, batch: "pa.RecordBatch | pa.Table") -> None:
        """Add rows, replacing those with the same id whole; ids are unique within `batch`.

        A reader finds the old row or the new one, never neither.
        """

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
        """These columns of all rows, in bounded batches, each row once.

        As of one moment, where the database can; else rows written meanwhile may be missed.
        """

    @abstractmethod
    def count(self) -> int:
        """The number of rows."""

    @abstractmethod
    def search(self, vector: Sequence[float], k: int, where: Filter | None = None) -> list[Hit]:
        """The `k` rows nearest to `vector` by cosine, of those that match `where`, best first."""

    def search_text(self, text: str, k: int, where: Filter | None = None) -> list[Hit]:
        """The `k` rows whose text has the words of `text`, as the database ranks them.

        The scores are the database's own. Only where `full_text` says so.
        """
        raise NotImplementedError

    @abstractmethod
    def maintain(self, *, final: bool = False, spare_bytes: int = 0) -> bool:
        """Compact, clean up and index where that is due; `final`: the run is about to end.

        Cheap when nothing is due, so it may follow every write. `spare_bytes` is the memory it
        may take beyond what writing takes; an index that needs more is left unmade. Returns
        whether it did work.
        """

    def read_lock(self) -> str | None:
        """The lock record that stands beside the collection, whether that exists or not."""
        raise NotImplementedError

    def swap_lock(self, old: str | None, new: str | None) -> bool:
        """Put `new` in the place of the lock record `old` if that is what stands there; whether.

        None stands for no record. Of several who try at once, one succeeds.
        """
        raise NotImplementedError

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


def refuse_to_write(place: str) -> DatabaseError:
    """The error for a change through an adapter that was opened read-only."""
    return DatabaseError(f"The database {place} is open for reading only.")
