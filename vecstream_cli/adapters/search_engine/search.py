"""What an index is asked for by a search: neighbours, words, and all rows in pages."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from vecstream_cli.adapters.base import Hit
from vecstream_cli.adapters.nearest import Row, most_apt
from vecstream_cli.adapters.predicates import chunks
from vecstream_cli.adapters.search_engine.filter import SearchEngineDialect
from vecstream_cli.adapters.search_engine.rows import batches, row, stored
from vecstream_cli.adapters.search_engine.server import Hits, Query, Server, filtered
from vecstream_cli.core.filters import Filter

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]

# A script compares the rows that it is given with the question: all that a filter leaves, where
# they are no more than this, which is exact; else those that the graph, of vectors that may be
# quantized, finds near: the best of these are then the best by the vectors themselves.
EXACT_ROWS = 20_000
_CANDIDATES = 200
_CANDIDATES_PER_HIT = 10
MOST_HITS = 10_000  # index.max_result_window, and the most candidates of a kNN search
PAGE_ROWS = 1000
# Of vectors in JSON a page has at most so many numbers, about 4 MB.
_PAGE_NUMBERS = 400_000
# More words would be more clauses than a query may have.
_WORDS_MOST = 500


class Index:
    """An index, as `nearest` wants it; conditions are queries."""

    def __init__(self, server: Server, dimension: Callable[[], int], *, small: bool = False):
        self._server = server
        self._dimension = dimension
        self._small = small  # it is known to have at most EXACT_ROWS

    def top(
        self, vector: Sequence[float], k: int, condition: Query | None, names: Sequence[str]
    ) -> list[tuple[float, Row]]:
        wanted = [float(number) for number in vector]
        few = self._small or self._server.count(condition) <= EXACT_ROWS
        if few:
            among = filtered(condition)
        else:
            count = min(MOST_HITS, max(_CANDIDATES, _CANDIDATES_PER_HIT * k))
            among = self._server.candidates(wanted, count, condition)
        body: Query = {**stored(names), "query": self._server.compared(wanted, among), "size": k}
        body["track_total_hits"] = False
        return [(hit["_score"] - 1, row(hit, names)) for hit in self._hits(body)]

    def all(self, condition: Query | None, names: Sequence[str]) -> Iterator["pa.RecordBatch"]:
        size = PAGE_ROWS
        body: Query = {**stored(names), "query": condition or {"match_all": {}}}
        if "vector" in names:
            size = max(1, min(size, _PAGE_NUMBERS // self._dimension()))
            body = self._server.with_vectors(body)
        body["size"] = size
        return batches(self._server.pages(body), names, self._dimension())

    def rows(self, ids: Sequence[str], names: Sequence[str]) -> Iterable[Row]:
        for some in chunks(ids, PAGE_ROWS):
            body = {**stored(names), "query": {"terms": {"id": some}}}
            for hit in self._hits({**body, "size": len(some)}):
                yield row(hit, names)

    def vectors(self, ids: Sequence[str]) -> Iterator[Hits]:
        """The hits, with their vectors and documents, of those of the ids that there are."""
        for some in chunks(ids, max(1, min(PAGE_ROWS, _PAGE_NUMBERS // self._dimension()))):
            body = {**stored(["document_id"]), "query": {"terms": {"id": some}}}
            yield self._hits(self._server.with_vectors(body) | {"size": len(some)})

    def with_words(self, text: str, k: int, where: Filter | None) -> list[Hit]:
        """The rows that have some of the words, as BM25 ranks them, of those that match."""
        wanted: Query = {"match": {"text": {"query": " ".join(text.split()[:_WORDS_MOST])}}}

        def top(k: int, condition: Query | None, names: Sequence[str]) -> list[tuple[float, Row]]:
            query = {"bool": {"must": [wanted], "filter": [condition] if condition else []}}
            body: Query = {**stored(names), "query": query, "size": k}
            body["sort"] = [{"_score": {"order": "desc"}}, {"id": {"order": "asc"}}]
            return [(float(hit["sort"][0]), row(hit, names)) for hit in self._hits(body)]

        return most_apt(top, SearchEngineDialect(), k, where, most=MOST_HITS)

    def _hits(self, body: Query) -> Hits:
        found: Hits = self._server.hits(body)["hits"]["hits"]
        return found
