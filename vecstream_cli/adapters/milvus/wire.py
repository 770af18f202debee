"""Talking to Milvus: its own gRPC calls, made one at a time and never again by themselves.

The calls are those of pymilvus's generated stubs. Its client is not used, because it calls again
by its own rules for as long as a call may take, and turns rows into Python floats on the way.
Milvus Lite takes the same calls without a server: `adapters/milvus/lite.py`.
"""

import base64
import re
import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import SplitResult, urlsplit

from vecstream_cli.adapters.retrying import Again, Retrying
from vecstream_cli.endpoint import Endpoint
from vecstream_cli.errors import AuthenticationFailed, DatabaseError, UsageError, VecstreamError

DEFAULT_PORT = 19530

# Milvus's own numbers (github.com/milvus-io/milvus, pkg/util/merr).
NO_COLLECTION, NOT_LOADED, PARTLY_LOADED, NO_DATABASE = 100, 101, 103, 800
_OLD_NO_COLLECTION, _OLD_NOT_LOADED = 4, 101  # of `error_code`, which older servers fill alone
_MAY_PASS = frozenset(
    {1, 2, 8, 9, 500, 501, 503, 504, 901, 902}  # not ready, rate limit, channels, nodes
)
TOO_MUCH = -1  # ours: Milvus has no number for an answer that would be too large
_TOO_MUCH = re.compile(r"exceeds? the (limit|maxOutputSize)|maxOutputSize")
_FOR_THE_CALLER = frozenset({NO_COLLECTION, NOT_LOADED, PARTLY_LOADED})
_DENIED = frozenset({1800, 1801, 1802, 1803})

_CHANNEL = (
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    ("grpc.enable_retries", 0),
    ("grpc.use_local_subchannel_pool", 1),
    # A connection that a firewall forgot is noticed while a call waits.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
)


class Refused(Exception):
    """What the database answered instead of doing as told."""

    def __init__(self, code: int, reason: str, *, may_pass: bool) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.may_pass = may_pass


class Calls(Protocol):
    """Makes the calls of Milvus's service, by their names."""

    def make(self, name: str, request: Any) -> Any:
        """The response. Raises `Refused`, and grpc.RpcError where there is none."""

    def close(self) -> None:
        """Let go of the connection."""


class Server:
    """A Milvus server; connected by the first call, and anew after a connection broke."""

    def __init__(self, database: Endpoint, *, timeout: float, files: Sequence[str | None]) -> None:
        """`files`: the authorities' certificates, the client's key, the client's certificate."""
        parts = _parts(database.uri or "")
        self._target = f"{parts.hostname}:{parts.port or DEFAULT_PORT}"
        self._secure = parts.scheme == "https"
        self._files = [_read(file) if file else None for file in files]
        self._timeout = timeout
        self._metadata: list[tuple[str, str]] = []
        if name := parts.path.strip("/"):
            self._metadata.append(("dbname", name))
        if token := _token(database, parts):
            told = base64.b64encode(token.encode()).decode()
            self._metadata.append(("authorization", told))
        self._lock = threading.Lock()
        self._channel: Any = None

    def make(self, name: str, request: Any) -> Any:
        import grpc  # type: ignore[import-untyped]

        channel, stub = self._connected()
        call = getattr(stub, name)
        try:
            return answered(call(request, timeout=self._timeout, metadata=self._metadata))
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.UNAVAILABLE:
                self._forget(channel)
            raise

    def close(self) -> None:
        self._forget(self._channel)

    def _connected(self) -> tuple[Any, Any]:
        import grpc
        from pymilvus.grpc_gen import milvus_pb2_grpc  # type: ignore[import-untyped]

        with self._lock:
            if self._channel is None:
                if self._secure:
                    credentials = grpc.ssl_channel_credentials(*self._files)
                    self._channel = grpc.secure_channel(self._target, credentials, options=_CHANNEL)
                else:
                    self._channel = grpc.insecure_channel(self._target, options=_CHANNEL)
                self._stub = milvus_pb2_grpc.MilvusServiceStub(self._channel)
            return self._channel, self._stub

    def _forget(self, channel: Any) -> None:
        """A channel that failed once may take minutes to try again; a new one does so at once."""
        with self._lock:
            if channel is None or channel is not self._channel:
                return
            self._channel = None
        channel.close()


