"""WeaviateDouble: a double of a Weaviate server, spoken to over loopback by both its protocols.

No server can be had where these tests run. The double keeps objects in memory and answers REST
(collections and aliases) and gRPC (objects), as far as the adapter and the tests ask. It was
checked against the official client, which drives it in the tests; against the messages of gRPC
that ship with that client; against Weaviate's published OpenAPI (`weaviate_shapes`); and, for
what documents leave open, by reading the server's source (1.40-dev). It proves what goes over the
wire, and no property of the real server: not its speed, recall, durability or limits of memory.

What it thinks wrong with a request stands in `complaints`, which a test finds empty at the end.
"""

import json
import re
import ssl
import threading
from collections import deque
from copy import deepcopy
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from doubles.weaviate_rpc import Rpc
from doubles.weaviate_shapes import wrong_request, wrong_response

VERSION = "1.37.2"
# What a server adds to a definition; the client cannot read a class without it.
_SHARDING = {
    "virtualPerPhysical": 128, "desiredVirtualCount": 128, "actualVirtualCount": 128,
    "desiredCount": 1, "actualCount": 1, "key": "_id", "strategy": "hash", "function": "murmur3",
}  # fmt: skip
_HNSW = {
    "distance": "cosine", "ef": -1, "efConstruction": 128, "maxConnections": 32, "skip": False,
    "dynamicEfMin": 100, "dynamicEfMax": 500, "dynamicEfFactor": 8, "filterStrategy": "acorn",
    "flatSearchCutoff": 40_000, "cleanupIntervalSeconds": 300, "vectorCacheMaxObjects": 10**12,
}  # fmt: skip
_ROUTES = tuple(
    (path, re.compile("^" + re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path) + "$"))
    for path in (
        *("/meta", "/schema", "/schema/{className}", "/schema/{className}/shards"),
        *("/aliases", "/aliases/{aliasName}", "/.well-known/openid-configuration"),
    )
)


@dataclass
class Stored:
    """A class: its definition, and its objects by UUID, each (properties, vector)."""

    config: dict[str, Any]
    objects: dict[str, tuple[dict[str, Any], bytes]] = field(default_factory=dict)


@dataclass
class Certificate:
    """What the double shows itself by; `asked`: its clients have to, too, by the same."""

    file: str
    key_file: str
    asked: bool = False


@dataclass
class Answer:
    """An answer to one of the next requests, in the place of the real one."""

    status: int
    message: str
    headers: dict[str, str] = field(default_factory=dict)


class WeaviateDouble:
    """Two servers on free ports of 127.0.0.1, and what they keep."""

    def __init__(self, key: str | None = None, *, tls: Certificate | None = None) -> None:
        self.key = key
        self.tls = tls
        self.version = VERSION
        self.lock = threading.RLock()
        self.classes: dict[str, Stored] = {}
        self.aliases: dict[str, str] = {}
        self.complaints: list[str] = []
        self.most = 10_000  # QUERY_MAXIMUM_RESULTS
        self.queued = 0  # vectors that wait for the index
        self.rest_faults: deque[Answer] = deque()
        self.rpc_faults: deque[tuple[str, Any, str]] = deque()  # (method, status code, details)
        self.row_faults: dict[str, deque[str]] = {}  # by UUID: reasons, one for each try
        self.requests: list[str] = []

    def __enter__(self) -> Self:
        double = self

        class Handler(_Handler):
            server_double = double

        self._rest = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._rest.daemon_threads = True
        if self.tls is not None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(self.tls.file, self.tls.key_file)
            if self.tls.asked:
                context.verify_mode = ssl.CERT_REQUIRED
                context.load_verify_locations(self.tls.file)
            self._rest.socket = context.wrap_socket(
                self._rest.socket, server_side=True, do_handshake_on_connect=False
            )
        self.rest_port = self._rest.server_address[1]
        threading.Thread(target=self._rest.serve_forever, args=(0.05,), daemon=True).start()
        self._rpc = Rpc(self)
        self.grpc_port = self._rpc.port
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._rest.shutdown()
        self._rest.server_close()
        self._rpc.close()

    @property
    def uri(self) -> str:
        """As --db-uri has it."""
        scheme = "https" if self.tls else "http"
        return f"{scheme}://127.0.0.1:{self.rest_port}?grpc_port={self.grpc_port}"

    def named(self, name: str) -> Stored | None:
        """The class of a name or of an alias."""
        return self.classes.get(self.aliases.get(name, name))

    def meta(self) -> Any:
        return 200, {
            "hostname": "http://[::]:8080",
            "version": self.version,
            "modules": {},
            "grpcMaxMessageSize": 104_858_000,
        }

    def schema(self, method: str, body: Any, query: Any) -> Any:
        if method == "GET":
            return 200, {"classes": [deepcopy(one.config) for one in self.classes.values()]}
        taken = {name.lower() for name in (*self.classes, *self.aliases)}
        if body["class"].lower() in taken:
            return 422, f"class name {body['class']} already exists"
        self.classes[body["class"]] = Stored(_filled(body))
        return 200, self.classes[body["class"]].config

    def schema_class(self, method: str, body: Any, query: Any, name: str) -> Any:
        if method == "DELETE":  # by an alias it does nothing
            self.classes.pop(name, None)
            return 200, None
        stored = self.named(name)
        if stored is None:
            return 404, None
        if method == "GET":
            return 200, deepcopy(stored.config)
        fixed = ("class", "properties", "vectorConfig", "multiTenancyConfig")
        for part in fixed:
            if body.get(part) != stored.config.get(part):
                return 422, f"{part} is immutable"
        stored.config = body
        return 200, body

    def shards(self, method: str, body: Any, query: Any, name: str) -> Any:
        if self.named(name) is None:
            return 404, f"class {name} not found"
        waiting, self.queued = self.queued, 0
        status = "INDEXING" if waiting else "READY"
        return 200, [{"name": "sh4rd", "status": status, "vectorQueueSize": waiting}]

    def all_aliases(self, method: str, body: Any, query: Any) -> Any:
        if method == "GET":
            wanted = query.get("class")
            found = [
                {"alias": alias, "class": name}
                for alias, name in self.aliases.items()
                if wanted is None or name in wanted
            ]
            return 200, {"aliases": found}
        if body["class"] not in self.classes:
            return 422, f"target class {body['class']!r} does not exist"
        taken = {name.lower() for name in (*self.classes, *self.aliases)}
        if body["alias"].lower() in taken:
            return 422, f"create alias: {body['alias']}, alias already exists"
        self.aliases[body["alias"]] = body["class"]
        return 200, body

    def one_alias(self, method: str, body: Any, query: Any, name: str) -> Any:
        if name not in self.aliases:
            return 404, f"alias {name} not found"
        if method == "DELETE":
            del self.aliases[name]
            return 204, None
        if method == "PUT":
            if body["class"] not in self.classes:
                return 422, f"target class {body['class']!r} does not exist"
            self.aliases[name] = body["class"]
        return 200, {"alias": name, "class": self.aliases[name]}


