"""PineconeDouble: a stand-in for Pinecone on a port of this machine, for its own client to talk to.

It is no Pinecone. It speaks the REST of the control plane (indexes) and of the vectors API, as the
official client 10.2 does, and holds requests and answers to the document that Pinecone publishes
where a copy of it lies at hand (`specs.py`; it was of version 2026-04, the newest that could be had
whole; the client sends 2026-07, in which the vectors API has the same operations). The control
plane's shapes are stated here by hand, after the 2026-07 description. Limits are those of
Pinecone's documentation. Writes are seen by reads `lag` seconds later, in the order of the log, and
told by the LSN headers that the documentation and the client name. Nearest neighbours are exact
here, which Pinecone's are not.
"""

import json
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np
from doubles.openapi import Contract
from doubles.pinecone_store import Namespace, Refused, Rows, check_filter, record_of
from doubles.specs import published

API = Contract(published("pinecone_api"))
KEY = "pcsk_double_0123456789"
breaches: list[str] = []
"""What broke Pinecone's document, in any double."""
MOST_BYTES = 2 << 20
MOST_IN_RESPONSE = 4 << 20
MOST_IN_URL = 8192
_RPC_CODES = {400: 3, 404: 5, 409: 6, 413: 11, 414: 11, 429: 8, 500: 13, 503: 14}


@dataclass
class Fault:
    """What requests to a path get, so many times, in the place of an answer."""

    path: str
    status: int
    times: int
    headers: Mapping[str, str]
    message: str


