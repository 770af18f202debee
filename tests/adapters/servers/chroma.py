"""A real Chroma server for the tests, started once a session, and a gate that asks for a token.

from adapters.servers.chroma import ChromaServer, chroma_server  # noqa: F401

def test_x(chroma_server: ChromaServer) -> None: ...  # chroma_server.uri
"""

import contextlib
import ctypes
import http.client
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

_SECONDS_TO_START = 60.0
_HOP_BY_HOP = frozenset(("connection", "keep-alive", "transfer-encoding", "content-length", "host"))


def _die_with_us() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


@dataclass
class ChromaServer:
    """``chroma run`` on this machine, on a port of its own; data in `folder`."""

    folder: Path
    port: int = 0
    process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, on the same port and folder as before; returns when it answers."""
        if self.port == 0:
            with socket.create_server(("127.0.0.1", 0)) as listener:
                self.port = listener.getsockname()[1]
        program = shutil.which("chroma", path=str(Path(sys.executable).parent)) or "chroma"
        command = [program, "run", "--path", str(self.folder), "--host", "127.0.0.1"]
        with (self.folder.parent / "chroma.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "--port", str(self.port)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder.parent,
                preexec_fn=_die_with_us if sys.platform == "linux" else None,
            )
        deadline = time.monotonic() + _SECONDS_TO_START
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                log_text = (self.folder.parent / "chroma.log").read_text("utf-8", "replace")
                raise RuntimeError(f"Chroma does not start: {log_text[-500:]}")
            time.sleep(0.05)

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End it with this signal; more than once is fine."""
        process, self.process = self.process, None
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        with contextlib.closing(connection):
            try:
                connection.request("GET", "/api/v2/heartbeat")
                return connection.getresponse().status == 200
            except OSError:
                return False


@pytest.fixture(scope="session")
def chroma_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChromaServer]:
    """One server for all tests of the session; each uses collections of its own."""
    pytest.importorskip("chromadb", reason="chromadb, whose wheel has the server, is missing")
    if shutil.which("chroma", path=str(Path(sys.executable).parent)) is None:
        pytest.skip("the program `chroma` is not installed beside this Python")
    server = ChromaServer(tmp_path_factory.mktemp("chroma") / "data")
    server.folder.mkdir()
    try:
        server.start()
        yield server
    finally:
        server.stop()


class Gate:
    """What people put in front of Chroma, which asks for no credentials itself: it lets through
    what carries one of the given headers, answers 401 to the rest, and may be told to fail.

    `failures` are statuses to answer the next requests with, and headers to send along.
    """

    def __init__(self, server: ChromaServer, **allowed: str) -> None:
        self._allowed = {name.replace("_", "-").lower(): value for name, value in allowed.items()}
        self._server = server
        self.failures: list[tuple[int, dict[str, str]]] = []
        self.seen: list[str] = []
        gate = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                try:
                    gate.handle(self)
                except ConnectionError:  # whoever asked is gone
                    self.close_connection = True

            do_GET = do_POST = do_PUT = do_DELETE = handle_any

            def log_message(self, *_: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.uri = f"http://127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        self.seen.append(f"{request.command} {request.path}")
        if not any(request.headers.get(name) == value for name, value in self._allowed.items()):
            self._answer(request, 401, {}, b"who are you?")
            return
        if self.failures:
            status, headers = self.failures.pop(0)
            self._answer(request, status, headers, b"<html>not now</html>")
            return
        connection = http.client.HTTPConnection("127.0.0.1", self._server.port, timeout=60)
        with contextlib.closing(connection):
            kept = {k: v for k, v in request.headers.items() if k.lower() not in _HOP_BY_HOP}
            connection.request(request.command, request.path, body, kept)
            answer = connection.getresponse()
            kept = {k: v for k, v in answer.getheaders() if k.lower() not in _HOP_BY_HOP}
            self._answer(request, answer.status, kept, answer.read())

    @staticmethod
    def _answer(
        request: BaseHTTPRequestHandler, status: int, headers: dict[str, str], body: bytes
    ) -> None:
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.shutdown()
        self._http.server_close()
