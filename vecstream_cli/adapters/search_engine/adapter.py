"""What Elasticsearch and OpenSearch have in common: a collection is an index behind an alias.

The alias is the collection's name, the index that name with a suffix, so that a rebuild takes its
place by one switch of the alias. The record is the mapping's `_meta`. Nothing is refreshed by the
clock: every write ends with a refresh, so that a reader finds the rows.
"""

import json
import re
import uuid
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self
from urllib.parse import quote

from vecstream_cli.adapters.base import Adapter, Hit, Option, refuse_to_write
from vecstream_cli.adapters.nearest import nearest
from vecstream_cli.adapters.options import CLIENT_CERTIFICATE, SERVER, VERIFY
from vecstream_cli.adapters.predicates import chunks
from vecstream_cli.adapters.requests import Flight, checked, parts
from vecstream_cli.adapters.schema import row_schema
from vecstream_cli.adapters.search_engine.bulk import delete, send
from vecstream_cli.adapters.search_engine.errors import Fault
from vecstream_cli.adapters.search_engine.filter import SearchEngineDialect, term
from vecstream_cli.adapters.search_engine.lock import INDEX as LOCKS
from vecstream_cli.adapters.search_engine.lock import SearchEngineLock
from vecstream_cli.adapters.search_engine.rows import (
    OF_ATTEMPT,
    encoded,
    of_attempt,
    properties,
    vector_of,
)
from vecstream_cli.adapters.search_engine.search import EXACT_ROWS, MOST_HITS, Index
from vecstream_cli.adapters.search_engine.server import Answer, Query, Server
from vecstream_cli.core.filters import Filter
from vecstream_cli.core.record import CollectionRecord
from vecstream_cli.endpoint import Endpoint
from vecstream_cli.errors import CollectionNotFound, DatabaseError, ForeignCollection

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]

DEFAULT_URI = "http://localhost:9200"
# Of the 255 bytes that an index's name may have, 55 are left for the suffixes.
NAMES = re.compile(rf"(?!{LOCKS}$)[a-z0-9][a-z0-9._-]{{0,199}}")
NAMING = (
    "A name is of small letters, digits, '.', '_' and '-', at most 200 of them, and begins with a"
    " letter or a digit."
)

# A byte of Arrow in JSON: a float32 has up to 13 characters with its comma.
_JSON_GROWTH = 3.0
# index.max_terms_count is 65,536; so many ids are a request of 150 kB.
_VALUES_PER_QUERY = 4096
_RECORD = "vecstream"