def _filled(body: dict[str, Any]) -> dict[str, Any]:
    """A definition with some of what a server adds to it."""
    config = deepcopy(body)
    unsaid = {"indexFilterable": True, "indexSearchable": False, "indexRangeFilters": False}
    config["properties"] = [unsaid | told for told in config.get("properties", [])]
    config.setdefault("multiTenancyConfig", {"enabled": False})
    config.setdefault("replicationConfig", {"factor": 1})
    inverted = config.setdefault("invertedIndexConfig", {})
    inverted.setdefault("bm25", {"b": 0.75, "k1": 1.2})
    inverted.setdefault("cleanupIntervalSeconds", 60)
    stopwords = inverted.setdefault("stopwords", {"preset": "en"})
    inverted["stopwords"] = {"additions": [], "removals": []} | stopwords
    if not config["multiTenancyConfig"]["enabled"]:
        config["shardingConfig"] = _SHARDING
    for vector in config.get("vectorConfig", {}).values():
        vector["vectorIndexConfig"] = _HNSW | vector.get("vectorIndexConfig", {})
    return config


class _Handler(BaseHTTPRequestHandler):
    """One connection over HTTP."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server_double: WeaviateDouble

    def _answer(self) -> None:
        double = self.server_double
        parts = urlsplit(self.path)
        path, names, route = parts.path.removeprefix("/v1"), {}, None
        for known, pattern in _ROUTES:
            if found := pattern.match(path):
                route, names = known, found.groupdict()
        sent = self.rfile.read(int(self.headers.get("content-length", 0)))
        body = json.loads(sent) if sent and sent != b"null" else None
        with double.lock:
            double.requests.append(f"{self.command} {route or path}")
            if double.rest_faults:
                fault = double.rest_faults.popleft()
                return self._send(fault.status, _error(fault.message), fault.headers)
            if double.key and self.headers.get("authorization") != f"Bearer {double.key}":
                return self._send(401, {"code": 401, "message": "unauthorized: invalid api key"})
            if route is None or route.startswith("/.well-known"):
                return self._send(404, None)
            if wrong := wrong_request(self.command, route, body):
                double.complaints.append(f"{self.command} {path}: {wrong}")
                return self._send(422, _error(wrong))
            status, told = self._told(route, names, body, parse_qs(parts.query))
            told = _error(told) if isinstance(told, str) else told
            if wrong := wrong_response(self.command, route, status, told):
                double.complaints.append(f"the double's answer to {self.command} {path}: {wrong}")
            return self._send(status, told)

    def _told(self, route: str, names: dict[str, str], body: Any, query: Any) -> Any:
        double = self.server_double
        if route == "/meta":
            return double.meta()
        call = {
            "/schema": double.schema,
            "/schema/{className}": double.schema_class,
            "/schema/{className}/shards": double.shards,
            "/aliases": double.all_aliases,
            "/aliases/{aliasName}": double.one_alias,
        }[route]
        return call(self.command, body, query, *names.values())

    def _send(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        content = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_DELETE = _answer

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


def _error(message: str) -> dict[str, Any]:
    return {"error": [{"message": message}]}
