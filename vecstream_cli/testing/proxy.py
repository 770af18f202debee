"""A TCP proxy on this machine that can be away, cut connections, and be slow."""

import contextlib
import selectors
import socket
import threading
import time
from types import TracebackType
from typing import Self

_READ = 65_536


class Proxy:
    """Forwards from ``127.0.0.1:port`` to a server; a thread for each connection.

    It is up when it is made; `down` refuses connections and cuts those that are there, `up` takes
    them again on the same port.
    """

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listener: socket.socket | None = None
        self._left: int | None = None
        self.bytes_per_second: float | None = None
        """What a connection forwards at most, either way; None: as fast as it goes."""
        self.connections = 0
        """How many were taken."""
        self.port = 0
        self.up()

    def up(self) -> None:
        """Take connections."""
        if self._listener is not None:
            return
        listener = socket.create_server(("127.0.0.1", self.port))  # sets SO_REUSEADDR
        self.port = listener.getsockname()[1]
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def down(self) -> None:
        """Refuse connections, and cut those that are there."""
        listener, self._listener = self._listener, None
        if listener is not None:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # wakes accept
            listener.close()
        self._cut()

    def cut_after(self, count: int) -> None:
        """Cut all connections once, when so many more bytes have gone to the server."""
        with self._lock:
            self._left = count

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.down()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with (
            contextlib.suppress(OSError),
            client,
            socket.create_connection(self._server, timeout=10) as server,
        ):
            server.settimeout(None)
            for each in (client, server):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._open |= {client, server}
            try:
                self._forward(client, server)
            finally:
                with self._lock:
                    self._open -= {client, server}

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        other = {client: server, server: client}
        with selectors.DefaultSelector() as ready:
            for each in other:
                ready.register(each, selectors.EVENT_READ)
            while True:
                for key, _ in ready.select():
                    source = key.fileobj
                    assert isinstance(source, socket.socket)
                    rate = self.bytes_per_second
                    data = source.recv(_READ if rate is None else max(1, int(rate / 20)))
                    if not data:
                        return
                    if rate is not None:
                        time.sleep(len(data) / rate)
                    if source is client and self._used_up(len(data)):
                        self._cut()
                        return
                    other[source].sendall(data)

    def _used_up(self, count: int) -> bool:
        with self._lock:
            if self._left is None:
                return False
            self._left -= count
            if self._left > 0:
                return False
            self._left = None
            return True

    def _cut(self) -> None:
        with self._lock:
            for each in self._open:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