class SearchEngine(Adapter):
    """One collection in Elasticsearch or OpenSearch; both derive from it."""

    full_text = True
    keeps_locks: ClassVar[bool] = True  # see search_engine_lock.py
    options: ClassVar[Mapping[str, Option]] = {
        **SERVER,
        **VERIFY,
        **CLIENT_CERTIFICATE,
        "fingerprint": Option(
            help="the SHA-256 of the server's certificate, which is then the one that is trusted"
        ),
        "shards": Option(help="how many primary shards a new collection has", read=int),
        "replicas": Option(help="how many replicas of each it has", read=int),
    }

    def __init__(self, server: Server, database: Endpoint, *, read_only: bool) -> None:
        self._server = server
        self._read_only = read_only
        self._flight = Flight(self.limits.in_flight)
        self._lock = SearchEngineLock(server)
        self._dimension: int | None = None
        self._settled = read_only  # no row is written that a search does not find yet
        self._chosen = {name: self.option(database, name) for name in self.options}

    @classmethod
    def open(cls, database: Endpoint, collection: str, *, read_only: bool) -> Self:
        return cls(cls._connected(database, collection), database, read_only=read_only)

    @classmethod
    @abstractmethod
    def _connected(cls, database: Endpoint, collection: str) -> Server:
        """The server by way of a client that repeats nothing by itself; says nothing to it yet."""

    @classmethod
    def local_folder(cls, uri: str | None) -> Path | None:
        return None

    def record(self) -> CollectionRecord | None:
        found = self._found(self._server)
        if found is None:
            return None
        self._settle("read")
        return found[1]

    def create(self, record: CollectionRecord) -> None:
        self._insist_on_writing()
        if self._server.call("create", "GET", self._server.path, refusals=(404,))[0] != 404:
            raise self._exists()
        name = f"{self._server.collection}-{uuid.uuid4().hex[:8]}"
        body = self._definition(record)
        self._server.call("create", "PUT", f"/{quote(name)}", body=body, repeated=_already_there)
        # Of two who made one at the same time neither keeps it: an alias of two is none.
        _, known = self._server.call("create", "GET", f"{self._server.path}/_alias")
        if set(known) != {name}:
            self._server.call("create", "DELETE", f"/{quote(name)}", refusals=(404,))
            raise self._exists()
        self._dimension = record.dimension

    def update_record(self, *, last_run: str) -> None:
        self._insist_on_writing()
        _, record = self._there(self._server)
        body = {"_meta": {_RECORD: _facts(replace(record, last_run=last_run))}}
        self._server.call("update", "PUT", f"{self._server.path}/_mapping", body=body)

    def append(self, batch: "pa.RecordBatch | pa.Table") -> None:
        self._write("add rows to", batch)

    def merge(self, batch: "pa.RecordBatch | pa.Table") -> None:
        self._write("merge rows into", batch)

    def delete_superseded(self, pairs: Sequence[tuple[str, int]]) -> int | None:
        return self._delete_each(
            {
                "bool": {
                    "filter": [{"terms": {"document_id": [document for document, _ in some]}}],
                    "must_not": [{"terms": {OF_ATTEMPT: [of_attempt(d, a) for d, a in some]}}],
                }
            }
            for some in chunks(pairs, _VALUES_PER_QUERY)
        )

    def delete_documents(self, document_ids: Sequence[str]) -> int | None:
        return self._delete_each(
            {"terms": {"document_id": some}} for some in chunks(document_ids, _VALUES_PER_QUERY)
        )

    def keep_only(self, document_id: str, ids: Sequence[str]) -> int | None:
        # What goes is listed, not what stays: a document may have more rows than a query can name.
        kept = set(ids)
        listed = self._index().all(term("document_id", document_id), ("id",))
        goes = [
            name for batch in listed for name in batch.column(0).to_pylist() if name not in kept
        ]
        return self._delete_each(
            {"terms": {"id": some}} for some in chunks(goes, _VALUES_PER_QUERY)
        )

    def fetch_vectors(
        self, ids: Sequence[str], documents: Sequence[str] | None = None
    ) -> "pa.Table":
        import numpy as np
        import pyarrow as pa

        wanted = None if documents is None else set(documents)
        dimension = self._dimension_now()
        schema = row_schema(dimension)
        schema = pa.schema([schema.field("id"), schema.field("vector")])
        found = []
        for page in Index(self._server, lambda: dimension).vectors(ids):
            hits = [h for h in page if wanted is None or h["_source"]["document_id"] in wanted]
            flat = np.array([vector_of(hit) for hit in hits], np.float32).reshape(-1)
            vectors = pa.FixedSizeListArray.from_arrays(pa.array(flat), dimension)
            names = pa.array([hit["_id"] for hit in hits], pa.string())
            found.append(pa.RecordBatch.from_arrays([names, vectors], schema=schema))
        return pa.Table.from_batches(found, schema)

    def scan(self, columns: Sequence[str]) -> Iterator["pa.RecordBatch"]:
        return self._index().all(None, columns)

    def count(self) -> int:
        return self._server.count(None)

    def search(self, vector: Sequence[float], k: int, where: Filter | None = None) -> list[Hit]:
        small = self.count() <= EXACT_ROWS
        index = Index(self._server, self._dimension_now, small=small)
        dialect = SearchEngineDialect()
        return nearest(index, dialect, vector, k, where, exhaustive=small, most=MOST_HITS)

    def search_text(self, text: str, k: int, where: Filter | None = None) -> list[Hit]:
        return self._index().with_words(text, k, where)

    def maintain(self, *, final: bool = False, spare_bytes: int = 0) -> bool:
        return False  # it merges segments by itself, and every write ends with a refresh

    def read_lock(self) -> str | None:
        return self._lock.read()

    def swap_lock(self, old: str | None, new: str | None) -> bool:
        self._insist_on_writing()
        return self._lock.swap(old, new)

    def replace_with(self, build: str) -> None:
        self._insist_on_writing()
        index, _ = self._there(self._server.beside(build))
        mine = self._found(self._server)
        actions: list[Query] = [
            {"remove": {"index": index, "alias": build}},
            {"add": {"index": index, "alias": self._server.collection}},
        ]
        if mine is not None:
            actions.append({"remove_index": {"index": mine[0]}})

        def done(answer: Answer) -> bool:
            found = self._found(self._server)
            return found is not None and found[0] == index

        # In one change of the cluster's state.
        self._server.call("replace", "POST", "/_aliases", body={"actions": actions}, repeated=done)
        self._dimension = None

    def drop(self) -> None:
        self._insist_on_writing()
        index, _ = self._there(self._server)
        self._server.call(
            "drop", "DELETE", f"/{quote(index)}", repeated=lambda answer: answer[0] == 404
        )
        self._dimension = None

    def close(self) -> None:
        self._flight.close()
        self._server.close()

    def _definition(self, record: CollectionRecord) -> Query:
        """What an index is made by."""
        numbers = {f"number_of_{name}": self._chosen[name] for name in ("shards", "replicas")}
        mapping, settings = self._server.index(record.dimension, self._chosen)
        settings |= {name: number for name, number in numbers.items() if number is not None}
        return {
            "aliases": {self._server.collection: {}},
            "settings": {"index": {**settings, "refresh_interval": "-1"}},
            "mappings": {
                "dynamic": "strict",
                "_meta": {_RECORD: _facts(record)},
                "properties": properties(mapping),
            },
        }

    def _write(self, action: str, batch: "pa.RecordBatch | pa.Table") -> None:
        self._insist_on_writing()
        checked(batch, self._known_dimension())
        if batch.num_rows == 0:
            return
        self._settled = False
        cut = parts(batch, self.limits, growth=_JSON_GROWTH)
        self._flight.each(partial(send, self._server, action), map(encoded, cut))
        self._settle(action)

    def _settle(self, action: str) -> None:
        """Let searches find what was written, also by a run that was killed before it did this."""
        if not self._settled:
            self._server.refresh(action)
            self._settled = True

    def _delete_each(self, queries: Iterable[Query]) -> int | None:
        self._insist_on_writing()
        self._settle("delete from")
        counts = [delete(self._server, query) for query in queries]
        return None if None in counts else sum(count or 0 for count in counts)

    def _index(self) -> Index:
        self._settle("read")
        return Index(self._server, self._dimension_now)

    def _dimension_now(self) -> int:
        # Another process may have put a build in its place.
        self._dimension = self._there(self._server)[1].dimension
        return self._dimension

    def _known_dimension(self) -> int:
        return self._dimension_now() if self._dimension is None else self._dimension

    def _there(self, server: Server) -> tuple[str, CollectionRecord]:
        found = self._found(server)
        if found is None:
            raise CollectionNotFound(
                f"There is no collection {server.collection!r} in {server.place}."
            )
        return found

    def _found(self, server: Server) -> tuple[str, CollectionRecord] | None:
        """The index behind the alias, and what its mapping says of it."""
        status, answer = server.call("read", "GET", server.path, refusals=(404,))
        if status == 404:
            return None
        ((index, facts), *others) = answer.items()
        told = facts["mappings"].get("_meta", {}).get(_RECORD)
        name = f"The index {server.collection!r} in {server.place}"
        if others or index == server.collection or told is None:
            raise ForeignCollection(f"{name} was not made by vecstream.")
        try:
            return index, CollectionRecord.from_json(json.dumps(told))
        except ValueError as error:
            raise ForeignCollection(
                f"{name} has a record that this version of vecstream cannot read."
            ) from error

    def _exists(self) -> DatabaseError:
        return DatabaseError(f"{self._server.sentence('create')}: it exists.")

    def _insist_on_writing(self) -> None:
        if self._read_only:
            raise refuse_to_write(self._server.place)


def _facts(record: CollectionRecord) -> dict[str, Any]:
    told = json.loads(record.to_json())
    return {name: value for name, value in told.items() if value is not None}


def _already_there(answer: Answer) -> bool:
    """The index, whose name nobody else has, was made by a request whose answer was lost."""
    return Fault.answered(*answer).kind == "resource_already_exists_exception"
