"""What a collection in Milvus is asked for: its rows, by condition and by vector."""

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from vecstream_cli.adapters.milvus.filter import ANY, literal, one_of
from vecstream_cli.adapters.milvus.rows import decoded, stored
from vecstream_cli.adapters.milvus.wire import NO_COLLECTION, TOO_MUCH, Line, Refused, pairs
from vecstream_cli.adapters.nearest import Row
from vecstream_cli.adapters.predicates import chunks
from vecstream_cli.adapters.retrying import Again
from vecstream_cli.errors import CollectionNotFound, DatabaseError

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]

MOST_HITS = 16_384  # of a search, and of a query
VALUES_PER_EXPRESSION = 1024
_ROWS = 8192  # of short columns in an answer
_LONG_ROWS = 1024  # of texts or vectors
_ANSWER_BYTES = 16 << 20  # of vectors
_LOADING_PAUSE = 0.05
_BREADTH = 200  # of the search in an HNSW graph: with M = 16 it finds 99 of 100 or more


@dataclass(frozen=True, slots=True)
class Facts:
    """What the database says of a collection; `holder` is the collection behind the alias."""

    holder: str
    aliases: frozenset[str]
    properties: dict[str, str]
    dimension: int


class Table:
    """A collection, found by its alias at every call; conditions are Milvus's expressions."""

    def __init__(self, line: Line, alias: str, missing: CollectionNotFound, wait: float) -> None:
        self._line = line
        self._alias = alias
        self._missing = missing
        self._wait = wait

    def facts(self, name: str | None = None) -> Facts | None:
        """Of this collection, or of what is called `name`; None where there is none."""
        from pymilvus.grpc_gen import milvus_pb2 as proto  # type: ignore[import-untyped]

        request = proto.DescribeCollectionRequest(collection_name=name or self._alias)
        try:
            told = self._line("open", "DescribeCollection", request)
        except Refused as error:
            if error.code == NO_COLLECTION:
                return None
            raise
        dimension = 0
        for field in told.schema.fields:
            sizes = {pair.key: pair.value for pair in field.type_params}
            if field.name == "vector":
                dimension = int(sizes.get("dim", 0))
        properties = {pair.key: pair.value for pair in told.properties}
        return Facts(told.schema.name, frozenset(told.aliases), properties, dimension)

    def ask(self, action: str, name: str, request: Any) -> Any:
        """The response, once the collection is loaded. Raises CollectionNotFound."""
        began = time.monotonic()
        while True:
            try:
                return self._line(action, name, request)
            except Refused as error:
                if error.code == NO_COLLECTION:
                    raise self._missing from None
                if time.monotonic() - began > self._wait:
                    told = self._line.told(action, error)
                    raise told.error if isinstance(told, Again) else told from error
            self.load()

    def load(self, holder: str | None = None) -> None:
        """Have the server bring the collection into its memory; nothing is read before."""
        from pymilvus.grpc_gen import milvus_pb2 as proto

        name = holder or self._alias
        request = proto.LoadCollectionRequest(collection_name=name, replica_number=1)
        self._line("load", "LoadCollection", request)
        began = time.monotonic()
        while time.monotonic() - began < self._wait:
            progress = proto.GetLoadingProgressRequest(collection_name=name)
            if self._line("load", "GetLoadingProgress", progress).progress >= 100:
                return
            time.sleep(_LOADING_PAUSE)

    def count(self) -> int:
        """The number of rows."""
        (field,) = self._query("count", "", ["count(*)"]).fields_data
        return int(field.scalars.long_data.data[0])

    def top(
        self, vector: Sequence[float], k: int, condition: str | None, names: Sequence[str]
    ) -> list[tuple[float, Row]]:
        import numpy as np
        from pymilvus.grpc_gen import common_pb2, milvus_pb2

        value = common_pb2.PlaceholderValue(
            tag="$0",
            type=common_pb2.PlaceholderType.FloatVector,
            values=[np.asarray(vector, "<f4").tobytes()],
        )
        parameters = {"ef": max(_BREADTH, 2 * k)}
        request = milvus_pb2.SearchRequest(
            collection_name=self._alias,
            dsl=condition or "",
            dsl_type=common_pb2.DslType.BoolExprV1,
            placeholder_group=common_pb2.PlaceholderGroup(placeholders=[value]).SerializeToString(),
            nq=1,
            output_fields=stored(names),
            search_params=pairs(
                anns_field="vector",
                topk=k,
                metric_type="COSINE",
                round_decimal=-1,
                params=json.dumps(parameters),
            ),
            consistency_level=common_pb2.Strong,
        )
        found = self.ask("search", "Search", request).results
        ids = found.ids.str_id.data
        if not ids:
            return []
        batch = decoded(found.fields_data, names, len(vector), ids)
        return list(zip(found.scores, batch.to_pylist(), strict=True))

    def all(self, condition: str | None, names: Sequence[str]) -> Iterator["pa.RecordBatch"]:
        """By ascending ids, so that what was answered is known by the last."""
        facts = self.facts()
        if facts is None:
            raise self._missing
        limit = _LONG_ROWS if stored(names) != list(names) else _ROWS
        if "vector" in names:
            limit = max(1, min(_LONG_ROWS, _ANSWER_BYTES // (4 * facts.dimension)))
        asked = names if "id" in names else ("id", *names)
        expression = condition or ANY
        while True:
            try:
                answer = self._query("read", expression, stored(asked), limit)
            except DatabaseError as error:
                cause = error.__cause__
                if limit == 1 or not (isinstance(cause, Refused) and cause.code == TOO_MUCH):
                    raise
                limit = max(1, limit // 4)
                continue
            batch = decoded(answer.fields_data, asked, facts.dimension)
            if batch.num_rows:
                yield batch.select(list(names))
            if batch.num_rows < limit:
                return
            last = f"id > {literal(batch.column('id')[-1].as_py())}"
            expression = f"({condition}) and {last}" if condition else last

    def rows(self, ids: Sequence[str], names: Sequence[str]) -> Iterable[Row]:
        for chunk in chunks(ids, VALUES_PER_EXPRESSION):
            for batch in self.all(one_of("id", chunk), names):
                yield from batch.to_pylist()

    def delete(self, ids: Iterable[str]) -> int:
        """Delete these rows, which are there; how many."""
        from pymilvus.grpc_gen import milvus_pb2

        gone, rest = 0, iter(ids)
        while chunk := list(islice(rest, VALUES_PER_EXPRESSION)):
            request = milvus_pb2.DeleteRequest(
                collection_name=self._alias, expr=one_of("id", chunk)
            )
            self.ask("delete from", "Delete", request)
            gone += len(chunk)
        return gone

    def _query(self, action: str, condition: str, names: list[str], limit: int = 0) -> Any:
        from pymilvus.grpc_gen import common_pb2, milvus_pb2

        request = milvus_pb2.QueryRequest(
            collection_name=self._alias,
            expr=condition,
            output_fields=names,
            # `iterator` has Milvus Lite, and newer servers, answer by ascending ids.
            query_params=pairs(limit=limit, iterator=True) if limit else [],
            consistency_level=common_pb2.Strong,
        )
        return self.ask(action, "Query", request)
