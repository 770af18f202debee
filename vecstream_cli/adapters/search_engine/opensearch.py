"""OpenSearch: an index with `knn_vector`, exact while it is small, and an HNSW from then on."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from vecstream_cli.adapters.base import Limits, Option
from vecstream_cli.adapters.options import choice
from vecstream_cli.adapters.search_engine.adapter import DEFAULT_URI, NAMES, NAMING, SearchEngine
from vecstream_cli.adapters.search_engine.errors import Fault
from vecstream_cli.adapters.search_engine.login import login, silence, tls
from vecstream_cli.adapters.search_engine.server import Answer, Hits, Query, Server
from vecstream_cli.endpoint import Endpoint

ENGINES = ("lucene", "faiss")
_KEEP_ALIVE = "5m"


class OpenSearchAdapter(SearchEngine):
    """One collection of OpenSearch 2.4 or later, with its k-NN plugin."""

    name: ClassVar[str] = "opensearch"
    extra: ClassVar[str | None] = "opensearch"
    packages: ClassVar[Sequence[str]] = ("opensearchpy", "orjson")
    limits: ClassVar[Limits] = Limits(
        target_rows=4096,
        max_bytes=10_000_000,
        in_flight=2,
        max_dimension=16_000,
        names=NAMES,
        naming=NAMING,
    )
    options: ClassVar[Mapping[str, Option]] = {
        **SearchEngine.options,
        "engine": Option(
            help=f"what indexes a new collection's vectors: {' or '.join(ENGINES)}",
            read=choice(*ENGINES),
            default="lucene",
        ),
    }

    @classmethod
    def _connected(cls, database: Endpoint, collection: str) -> "OpenSearchServer":
        from opensearchpy import OpenSearch, OpenSearchWarning

        silence("opensearch", OpenSearchWarning)
        user, key = login(database, "OPENSEARCH_PASSWORD")
        given: dict[str, Any] = {}
        if key is not None:
            bearer = {"headers": {"authorization": f"Bearer {key}"}}
            given = {"http_auth": (user, key)} if user is not None else bearer
        place, options = tls(database, DEFAULT_URI, lambda name: cls.option(database, name))
        if "ssl_assert_fingerprint" in options and "ca_certs" not in options:
            # This client would ask for a trusted CA besides.
            options |= {"verify_certs": False, "ssl_show_warn": False}
        client = OpenSearch(
            place,
            **given,
            **options,
            timeout=cls.option(database, "timeout"),
            max_retries=0,
            retry_on_timeout=False,
            pool_maxsize=cls.limits.in_flight + 2,
        )
        return OpenSearchServer(
            client, database.uri or DEFAULT_URI, collection, cls.option(database, "deadline")
        )


class OpenSearchServer(Server):
    """What OpenSearch has of its own."""

    def request(
        self,
        method: str,
        path: str,
        params: Mapping[str, str],
        body: Any,
        refusals: Collection[int],
    ) -> Answer:
        from opensearchpy import TransportError

        lines = {"content-type": "application/x-ndjson"} if isinstance(body, bytes) else None
        try:
            answer = self._client.transport.perform_request(
                method, path, params=dict(params), body=body, headers=lines
            )
        except TransportError as error:
            if error.status_code not in refusals:
                raise
            return int(error.status_code), error.info
        return 200, answer

    def fault(self, error: Exception) -> Fault | None:
        import opensearchpy

        match error:
            case opensearchpy.SSLError():
                return Fault(None, "tls", str(error.error))
            case opensearchpy.ConnectionTimeout():
                return Fault(None, "timeout", str(error.error))
            case opensearchpy.ConnectionError():
                return Fault(None, "connection", str(error.error))
            case opensearchpy.TransportError():
                # The client drops the header Retry-After.
                return Fault.answered(int(error.status_code), error.info or error.error)
            case opensearchpy.SerializationError():
                return Fault(None, "answer", str(error.args[-1]))
        return None

    def index(self, dimension: int, chosen: Mapping[str, Any]) -> tuple[Query, Query]:
        method = {"name": "hnsw", "space_type": "cosinesimil", "engine": chosen["engine"]}
        mapping = {"type": "knn_vector", "dimension": dimension, "method": method}
        return mapping, {"knn": True}

    def candidates(self, vector: Sequence[float], count: int, condition: Query | None) -> Query:
        wanted: Query = {"vector": vector, "k": count}
        if condition:
            wanted["filter"] = condition
        return {"knn": {"vector": wanted}}

    def compared(self, vector: Sequence[float], among: Query) -> Query:
        # Not the k-NN plugin's own script: its scores of a cosine changed with 2.19.
        script = {
            "lang": "painless",
            "source": "1.0 + cosineSimilarity(params.query, doc['vector'])",
            "params": {"query": vector},
        }
        return {"script_score": {"query": among, "script": script}}

    def with_vectors(self, body: Query) -> Query:
        includes = body["_source"]["includes"] if body["_source"] else []
        return {**body, "_source": {"includes": [*includes, "vector"]}}

    def pages(self, body: Query) -> Iterator[Hits]:
        params = {"scroll": _KEEP_ALIVE}
        found = self.hits({**body, "sort": ["_doc"]}, params=params)
        point = found["_scroll_id"]
        try:
            while page := found["hits"]["hits"]:
                yield page
                if len(page) < body["size"]:
                    return
                asked = {"scroll": _KEEP_ALIVE, "scroll_id": point}
                found = self.hits(asked, "/_search/scroll")
                point = found["_scroll_id"]
        finally:
            self.call(
                "read", "DELETE", "/_search/scroll", body={"scroll_id": [point]}, refusals=(404,)
            )
