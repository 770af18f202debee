"""How the records of a namespace of Pinecone are found and read."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from vecstream_cli.adapters.nearest import Row
from vecstream_cli.adapters.pinecone.filter import Told
from vecstream_cli.adapters.pinecone.rows import batch_of, row_of
from vecstream_cli.adapters.pinecone.service import Service
from vecstream_cli.adapters.predicates import chunks
from vecstream_cli.adapters.requests import Flight

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]
    from pinecone import Index

MOST_FOUND = 10_000
# A response has 4 MB at most, and metadata of a record up to 40 kB.
_WITH_METADATA = 96
# Listed, and fetched: ids of 32 digits in a URL, of which 200 make 8 kB.
_PAGE = 100
_PAGES_AT_ONCE = 4


class Namespace:
    """The records of a collection; conditions are `Told`."""

    def __init__(
        self, service: Service, index: "Index", name: str, dimension: int, flight: Flight
    ) -> None:
        self._service = service
        self.index = index
        self.name = name
        self.dimension = dimension
        self._flight = flight
        self.somewhere = [1.0] + [0.0] * (dimension - 1)
        """A vector for questions that are not about vectors."""

    def query(
        self, k: int, where: Mapping[str, Any] | None, vector: Sequence[float] | None = None,
        *, metadata: bool = False,
    ) -> Any:  # fmt: skip
        """The response to a query."""
        return self._service.call(
            "search",
            lambda: self.index.query(
                top_k=k,
                vector=list(vector) if vector is not None else self.somewhere,
                namespace=self.name,
                filter=where,
                include_metadata=metadata,
            ),
        )

    def top(
        self, vector: Sequence[float], k: int, condition: Told | None, names: Sequence[str]
    ) -> list[tuple[float, Row]]:
        where = None if condition is None else condition.words
        at_once = k <= _WITH_METADATA
        found = self.query(k, where, vector, metadata=at_once).matches
        if at_once:
            return [(each.score, row_of(each.metadata, names)) for each in found]
        rows = {row["id"]: row for row in self.rows([each.id for each in found], names)}
        return [(each.score, rows[each.id]) for each in found if each.id in rows]

    def rows(self, ids: Sequence[str], names: Sequence[str]) -> list[Row]:
        rows: list[Row] = []

        def read(some: Sequence[str]) -> None:
            found = self.query(len(some), {"id": {"$in": list(some)}}, metadata=True)
            rows.extend(row_of(each.metadata, ("id", *names)) for each in found.matches)

        self._flight.each(read, chunks(ids, _WITH_METADATA))
        return rows

    def all(self, condition: Told | None, names: Sequence[str]) -> Iterator["pa.RecordBatch"]:
        if condition is None:
            yield from self.scan(names)
            return
        token = None
        while True:
            page = self._matching(condition.words, token)
            if page.vectors:
                yield batch_of(list(page.vectors.values()), names, self.dimension)
            token = page.pagination.next if page.pagination else None
            if not token:
                return

    def scan(self, names: Sequence[str]) -> Iterator["pa.RecordBatch"]:
        """These columns of all records."""
        import pyarrow as pa

        for ids in self._ids():
            if tuple(names) == ("id",):
                yield pa.RecordBatch.from_arrays([pa.array(ids, pa.string())], names=["id"])
            else:
                yield batch_of(self.fetch(ids), names, self.dimension)

    def fetch(self, ids: Sequence[str]) -> list[Any]:
        """The records with these ids: `id`, `values`, `metadata`."""
        found: list[Any] = []

        def read(some: Sequence[str]) -> None:
            response = self._service.call(
                "read", lambda: self.index.fetch(ids=list(some), namespace=self.name)
            )
            found.extend(response.vectors.values())

        self._flight.each(read, chunks(ids, _PAGE))
        return found

    def _ids(self) -> Iterator[list[str]]:
        """All ids, as many at a time as are fetched at once."""
        token, ids = None, list[str]()
        while True:
            page = self._listed(token)
            ids += [each.id for each in page.vectors]
            token = page.pagination.next if page.pagination else None
            if ids and (not token or len(ids) >= _PAGES_AT_ONCE * _PAGE):
                yield ids
                ids = []
            if not token:
                return

    def _listed(self, token: str | None) -> Any:
        return self._service.call(
            "read",
            lambda: self.index.list_paginated(
                limit=_PAGE, pagination_token=token, namespace=self.name
            ),
        )

    def _matching(self, where: Mapping[str, Any], token: str | None) -> Any:
        return self._service.call(
            "search",
            lambda: self.index.fetch_by_metadata(
                filter=where, namespace=self.name, limit=_PAGE, pagination_token=token
            ),
        )