class PineconeDouble:
    """One index, served with its control plane from ``http://127.0.0.1:port``."""

    def __init__(self, *, lag: float = 0.02, lsn: bool = True, delay: float = 0) -> None:
        self.lag = lag
        self.delay = delay  # of every answer, in seconds
        self.lsn = lsn
        self.requests: list[tuple[str, str]] = []
        self.index: dict[str, Any] | None = None
        self._ready_at = 0.0
        self.namespaces: dict[str, Namespace] = {}
        self._faults: list[Fault] = []
        self.lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {}))
        self._server.RequestHandlerClass.double = self  # type: ignore[attr-defined]
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def uri(self) -> str:
        return f"pinecone://test-index?control=http://127.0.0.1:{self.port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def fail(
        self, path: str, status: int, *, times: int = 1, message: str = "injected",
        **headers: str,
    ) -> None:  # fmt: skip
        """Answer the next requests whose path ends so with this status."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._faults.append(Fault(path, status, times, named, message))

    def fault(self, path: str) -> Fault | None:
        for each in self._faults:
            if each.times and path.endswith(each.path):
                each.times -= 1
                return each
        return None

    # What the paths answer: (body, LSN header).

    def describe_index(self, name: str, host: str) -> dict[str, Any]:
        if self.index is None or self.index["name"] != name:
            raise Refused(404, f"Resource {name} not found")
        ready = time.monotonic() >= self._ready_at
        return {
            **self.index,
            "host": host,
            "status": {"ready": ready, "state": "Ready" if ready else "Initializing"},
        }

    def create_index(self, body: dict[str, Any], host: str) -> dict[str, Any]:
        if self.index is not None:
            raise Refused(409, "Resource already exists.")
        (field, vectors), *others = body["schema"]["fields"].items()
        assert not others
        assert field == "_values", "any other name makes an index that the vectors API refuses"
        assert vectors["type"] == "dense_vector"
        assert set(body["deployment"]) == {"deployment_type", "cloud", "region"}
        self.index = {
            "name": body["name"],
            "schema": body["schema"],
            "deployment": body["deployment"],
            "read_capacity": {"mode": "OnDemand", "status": {"state": "Ready"}},
            "deletion_protection": "disabled",
        }
        self._ready_at = time.monotonic() + self.lag
        return self.describe_index(body["name"], host)

    def stats(self, body: dict[str, Any]) -> dict[str, Any]:
        for name in list(self.namespaces):
            self._read(name)
        counts = {name: {"vectorCount": len(n.rows)} for name, n in self.namespaces.items()}
        return {
            "namespaces": counts,
            "dimension": self._vectors["dimension"],
            "indexFullness": 0.0,
            "totalVectorCount": sum(each["vectorCount"] for each in counts.values()),
            "metric": self._vectors["metric"],
            "vectorType": "dense",
        }

    def create_namespace(self, body: dict[str, Any]) -> dict[str, Any]:
        name = body["name"]
        if self._read(name) is not None:
            raise Refused(409, f"Namespace {name} already exists")
        fields = body.get("schema", {}).get("fields")
        self.namespaces[name] = Namespace(None if fields is None else list(fields))
        return self.describe_namespace(name)

    def describe_namespace(self, name: str) -> dict[str, Any]:
        found = self._there(name)
        return {"name": name, "record_count": len(found.rows)}

    def delete_namespace(self, name: str) -> dict[str, Any]:
        self._there(name).drop(self.lag)
        return {}

    def upsert(self, body: dict[str, Any]) -> tuple[dict[str, Any], Namespace]:
        if len(body["vectors"]) > 1000:
            raise Refused(400, "A request has at most 1000 vectors")
        dimension = self._vectors["dimension"]
        found = {each["id"]: record_of(each, dimension) for each in body["vectors"]}
        for row_id in found:
            if not (row_id.isascii() and 1 <= len(row_id) <= 512):
                raise Refused(400, f"Vector ID {row_id[:40]} is not valid")
        name = body.get("namespace", "")
        namespace = self._read(name) or self.namespaces.setdefault(name, Namespace(None))
        namespace.write(self.lag, lambda rows: rows.update(found))
        return {"upsertedCount": len(body["vectors"])}, namespace

    def delete(self, body: dict[str, Any]) -> tuple[dict[str, Any], Namespace]:
        namespace = self._there(body.get("namespace", ""))
        where, ids = body.get("filter"), body.get("ids")
        if len(ids or ()) > 1000:
            raise Refused(400, "A request has at most 1000 ids")
        if where is not None:
            check_filter(where, namespace.fields)

        def deleted(rows: Rows) -> None:
            gone = namespace.matching(where) if where is not None else ids or list(rows)
            for row_id in gone:
                rows.pop(row_id, None)

        namespace.write(self.lag, deleted)
        return {}, namespace

    def query(self, body: dict[str, Any]) -> tuple[dict[str, Any], Namespace]:
        if not 1 <= body["topK"] <= 10_000:
            raise Refused(400, "topK must be between 1 and 10000")
        name = body.get("namespace", "")
        namespace = self._read(name) or Namespace(None)
        ids = namespace.matching(body.get("filter"))
        matches = []
        if ids:
            vectors = np.stack([namespace.rows[row_id][0] for row_id in ids])
            wanted = np.asarray(body["vector"], np.float32)
            lengths = np.linalg.norm(vectors, axis=1) * (np.linalg.norm(wanted) or 1)
            scores = (vectors @ wanted) / lengths
            for number in np.argsort(-scores, kind="stable")[: body["topK"]]:
                vector, metadata = namespace.rows[ids[number]]
                match: dict[str, Any] = {"id": ids[number], "score": float(scores[number])}
                match["values"] = vector.tolist() if body.get("includeValues") else []
                if body.get("includeMetadata"):
                    match["metadata"] = metadata
                matches.append(match)
        return {"matches": matches, "namespace": name, "usage": {"readUnits": 1}}, namespace

    def fetch(self, ids: list[str], name: str) -> dict[str, Any]:
        if len(ids) > 1000:
            raise Refused(400, "A request has at most 1000 ids")
        namespace = self._read(name) or Namespace(None)
        found = [row_id for row_id in ids if row_id in namespace.rows]
        return {
            "vectors": {row_id: _told(row_id, namespace) for row_id in found},
            "namespace": name,
            "usage": {"readUnits": 1},
        }

    def fetch_by_metadata(self, body: dict[str, Any]) -> dict[str, Any]:
        name = body.get("namespace", "")
        namespace = self._read(name) or Namespace(None)
        page, after = _page(
            sorted(namespace.matching(body["filter"])), body.get("limit", 100),
            body.get("paginationToken"),
        )  # fmt: skip
        vectors = {row_id: _told(row_id, namespace) for row_id in page}
        return {"vectors": vectors, "namespace": name, "usage": {"readUnits": 1}, **after}

    def list(self, name: str, prefix: str, limit: int, token: str | None) -> dict[str, Any]:
        if not 1 <= limit <= 100:
            raise Refused(400, "limit must be between 1 and 100")
        namespace = self._read(name) or Namespace(None)
        ids = sorted(row_id for row_id in namespace.rows if row_id.startswith(prefix))
        page, after = _page(ids, limit, token)
        return {
            "vectors": [{"id": row_id} for row_id in page],
            "namespace": name,
            "usage": {"readUnits": 1},
            **after,
        }

    @property
    def _vectors(self) -> dict[str, Any]:
        if self.index is None:
            raise Refused(404, "Index not found")
        vectors: dict[str, Any] = self.index["schema"]["fields"]["_values"]
        return vectors

    def _read(self, name: str) -> Namespace | None:
        found = self.namespaces.get(name)
        if found is not None:
            found.settle()
            if found.dropped:
                del self.namespaces[name]
                return None
        return found

    def _there(self, name: str) -> Namespace:
        found = self._read(name)
        if found is None:
            raise Refused(404, "Namespace not found")
        return found


def _told(row_id: str, namespace: Namespace) -> dict[str, Any]:
    vector, metadata = namespace.rows[row_id]
    return {"id": row_id, "values": vector.tolist(), "metadata": metadata}


def _page(ids: list[str], limit: int, token: str | None) -> tuple[list[str], dict[str, Any]]:
    rest = [row_id for row_id in ids if token is None or row_id > token]
    page = rest[:limit]
    return page, {"pagination": {"next": page[-1]}} if len(rest) > limit else {}


class _Handler(BaseHTTPRequestHandler):
    double: PineconeDouble
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    def do_DELETE(self) -> None:
        self._serve("DELETE")

    def log_message(self, *_: object) -> None:
        pass

    def _serve(self, method: str) -> None:
        size = int(self.headers.get("content-length") or 0)
        data = self.rfile.read(size)
        if len(data) < size:
            self.close_connection = True
            return
        parts = urlsplit(self.path)
        double = self.double
        headers: dict[str, str] = {}
        time.sleep(double.delay)
        with double.lock:
            double.requests.append((method, parts.path))
            fault = double.fault(parts.path)
            try:
                if fault is not None:
                    headers.update(fault.headers)
                    raise Refused(fault.status, fault.message)
                self._check(size)
                answer = _answer(double, method, parts.path, parts.query, data, self._host())
                body, namespace = answer if isinstance(answer, tuple) else (answer, None)
                status = 201 if (method, parts.path) == ("POST", "/indexes") else 200
                if namespace is not None and double.lsn:
                    headers["x-pinecone-max-indexed-lsn"] = str(namespace.seen)
                    if parts.path != "/query":
                        headers = {"x-pinecone-request-lsn": str(namespace.committed)}
                if not parts.path.startswith("/indexes"):
                    API.check_answer(method, parts.path, status, body)
                told = json.dumps(body).encode()
                if parts.path == "/query" and len(told) > MOST_IN_RESPONSE:
                    raise Refused(400, "The result exceeds 4MB")
            except AssertionError as breach:
                breaches.append(str(breach))
                status, told = 400, json.dumps({"message": str(breach)}).encode()
            except Refused as refused:
                status = refused.status
                told = json.dumps(self._error(parts.path, refused)).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def _check(self, size: int) -> None:
        if self.headers.get("api-key") != KEY:
            raise Refused(401, "Invalid API Key")
        if not self.headers.get("x-pinecone-api-version"):
            raise Refused(400, "The header X-Pinecone-Api-Version is required")
        if size > MOST_BYTES:
            raise Refused(413, f"Request size {size} exceeds the maximum supported {MOST_BYTES}")
        if len(self.path) > MOST_IN_URL:
            raise Refused(414, "URI too long")

    def _host(self) -> str:
        """Where the index is served: as the caller came, so that a proxy stays between."""
        return str(self.headers["host"])

    @staticmethod
    def _error(path: str, refused: Refused) -> dict[str, Any]:
        if path.startswith("/indexes"):
            error = {"code": "UNKNOWN", "message": refused.message}
            return {"error": error, "status": refused.status}
        code = _RPC_CODES.get(refused.status, 2)
        return {"code": code, "message": refused.message, "details": []}


def _answer(
    double: PineconeDouble, method: str, path: str, query: str, data: bytes, host: str
) -> Any:
    asked = parse_qs(query, keep_blank_values=True)
    names = asked.get("namespace", [""])
    first, *rest = path.strip("/").split("/")
    name = unquote("/".join(rest))
    body = json.loads(data) if data else None
    if first == "indexes":
        if method == "GET":
            return double.describe_index(name, host)
        return double.create_index(body, host)
    API.check_request(method, path, {key: values[0] for key, values in asked.items()}, body)
    if path == "/vectors/fetch":
        return double.fetch(asked["ids"], names[0])
    if path == "/vectors/list":
        limit, token = int(asked.get("limit", ["100"])[0]), asked.get("paginationToken", [None])[0]
        return double.list(names[0], asked.get("prefix", [""])[0], limit, token)
    if first == "namespaces" and name:
        if method == "DELETE":
            return double.delete_namespace(name)
        return double.describe_namespace(name)
    posts = {
        "/vectors/upsert": double.upsert,
        "/vectors/delete": double.delete,
        "/vectors/fetch_by_metadata": double.fetch_by_metadata,
        "/query": double.query,
        "/describe_index_stats": double.stats,
        "/namespaces": double.create_namespace,
    }
    return posts[path](body)


def served(**options: Any) -> Iterator[PineconeDouble]:
    """A double for as long as a fixture wants it."""
    double = PineconeDouble(**options)
    try:
        yield double
    finally:
        double.close()
