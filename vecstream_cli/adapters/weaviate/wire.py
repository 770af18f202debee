"""The two connections to a Weaviate: REST for collections, gRPC for rows.

gRPC is spoken through the messages and the stub that the client package ships
(`weaviate.proto.v1`), not through its `WeaviateClient`: that calls again by itself for up to
63 seconds, which cannot be turned off, keeps no status of an error, takes no CA file, and makes a
list of Python floats of every vector.
"""

from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any, Self, TypeVar

from vecstream_cli.adapters.retrying import Retrying, retry_after
from vecstream_cli.adapters.weaviate.errors import Refused, Told
from vecstream_cli.adapters.weaviate.place import Place, place_of
from vecstream_cli.endpoint import Endpoint
from vecstream_cli.errors import DatabaseError, UsageError

_T = TypeVar("_T")

OLDEST = (1, 33)  # aliases came with 1.32, the filter "Not" with 1.33

# gRPC waits a second before it connects again, then longer, up to two minutes; how long to wait
# is for `Retrying` to say. Nor does it look for a proxy in the environment, as REST does not.
_CHANNEL = (
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 300),
    ("grpc.enable_retries", 0),
    ("grpc.enable_http_proxy", 0),
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
)


class Wire:
    """Makes requests; opened with the first. What fails says what was being done."""

    def __init__(
        self,
        database: Endpoint,
        place: Place,
        *,
        deadline: float,
        timeout: float,
        tls: Mapping[str, str | None],
    ) -> None:
        self.name = database.uri or place.url
        self._database = database
        self._place = place
        self._deadline = deadline
        self._timeout = timeout
        self._tls = tls
        self._http: Any = None
        self._channel: Any = None
        self._stub: Any = None
        self._metadata: tuple[tuple[str, str], ...] = ()
        self._connecting = Lock()

    @classmethod
    def of(cls, database: Endpoint, *, deadline: float, timeout: float, **tls: str | None) -> Self:
        """To the server of the URI. Raises UsageError."""
        place = place_of(database.uri)
        return cls(database, place, deadline=deadline, timeout=timeout, tls=tls)

    def told(self, action: str) -> Told:
        """What turns errors of this action into sentences."""
        return Told(action, self.name, self._place.grpc)

    def again(self, action: str, call: Callable[[], _T]) -> _T:
        """Call until it succeeds, fails for good, or the deadline is over."""
        return Retrying(self.told(action), self._deadline)(call)

    def rest(
        self,
        action: str,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        absent: tuple[int, ...] = (),
        unless_there: bool = False,
        params: Mapping[str, str] | None = None,
    ) -> Any:
        """The JSON of an answer; None for one of the statuses `absent`, and for a name that is
        taken where `unless_there` says so."""

        def call() -> Any:
            answer = self._client().request(method, f"/v1{path}", json=body, params=params)
            if answer.status_code in absent:
                return None
            if answer.is_success:
                return answer.json() if answer.content else {}
            message = _message(answer)
            if unless_there and answer.status_code == 422 and "already exists" in message:
                return None
            after = retry_after(answer.headers.get("retry-after"))
            raise Refused(answer.status_code, message, after)

        return self.again(action, call)

    def rpc(self, action: str, method: str, request: Any) -> Any:
        """The answer to one request over gRPC."""
        return self.again(action, lambda: self.rpc_once(method, request))

    def rpc_once(self, method: str, request: Any) -> Any:
        """The same, called once; raises what gRPC raises."""
        with self._connecting:  # several requests at once are made from the first one on
            if self._stub is None:
                self._connect()
            call = getattr(self._stub, method)
        return call(request, timeout=self._timeout, metadata=self._metadata)

    def close(self) -> None:
        """Let go of both."""
        http, channel = self._http, self._channel
        self._http = self._channel = self._stub = None
        if http is not None:
            http.close()
        if channel is not None:
            channel.close()

    def _client(self) -> Any:
        if self._http is None:
            import httpx

            key = self._database.key("WEAVIATE_API_KEY")
            made = httpx.Client(
                base_url=self._place.url,
                headers={"authorization": f"Bearer {key}"} if key else {},
                timeout=httpx.Timeout(self._timeout, connect=min(10.0, self._timeout)),
                trust_env=False,
                verify=self._context() if self._place.secure else False,
            )
            self._metadata = (("authorization", f"Bearer {key}"),) if key else ()
            self._http = made
            self._check_version()
        return self._http

    def _context(self) -> Any:
        import ssl

        try:
            made = ssl.create_default_context(cafile=self._tls.get("ca_file"))
            if certificate := self._tls.get("cert_file"):
                made.load_cert_chain(certificate, self._tls.get("key_file"))
        except OSError as error:  # ssl.SSLError is one
            raise UsageError(f"The TLS files cannot be used: {error}.") from error
        return made

    def _check_version(self) -> None:
        try:
            version = str(self.rest("open the database", "GET", "/meta").get("version", ""))
        except BaseException:
            self._http.close()
            self._http = None
            raise
        numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
        if len(numbers) == 2 and numbers < OLDEST:
            raise DatabaseError(
                f"The Weaviate in {self.name} is version {version}, which is too old.",
                hint=f"vecstream needs {OLDEST[0]}.{OLDEST[1]} or newer.",
            )

    def _connect(self) -> None:
        import grpc  # type: ignore[import-untyped]
        from weaviate.proto.v1 import weaviate_pb2_grpc

        self._client()  # what it finds out comes first
        if self._place.secure:
            credentials = grpc.ssl_channel_credentials(
                *(_content(self._tls.get(name)) for name in ("ca_file", "key_file", "cert_file"))
            )
            self._channel = grpc.secure_channel(self._place.grpc, credentials, options=_CHANNEL)
        else:
            self._channel = grpc.insecure_channel(self._place.grpc, options=_CHANNEL)
        self._stub = weaviate_pb2_grpc.WeaviateStub(self._channel)  # type: ignore[no-untyped-call]


def _content(file: str | None) -> bytes | None:
    if file is None:
        return None
    with open(file, "rb") as opened:
        return opened.read()


def _message(answer: Any) -> str:
    """What an error's body says: ``{"error": [{"message": …}]}``, or its first line."""
    try:
        found = answer.json()
        errors = found.get("error", [found])
        text = "; ".join(str(one["message"]) for one in errors)
    except (ValueError, KeyError, TypeError, AttributeError):
        text = answer.text
    line = " ".join(text.split())[:300]
    return line or f"status {answer.status_code} {answer.reason_phrase}"
