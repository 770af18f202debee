"""LanceDB: a table is a folder of files; no server, one writer, any number of readers."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from vecstream_cli.adapters.base import Adapter, Hit, Limits, Option, refuse_to_write
from vecstream_cli.adapters.lance import indexes
from vecstream_cli.adapters.lance.errors import lance_errors
from vecstream_cli.adapters.lance.filter import LanceDialect
from vecstream_cli.adapters.lance.layout import Layout, compaction_due, lookup_due
from vecstream_cli.adapters.lance.memory import ENVIRONMENT, client, give_back_memory
from vecstream_cli.adapters.lance.record import described, last_written, record_of
from vecstream_cli.adapters.lance.search import Table
from vecstream_cli.adapters.lance.token import table_token
from vecstream_cli.adapters.nearest import most_apt, nearest
from vecstream_cli.adapters.predicates import any_of, any_of_each, chunks
from vecstream_cli.adapters.schema import row_schema
from vecstream_cli.core.filters import Filter
from vecstream_cli.core.record import CollectionRecord
from vecstream_cli.endpoint import Endpoint
from vecstream_cli.errors import CollectionNotFound, DatabaseError, UsageError
from vecstream_cli.killpoints import kill_point

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]

DEFAULT_FOLDER = "vecstream.lance"
# Of each cache of a session; LanceDB's own default is gigabytes.
READER_CACHE = 8 << 20
WRITER_CACHE = 1 << 20

# Makes two merges of the same new id a conflict, where LanceDB would insert it twice.
_PRIMARY_KEY = {b"lance-schema:unenforced-primary-key": b"true"}

# Flat search is exact, and takes 0.3–0.5 s at 300,000 rows of 384 on two cores. From INDEX_ROWS on
# an index is made, see `make_index`.
INDEX_ROWS = 200_000
_INDEX_BYTES_PER_ROW = 256  # and two for each number of its vector

# From here on rows are merged by way of their documents, with an index on `document_id` between
# runs: a merge of LanceDB's own reads every id into memory (5 million rows: 1.5 s and 850 MB), and
# with an index on `id` it reads every column of the rows that the index does not have yet.
LARGE_ROWS = 500_000

# LanceDB copies the values of an IN for each fragment that no index covers: 4,096 values and 250
# fragments are 320 MB and 2 s. Numbers of rows need no such look.
_VALUES_PER_STATEMENT = 512
_PLACES_PER_STATEMENT = 4096
_SCAN_ROWS = 8192

_log = logging.getLogger(__name__)


class LanceAdapter(Adapter):
    """One table of a LanceDB database in a folder or an object store."""

    name: ClassVar[str] = "lance"
    packages: ClassVar[Sequence[str]] = ("lancedb",)
    limits: ClassVar[Limits] = Limits(target_rows=4096)
    environment: ClassVar[Mapping[str, str]] = ENVIRONMENT
    options: ClassVar[Mapping[str, Option]] = {
        "full_text": Option(
            help="true, or a language such as english whose words are taken by their stems: keeps "
            "an index for search --hybrid",
            read=indexes.language,
        ),
    }

    def __init__(
        self,
        connection: Any,
        place: str,
        collection: str,
        *,
        read_only: bool = False,
        language: str | None = None,
    ) -> None:
        self._connection = connection  # None: nothing is there, and nothing may be made
        self._place = place
        self._collection = collection
        self._read_only = read_only
        self._language = language
        self.full_text = language is not None
        self._known_table: Any = None
        self._upkeep_failed = False

    @classmethod
    def open(cls, database: Endpoint, collection: str, *, read_only: bool) -> Self:
        folder = cls.local_folder(database.uri)
        place = str(folder) if folder else str(database.connection)
        if place.startswith("db://"):
            raise UsageError(
                "LanceDB Cloud is not supported.", hint="Give a folder or an object store's URI."
            )
        with lance_errors("open the database", place):
            if read_only and folder and not folder.exists():
                return cls(None, place, collection, read_only=True)
            lancedb = client()
            cache = READER_CACHE if read_only else WRITER_CACHE
            connection = lancedb.connect(
                place,
                session=lancedb.Session(cache, cache),
                # A reader looks for other processes' writes on every read.
                read_consistency_interval=timedelta(0) if read_only else None,
            )
        language = cls.option(database, "full_text")
        return cls(connection, place, collection, read_only=read_only, language=language)

    @classmethod
    def local_folder(cls, uri: str | None) -> Path | None:
        path = (uri or DEFAULT_FOLDER).removeprefix("file://")
        return None if "://" in path else Path(path).expanduser().absolute()

    @classmethod
    def state_token(cls, uri: str | None, collection: str) -> str | None:
        folder = cls.local_folder(uri)
        return table_token(folder / f"{collection}.lance") if folder else None

    def record(self) -> CollectionRecord | None:
        if (table := self._open_table()) is None:
            return None
        with self._errors("read"):
            schema = table.schema
        return record_of(schema, self._collection, self._place)

    def create(self, record: CollectionRecord) -> None:
        self._insist_on_writing()
        schema = row_schema(record.dimension).with_metadata(described(record))
        schema = schema.set(0, schema.field("id").with_metadata(_PRIMARY_KEY))
        with self._errors("create"):
            self._known_table = self._connection.create_table(self._collection, schema=schema)
            if self._language is not None:
                indexes.make_words(self._known_table, self._language)
        if record.last_run is not None:
            self.update_record(last_run=record.last_run)

    def update_record(self, *, last_run: str) -> None:
        self._insist_on_writing()
        table = self._table()
        with self._errors("update"):
            table.update_field_metadata(last_written(last_run))

    def append(self, batch: "pa.RecordBatch | pa.Table") -> None:
        self._insist_on_writing()
        table = self._table()
        with self._errors("add rows to"):
            # One stream makes one fragment, and holds one batch in memory.
            table.add(_labelled(batch, table.schema), write_parallelism=1)

    def merge(self, batch: "pa.RecordBatch | pa.Table") -> None:
        """As of one moment in a table under LARGE_ROWS.

        In a larger one the new rows come a moment before the old ones go. Killed in between, it
        leaves rows whose id stands twice, until their document is merged, superseded or deleted,
        which an attempt that was not completed always is.
        """
        self._insist_on_writing()
        table = self._table()
        if self.count() >= LARGE_ROWS:
            documents = sorted(set(batch.column("document_id").to_pylist()))
            older = list(self._places(documents, batch.column("id").to_pylist()))
            self.append(batch)
            self._delete_places(older)
            return
        with self._errors("merge rows into"):
            statement = table.merge_insert("id").when_matched_update_all()
            statement.when_not_matched_insert_all().execute(_labelled(batch, table.schema))

    def delete_superseded(self, pairs: Sequence[tuple[str, int]]) -> int:
        # An attempt belongs to its document, so the two are compared as one text: an alternative
        # for each pair took three times as long.
        return sum(
            self._delete(
                f"{any_of('document_id', [document for document, _ in chunk])} AND NOT "
                + any_of("concat(document_id, '/', attempt)", [f"{d}/{a:d}" for d, a in chunk])
            )
            for chunk in chunks(pairs, _VALUES_PER_STATEMENT)
        )

    def delete_documents(self, document_ids: Sequence[str]) -> int:
        return self._delete_any("document_id", document_ids)

    def keep_only(self, document_id: str, ids: Sequence[str]) -> int:
        # What goes is listed, not what stays: a document may have more rows than SQL can name.
        missing, goes = set(ids), []
        for place in self._places([document_id]):
            if place[0] in missing:
                missing.remove(place[0])
            else:
                goes.append(place)
        return self._delete_places(goes)

    def fetch_vectors(
        self, ids: Sequence[str], documents: Sequence[str] | None = None
    ) -> "pa.Table":
        import pyarrow as pa

        columns = ["id", "vector"]
        places = list(self._places(documents, ids))
        table = self._table()
        schema = pa.schema([table.schema.field(name) for name in columns])
        if not places:
            return schema.empty_table()
        with self._errors("read"):
            found = table.take_row_ids(sorted(number for _, number in places))
            return found.select(columns).to_arrow().select(columns).cast(schema)

    def scan(self, columns: Sequence[str]) -> Iterator["pa.RecordBatch"]:
        return self._rows(columns, None)

    def count(self) -> int:
        table = self._table()
        with self._errors("count"):
            return int(table.count_rows())

    def search(self, vector: Sequence[float], k: int, where: Filter | None = None) -> list[Hit]:
        table = self._table()
        indexed = "vector" in self._indexed(table)
        with self._errors("search"):
            return nearest(Table(table), LanceDialect(), vector, k, where, exhaustive=not indexed)

    def search_text(self, text: str, k: int, where: Filter | None = None) -> list[Hit]:
        table = self._table()
        if "text" not in self._indexed(table):
            raise NotImplementedError
        with self._errors("search"):
            return most_apt(partial(Table(table).top_text, text), LanceDialect(), k, where)

    def maintain(self, *, final: bool = False, spare_bytes: int = 0) -> bool:
        table = self._table()
        with self._errors("inspect"):
            layout = Layout.of(table.stats())
            beside = indexes.rows_beside_lookup(table, layout.rows) if final else 0
        compact = compaction_due(layout, final=final) and (final or not self._upkeep_failed)
        indexed = self._indexed(table) if compact or final else frozenset()
        stale = compact and "document_id" in indexed
        lookup = stale or (final and lookup_due(layout.rows, beside))
        lookup = lookup and layout.rows >= LARGE_ROWS
        index = final and layout.rows >= INDEX_ROWS and "vector" not in indexed
        if index:
            numbers = table.schema.field("vector").type.list_size
            index = spare_bytes >= layout.rows * (_INDEX_BYTES_PER_ROW + 2 * numbers)
        words = final and self._language is not None and "text" not in indexed
        if not (compact or lookup or index or words):
            return False
        give_back_memory()
        try:
            if compact:
                with self._errors("compact"):
                    if stale:
                        # To carry it through would take 100 MB more than to make it anew.
                        table.drop_index(indexes.LOOKUP)
                    table.optimize(cleanup_older_than=layout.version_lifetime)
                give_back_memory()
            if lookup:
                with self._errors("index"):
                    indexes.make_lookup(table)
            if words:
                with self._errors("index"):
                    indexes.make_words(table, self._language or "")
            if index:
                with self._errors("index"):
                    indexes.make_index(table, layout.rows)
        except DatabaseError as error:
            # It needs room for a second copy, and costs no row where it fails: reading a table
            # in many pieces is only slower.
            self._upkeep_failed = True
            _log.warning("%s Searching it stays slower than it could be.", error.message)
            return False
        finally:
            give_back_memory()
        return True

    def replace_with(self, build: str) -> None:
        import pyarrow as pa

        other = type(self)(self._connection, self._place, build)
        schema = other._table().schema
        batches = (
            pa.RecordBatch.from_arrays([batch.column(name) for name in schema.names], schema=schema)
            for batch in other.scan(schema.names)
        )
        rows = pa.RecordBatchReader.from_batches(schema, batches)
        with self._errors("replace"):
            # A new version of the same table: who has the old one open goes on reading it.
            self._known_table = self._connection.create_table(
                self._collection, rows, mode="overwrite"
            )
        give_back_memory()
        kill_point("rebuild.overwritten")
        other.drop()

    def drop(self) -> None:
        self._insist_on_writing()
        if self.record() is None:
            raise self._not_found()
        self._known_table = None
        with self._errors("drop"):
            self._connection.drop_table(self._collection)

    def close(self) -> None:
        self._known_table = None
        self._connection = None

    def _errors(self, action: str) -> AbstractContextManager[None]:
        return lance_errors(f"{action} the collection {self._collection!r} in", self._place)

    def _insist_on_writing(self) -> None:
        if self._read_only:
            raise refuse_to_write(self._place)

    def _open_table(self) -> Any:
        """The table, or None where there is none; kept open once found."""
        if self._known_table is None and self._connection is not None:
            with self._errors("open"):
                try:
                    self._known_table = self._connection.open_table(self._collection)
                except ValueError as error:
                    if "not found" not in str(error):
                        raise
        return self._known_table

    def _table(self) -> Any:
        table = self._open_table()
        if table is None:
            raise self._not_found()
        return table

    def _not_found(self) -> CollectionNotFound:
        return CollectionNotFound(f"There is no collection {self._collection!r} in {self._place}.")

    def _rows(
        self, columns: Sequence[str], where: str | None, *, places: bool = False
    ) -> Iterator["pa.RecordBatch"]:
        table = self._table()
        with self._errors("read"):
            query = table.search().select(list(columns)).with_row_id(places)
            if where is not None:
                query = query.where(where)
            yield from query.to_batches(_SCAN_ROWS)

    def _places(
        self, documents: Sequence[str] | None, among: Sequence[str] | None = None
    ) -> Iterator[tuple[str, int]]:
        """The id of each row and the number it has in the table: of these documents, and ids."""
        import pyarrow as pa
        import pyarrow.compute as pc  # type: ignore[import-untyped]

        wanted = None if among is None else pa.array(among, pa.string())
        for where in (
            [None]
            if documents is None
            else any_of_each("document_id", documents, _VALUES_PER_STATEMENT)
        ):
            for batch in self._rows(("id",), where, places=True):
                if wanted is not None:
                    batch = batch.filter(pc.is_in(batch.column("id"), wanted))
                ids, numbers = batch.column("id"), batch.column("_rowid")
                yield from zip(ids.to_pylist(), numbers.to_pylist(), strict=True)

    def _delete_places(self, places: Sequence[tuple[str, int]]) -> int:
        """Delete them by number, which takes milliseconds in a table of any size.

        The id is asked for as well: another program's compaction would give rows new numbers.
        """
        return sum(
            self._delete(
                f"_rowid IN ({', '.join(str(number) for _, number in chunk)})"
                f" AND {any_of('id', [row for row, _ in chunk])}"
            )
            for chunk in chunks(places, _PLACES_PER_STATEMENT)
        )

    def _indexed(self, table: Any) -> frozenset[str]:
        with self._errors("inspect"):
            return frozenset(name for index in table.list_indices() for name in index.columns)

    def _delete_any(self, column: str, values: Sequence[str]) -> int:
        return sum(map(self._delete, any_of_each(column, values, _VALUES_PER_STATEMENT)))

    def _delete(self, predicate: str) -> int:
        self._insist_on_writing()
        table = self._table()
        with self._errors("delete from"):
            return int(table.delete(predicate).num_deleted_rows)


def _labelled(batch: "pa.RecordBatch | pa.Table", schema: "pa.Schema") -> "pa.RecordBatch":
    """The same columns, not copied, under the table's own schema, so that nothing is cast."""
    return type(batch).from_arrays(batch.columns, schema=schema)
