"""Elasticsearch: an index with `dense_vector`, exact while it is small and HNSW from then on."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from vecstream_cli.adapters.base import Limits, Option
from vecstream_cli.adapters.options import choice
from vecstream_cli.adapters.retrying import retry_after
from vecstream_cli.adapters.search_engine.adapter import DEFAULT_URI, NAMES, NAMING, SearchEngine
from vecstream_cli.adapters.search_engine.errors import Fault
from vecstream_cli.adapters.search_engine.login import login, silence, tls
from vecstream_cli.adapters.search_engine.server import Answer, Hits, Query, Server
from vecstream_cli.endpoint import Endpoint

INDEXES = ("hnsw", "int8_hnsw", "int4_hnsw", "bbq_hnsw")
_KEEP_ALIVE = "5m"
_STRANGER = "it does not say that it is Elasticsearch"


def _version(text: str) -> int:
    if int(text) not in (8, 9):
        raise ValueError(text)
    return int(text)


class ElasticsearchAdapter(SearchEngine):
    """One collection of Elasticsearch 9, or of 8.15 and later with compatibility=8."""

    name: ClassVar[str] = "elasticsearch"
    extra: ClassVar[str | None] = "elasticsearch"
    packages: ClassVar[Sequence[str]] = ("elasticsearch", "orjson")
    # Requests of a few megabytes by a few senders are the vendor's advice for bulk loads; 4,096 is
    # the most that a dense_vector has had since 8.11.
    limits: ClassVar[Limits] = Limits(
        target_rows=4096,
        max_bytes=10_000_000,
        in_flight=2,
        max_dimension=4096,
        names=NAMES,
        naming=NAMING,
    )
    options: ClassVar[Mapping[str, Option]] = {
        **SearchEngine.options,
        "index": Option(
            help=f"how a new collection's vectors are indexed: {', '.join(INDEXES)}",
            read=choice(*INDEXES),
            default="int8_hnsw",
        ),
        "compatibility": Option(
            help="the major version to speak: 8 for a server of version 8", read=_version,
            default="9",
        ),
    }  # fmt: skip

    @classmethod
    def _connected(cls, database: Endpoint, collection: str) -> "ElasticsearchServer":
        from elasticsearch import Elasticsearch, ElasticsearchWarning

        silence("elastic_transport", ElasticsearchWarning)
        user, key = login(database, "ELASTIC_PASSWORD", "ELASTIC_API_KEY")
        given: dict[str, Any] = {}
        if key is not None:
            given = {"basic_auth": (user, key)} if user is not None else {"api_key": key}
        place, options = tls(database, DEFAULT_URI, lambda name: cls.option(database, name))
        version = cls.option(database, "compatibility")
        client = Elasticsearch(
            place,
            **given,
            **options,
            request_timeout=cls.option(database, "timeout"),
            max_retries=0,
            retry_on_timeout=False,
            connections_per_node=cls.limits.in_flight + 2,
        )
        server = ElasticsearchServer(
            client, database.uri or DEFAULT_URI, collection, cls.option(database, "deadline")
        )
        server.version = version
        return server


class ElasticsearchServer(Server):
    """What Elasticsearch has of its own."""

    version = 9

    def request(
        self,
        method: str,
        path: str,
        params: Mapping[str, str],
        body: Any,
        refusals: Collection[int],
    ) -> Answer:
        from elasticsearch import ApiError

        headers = {"accept": self._kind("json")}
        if body is not None:
            headers["content-type"] = self._kind("x-ndjson" if isinstance(body, bytes) else "json")
        try:
            answer = self._client.perform_request(
                method, path, params=params, headers=headers, body=body
            )
        except ApiError as error:
            if error.status_code not in refusals:
                raise
            return error.status_code, error.body
        return answer.meta.status, answer.body

    def _kind(self, kind: str) -> str:
        return f"application/vnd.elasticsearch+{kind};compatible-with={self.version}"

    def fault(self, error: Exception) -> Fault | None:
        import elasticsearch
        from elastic_transport import TlsError

        match error:
            case elasticsearch.UnsupportedProductError():
                return Fault(None, "product", _STRANGER)
            case elasticsearch.ApiError():
                headers = error.meta.headers
                if error.status_code in (400, 406) and "x-elastic-product" not in headers:
                    return Fault(error.status_code, "product", _STRANGER)
                after = retry_after(headers.get("retry-after"))
                return Fault.answered(error.status_code, error.body, after)
            case TlsError():
                return Fault(None, "tls", error.message)
            case elasticsearch.ConnectionTimeout():
                return Fault(None, "timeout", error.message)
            case elasticsearch.ConnectionError():
                return Fault(None, "connection", error.message)
            case elasticsearch.TransportError():
                return Fault(None, "answer", error.message)
        return None

    def beside(self, collection: str) -> "ElasticsearchServer":
        other = super().beside(collection)
        other.version = self.version
        return other

    def index(self, dimension: int, chosen: Mapping[str, Any]) -> tuple[Query, Query]:
        mapping = {
            "type": "dense_vector",
            "dims": dimension,
            "index": True,
            "similarity": "cosine",
            "index_options": {"type": chosen["index"]},
        }
        return mapping, {}

    def candidates(self, vector: Sequence[float], count: int, condition: Query | None) -> Query:
        # Without k it would hand on no more than the search's size.
        wanted = {"field": "vector", "query_vector": vector, "k": count, "num_candidates": count}
        return {"knn": {**wanted, "filter": [condition]} if condition else wanted}

    def compared(self, vector: Sequence[float], among: Query) -> Query:
        script = {
            "source": "cosineSimilarity(params.query, 'vector') + 1.0",
            "params": {"query": vector},
        }
        return {"script_score": {"query": among, "script": script}}

    def with_vectors(self, body: Query) -> Query:
        # From 9.2 on vectors are not in `_source`; `fields` has them in any version.
        return {**body, "fields": [{"field": "vector"}]}

    def pages(self, body: Query) -> Iterator[Hits]:
        _, opened = self.call("read", "POST", f"{self.path}/_pit", {"keep_alive": _KEEP_ALIVE})
        point = opened["id"]
        try:
            body = {**body, "sort": [{"_shard_doc": {"order": "asc"}}], "track_total_hits": False}
            while True:
                body["pit"] = {"id": point, "keep_alive": _KEEP_ALIVE}
                found = self.hits(body, "/_search")
                point = found["pit_id"]
                page: Hits = found["hits"]["hits"]
                if page:
                    yield page
                if len(page) < body["size"]:
                    return
                body["search_after"] = page[-1]["sort"]
        finally:
            self.call("read", "DELETE", "/_pit", body={"id": point}, refusals=(404,))