def answered(response: Any) -> Any:
    """The response, if the database did as told. Raises Refused."""
    status = getattr(response, "status", response)
    code = status.code or status.error_code
    if code == 0:
        return response
    if status.error_code == _OLD_NO_COLLECTION:
        code = NO_COLLECTION
    elif status.error_code == _OLD_NOT_LOADED:
        code = NOT_LOADED
    elif _TOO_MUCH.search(status.reason):
        code = TOO_MUCH
    passes = code not in _FOR_THE_CALLER and (status.retriable or code in _MAY_PASS)
    raise Refused(code, status.reason, may_pass=passes)


class Line:
    """Makes calls until they succeed or the deadline is over, and says what went wrong."""

    def __init__(self, calls: Calls, place: str, collection: str, deadline: float) -> None:
        self._calls = calls
        self._what = f"the collection {collection!r} in {place}"
        self._deadline = deadline

    def __call__(self, action: str, name: str, request: Any) -> Any:
        """The response. Raises Refused for what the caller decides, and VecstreamError."""
        retrying = Retrying(partial(self.told, action), self._deadline)
        try:
            return retrying(partial(self._calls.make, name, request))
        except VecstreamError as error:
            if isinstance(error.__cause__, Refused) and error.__cause__.code in _FOR_THE_CALLER:
                raise error.__cause__ from None
            raise

    def close(self) -> None:
        self._calls.close()

    def told(self, action: str, raised: Exception) -> VecstreamError | Again:
        """The error to raise for what a call raised."""
        told = f"Cannot {action} {self._what}"
        if isinstance(raised, Refused):
            error: VecstreamError = DatabaseError(f"{told}: {_sentence(raised.reason)}.")
            if raised.code in _DENIED:
                error = AuthenticationFailed(f"{told}: the user may not do that.")
            if raised.code == NO_DATABASE:
                error = DatabaseError(
                    error.message,
                    hint="Name a database that is there: --db-uri http://HOST:19530/NAME.",
                )
            return Again(error) if raised.may_pass else error
        return _away(told, raised)


def _away(told: str, raised: Exception) -> VecstreamError | Again:
    """What an error of gRPC's means."""
    import grpc

    if not isinstance(raised, grpc.RpcError):
        return DatabaseError(f"{told}: {_sentence(str(raised))}.")
    code, details = raised.code(), raised.details() or ""
    if code in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED):
        return AuthenticationFailed(f"{told}: the credentials are refused.")
    if code is grpc.StatusCode.UNIMPLEMENTED:
        return DatabaseError(
            f"{told}: this server does not know the call.", hint="Milvus 2.3.2 is the oldest."
        )
    error = DatabaseError(
        f"{told}: {_sentence(details)}.",
        hint="Check that the server runs and that --db-uri names its host and gRPC port.",
    )
    passes = (
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.INTERNAL,
    )
    return Again(error) if code in passes else error


def _sentence(reason: str) -> str:
    return " ".join(reason.split()).rstrip(" .:,")[:300] or "it gave no reason"


def _parts(uri: str) -> SplitResult:
    parts = urlsplit(uri)
    if parts.scheme not in ("http", "https", "tcp") or not parts.hostname:
        raise UsageError(
            f"{uri} is no URI of a Milvus database.",
            hint="Give http://HOST:19530/DATABASE, https://…, or a path that ends in .db.",
        )
    return parts


def _token(database: Endpoint, parts: SplitResult) -> str | None:
    secret = database.key("MILVUS_TOKEN")
    if secret is None or not parts.username:
        return secret
    return f"{parts.username}:{secret}"


def _read(file: str) -> bytes:
    try:
        return Path(file).expanduser().read_bytes()
    except OSError as error:
        raise UsageError(f"The file {file} cannot be read: {error.strerror}.") from error


def pairs(**values: object) -> Sequence[Any]:
    """Named values as Milvus takes them."""
    from pymilvus.grpc_gen import common_pb2

    return [common_pb2.KeyValuePair(key=key, value=str(value)) for key, value in values.items()]
