"""QdrantDouble: a double of a Qdrant server, since none could be had where this was written.

What it is: the server's REST interface for what the adapter uses, on loopback. Every request and
every answer is held against Qdrant's published OpenAPI document where a copy of it lies at hand
(`specs.py`; it was of version 1.19), and what a request asks for is done by Qdrant's own engine
(`qdrant_engine.py`), so that filters, scores and rounding are the server's. What it is not: its
names, aliases, metadata, statuses and errors are written after the server's source of 1.19.0
(commit 74f3e85) and its own API tests; it has no cluster and no disk of its own, and times mean
nothing.
"""

import json
import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from .openapi import Contract
from .qdrant_engine import BadRequest, EngineCollection
from .specs import published

VERSION = "1.19.0"
MOST_BYTES = 32 << 20  # service.max_request_size_mb


class Refused(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, why: str, **headers: str) -> None:
        super().__init__(why)
        self.status, self.why, self.headers = status, why, headers


class QdrantDouble:
    """A server of its own; `requests` holds what it was asked: method, path, query and body."""

    def __init__(
        self,
        api_key: str | None = None,
        *,
        keeps_metadata: bool = True,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.api_key = api_key
        self.keeps_metadata = keeps_metadata
        """False: as a server before 1.16."""
        self.collections: dict[str, EngineCollection] = {}
        self.aliases: dict[str, str] = {}
        self.requests: list[tuple[str, str, dict[str, str], Any]] = []
        self.breaches: list[str] = []
        """How requests or answers broke the document; a test asserts that there are none."""
        self.unapplied = 0
        """How many of the next writes are answered before a reader finds them."""
        self._faults: list[tuple[str, int, Refused]] = []
        self._contract = Contract(published("qdrant_openapi"))
        self._names = threading.RLock()
        double = self

        class Handler(_Handler):
            owner = double

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if tls is not None:
            # The handshake is made by the thread that serves the connection.
            self._server.socket = tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True
        )
        self._thread.start()
        self.uri = f"{'https' if tls else 'http'}://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        for collection in self.collections.values():
            collection.close()
        self.collections.clear()

    def fail(self, end: str, status: int, why: str = "", times: int = 1, **headers: str) -> None:
        """Answer the next requests whose method and path end so with an error, and do nothing."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._faults.append((end, times, Refused(status, why or f"injected {status}", **named)))

    def reset(self) -> None:
        """Be as empty as at first."""
        for name in list(self.collections):
            self._drop(name)
        self.requests, self.breaches, self.unapplied = [], [], 0
        self._faults.clear()

    def answer(
        self, method: str, path: str, query: dict[str, str], body: Any
    ) -> tuple[int, Any, dict[str, str]]:
        """Status, body and headers."""
        self.requests.append((method, path, query, body))
        try:
            self._contract.check_request(method, path, query, body)
            self._fault(f"{method} {path}")
            status, told, headers = 200, {"result": self._result(method, path, body)}, {}
            told |= {"status": "ok", "time": 0.001}
            if path == "/":
                told = told["result"]
        except AssertionError as error:
            self.breaches.append(str(error))
            return 500, _error(f"Service internal error: the double: {error}"), {}
        except Refused as refused:
            status, told, headers = refused.status, _error(refused.why), refused.headers
        except BadRequest as error:
            status, told, headers = 400, _error(str(error)), {}
        except Exception as error:  # noqa: BLE001 - the engine raises nothing narrower
            status, told, headers = 400, _error(f"Wrong input: {error}"), {}
        try:
            self._contract.check_answer(method, path, status, told)
        except AssertionError as error:
            self.breaches.append(str(error))
        return status, told, headers

    def _fault(self, asked: str) -> None:
        for number, (end, times, refused) in enumerate(self._faults):
            if asked.endswith(end):
                self._faults[number : number + 1] = [(end, times - 1, refused)] * (times > 1)
                raise refused

    def _result(self, method: str, path: str, body: Any) -> Any:
        _, *parts = [unquote(part) for part in path.split("/")]
        match method, parts:
            case "GET", [""]:
                return {"title": "qdrant - vector search engine", "version": VERSION}
            case "GET", ["collections"]:
                return {"collections": [{"name": name} for name in list(self.collections)]}
            case "GET", ["aliases"]:
                return {
                    "aliases": [
                        {"alias_name": alias, "collection_name": name}
                        for alias, name in list(self.aliases.items())
                    ]
                }
            case "POST", ["collections", "aliases"]:
                return self._switch(body["actions"])
            case "PUT", ["collections", name]:
                return self._create(name, body)
            case "GET", ["collections", name]:
                return self._collection(name).info()
            case "PATCH", ["collections", name]:
                # Aliases are not looked up where a collection is changed or dropped.
                self._physical(name).update(body)
                return True
            case "DELETE", ["collections", name]:
                return self._drop(name)
            case "PUT", ["collections", name, "index"]:
                self._collection(name).index(body)
                return _COMPLETED
            case _, ["collections", name, "points", *what]:
                return self._points(self._collection(name), f"{method} {'/'.join(what)}", body)
        raise Refused(404, "")

    def _points(self, collection: EngineCollection, what: str, body: Any) -> Any:
        updates: dict[str, Callable[[Any], None]] = {
            "PUT ": collection.upsert,
            "POST delete": collection.delete,
            "PUT payload": collection.overwrite_payload,
        }
        if what in updates:
            updates[what](body)
            if self.unapplied:
                self.unapplied -= 1
                return {"operation_id": 1, "status": "wait_timeout"}
            return _COMPLETED
        if what == "POST query":
            return {"points": collection.query(body)}
        if what == "POST count":
            return {"count": collection.count(body)}
        return {"POST ": collection.retrieve, "POST scroll": collection.scroll}[what](body)

    def _create(self, name: str, body: Any) -> bool:
        with self._names:
            if name in self.collections:
                raise Refused(409, f"Wrong input: Collection `{name}` already exists!")
            if name in self.aliases:
                raise Refused(
                    400,
                    f"Wrong input: Can't create collection with name {name}. "
                    "Alias with the same name already exists",
                )
            keeps = self.keeps_metadata
            self.collections[name] = EngineCollection(body, keeps_metadata=keeps)
            return True

    def _drop(self, name: str) -> bool:
        with self._names:
            self.aliases = {a: c for a, c in self.aliases.items() if c != name}
            found = self.collections.pop(name, None)
        if found is not None:
            found.close()
        return found is not None

    def _switch(self, actions: list[dict[str, Any]]) -> bool:
        with self._names:
            changed = dict(self.aliases)
            for action in actions:
                if (made := action.get("create_alias")) is not None:
                    self._physical(made["collection_name"])
                    if made["alias_name"] in self.collections:
                        raise Refused(
                            409, f"Wrong input: Collection `{made['alias_name']}` already exists!"
                        )
                    changed[made["alias_name"]] = made["collection_name"]
                else:
                    changed.pop(action["delete_alias"]["alias_name"], None)
            self.aliases = changed
            return True

    def _collection(self, name: str) -> EngineCollection:
        return self._physical(self.aliases.get(name, name))

    def _physical(self, name: str) -> EngineCollection:
        if (found := self.collections.get(name)) is None:
            raise Refused(404, f"Not found: Collection `{name}` doesn't exist!")
        return found


_COMPLETED = {"operation_id": 1, "status": "completed"}


def _error(why: str) -> dict[str, Any]:
    return {"status": {"error": why}, "time": 0.001}


class _Handler(BaseHTTPRequestHandler):
    owner: QdrantDouble
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except (ConnectionError, ssl.SSLError):
            self.close_connection = True  # whoever asked has gone, or trusts us not

    def _any(self) -> None:
        parts = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        content = self.rfile.read(length)
        if len(content) < length:
            self.close_connection = True
            return
        if self.owner.api_key is not None and self.headers.get("api-key") != self.owner.api_key:
            self._send(401, b"Invalid API key or JWT", {"Content-Type": "text/plain"})
            return
        if length > MOST_BYTES:
            why = (
                f"JSON payload ({length} bytes) is larger than allowed (limit: {MOST_BYTES} bytes)"
            )
            self._send(413, json.dumps(_error(f"Payload error: {why}.")).encode(), {})
            return
        try:
            body = _read(content) if content else None
        except ValueError as error:
            why = _error(f"Format error in JSON body: {error}")
            self._send(400, json.dumps(why).encode(), {})
            return
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        status, told, headers = self.owner.answer(self.command, parts.path or "/", query, body)
        self._send(status, json.dumps(told).encode(), headers)

    do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = _any

    def _send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        named = {"Content-Type": "application/json", "Content-Length": str(len(content))}
        for name, value in (named | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


def _read(content: bytes) -> Any:
    """JSON as serde_json reads it: no NaN, no lone surrogate, 128 levels at most."""

    def refuse(constant: str) -> None:
        raise ValueError(f"expected value, not {constant}")

    body = json.loads(content, parse_constant=refuse)
    json.dumps(body, ensure_ascii=False).encode()
    if _depth(body) > 127:
        raise ValueError("recursion limit exceeded")
    return body


def _depth(value: Any) -> int:
    if isinstance(value, list) and not (value and isinstance(value[0], float)):
        return 1 + max(map(_depth, value), default=0)
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    return 0
