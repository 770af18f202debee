"""SearchDouble: a stand-in for Elasticsearch or OpenSearch that speaks their HTTP on loopback.

It is a double, not a server: nothing here was compared with a real one. Each request and each
answer is held against the vendors' published API description (`search_schema.py`), and what a
request means follows their manuals: a search finds what was there at the last refresh, an alias may
stand for several indices, `_bulk` tells of each item, points in time and scrolls do not move.
"""

import base64
import re
import socket
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson
from doubles.search_api import Api
from doubles.search_query import Refused
from doubles.search_schema import Schema

USER, PASSWORD, API_KEY = "tester", "pass-word of it", "a-key-of-the-api"


class SearchDouble:
    """Listens on ``127.0.0.1:port`` from its making to `close`.

    Faults come by `fail` and `lose`, and by the attributes of `api`; `requests` are all that came,
    and `violations` those that the vendor's description does not admit.
    """

    def __init__(
        self, kind: str, *, secured: bool = True, certificate: tuple[Path, Path] | None = None
    ) -> None:
        self.kind = kind
        self.api = Api(kind)
        self.schema = Schema(kind)
        self.secured = secured
        self.requests: list[tuple[str, str]] = []
        self.faults: list[tuple[str, int, dict[str, str]]] = []
        self.violations: list[str] = []
        self._lost: tuple[str, str] | None = None
        self._lock = threading.Lock()
        double = self

        class Handler(_Handler):
            def answer(self) -> None:
                double.serve(self)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def fail(self, path: str, status: int, times: int = 1, **headers: str) -> None:
        """Answer the next requests whose path has this pattern with a status."""
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        self.faults += [(path, status, told)] * times

    def lose(self, method: str, path: str) -> None:
        """Do what the next such request says, and cut the connection before the answer."""
        self._lost = (method, path)

    def serve(self, handler: "_Handler") -> None:
        """Answer one request."""
        size = int(handler.headers.get("content-length") or 0)
        body = handler.rfile.read(size)
        parts = urlsplit(handler.path)
        params = dict(parse_qsl(parts.query, keep_blank_values=True))
        path = parts.path
        method = handler.command
        with self._lock:
            self.requests.append((method, path))
            fault = next((f for f in self.faults if re.search(f[0], path)), None)
            if fault is not None:
                self.faults.remove(fault)
                self._send(handler, fault[1], _error(fault[1], "injected", "injected"), fault[2])
                return
            try:
                self._let_in(handler)
                self._kind_of(handler, bool(body))
                operation = self.schema.operation(method, path)
                self.schema.check_request(operation, params, body)
                status, answer = self.api.call(operation.name, operation.values, params, body)
                self.schema.check_answer(operation, status, answer)
            except Refused as refused:
                status = refused.status
                answer = _error(status, refused.kind, refused.reason)
            except AssertionError as error:
                self.violations.append(f"{method} {path}: {error}")
                status, answer = 400, _error(400, "violation", str(error))
        if self._lost and method == self._lost[0] and re.search(self._lost[1], path):
            self._lost = None
            handler.close_connection = True
            handler.connection.shutdown(socket.SHUT_RDWR)
            return
        if "filter_path" in params:
            answer = _filtered(answer, params["filter_path"].split(","))
        self._send(handler, status, answer, {})

    def _let_in(self, handler: "_Handler") -> None:
        if not self.secured:
            return
        told = handler.headers.get("authorization", "")
        basic = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        scheme = "ApiKey" if self.kind == "elasticsearch" else "Bearer"
        if told not in (f"Basic {basic}", f"{scheme} {API_KEY}"):
            raise Refused(401, "security_exception", "unable to authenticate")

    def _kind_of(self, handler: "_Handler", body: bool) -> None:
        """Elasticsearch refuses a version that is neither its own nor the one before."""
        if self.kind == "elasticsearch":
            kinds = [handler.headers.get("accept", "")]
            if body:
                kinds.append(handler.headers.get("content-type", ""))
            wanted = f"compatible-with={self.api.version}"
            if not all(kind.replace(" ", "").endswith(wanted) for kind in kinds):
                raise Refused(
                    400,
                    "media_type_header_exception",
                    f"Invalid media-type value on headers [{kinds}]",
                )

    def _send(self, handler: "_Handler", status: int, answer: Any, headers: dict[str, str]) -> None:
        data = orjson.dumps(answer)
        handler.send_response(status)
        kind = "application/json"
        if self.kind == "elasticsearch":
            kind = f"application/vnd.elasticsearch+json;compatible-with={self.api.version}"
            handler.send_header("x-elastic-product", "Elasticsearch")
        handler.send_header("content-type", kind)
        handler.send_header("content-length", str(len(data)))
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(data)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # A small answer would else wait for the acknowledgement of its headers.
    disable_nagle_algorithm = True
    wbufsize = -1

    def answer(self) -> None:
        raise NotImplementedError

    def do_GET(self) -> None:
        self.answer()

    do_PUT = do_POST = do_DELETE = do_HEAD = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""

    def handle(self) -> None:
        # A client, or the proxy before it, may go away at any time.
        try:
            super().handle()
        except OSError:
            self.close_connection = True


def _error(status: int, kind: str, reason: str) -> dict[str, Any]:
    cause = {"type": kind, "reason": reason}
    return {"error": {"root_cause": [cause], **cause}, "status": status}


def _filtered(answer: Any, paths: list[str]) -> Any:
    """What `filter_path` leaves: names, ``*`` for any; of lists each element."""

    def keep(value: Any, wanted: list[list[str]]) -> Any:
        if any(not path for path in wanted) or not isinstance(value, dict | list):
            return value
        if isinstance(value, list):
            return [kept for each in value if (kept := keep(each, wanted)) != {}]
        found = {}
        for name, each in value.items():
            deeper = [path[1:] for path in wanted if path[0] in (name, "*")]
            if deeper:
                kept = keep(each, deeper)
                if kept not in ({}, []) or not deeper:
                    found[name] = kept
        return found

    return keep(answer, [path.split(".") for path in paths])
