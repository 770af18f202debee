"""The official client of Qdrant, called again where that helps; its failures as sentences."""

import json
import ssl
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from vecstream_cli.adapters.base import Option
from vecstream_cli.adapters.options import SERVER, VERIFY
from vecstream_cli.adapters.retrying import Again, Retrying, retry_after
from vecstream_cli.errors import (
    AuthenticationFailed,
    CollectionNotFound,
    DatabaseError,
    UsageError,
    VecstreamError,
)

_T = TypeVar("_T")

DEFAULT_URI = "http://localhost:6333"
_AWAY = "Check that Qdrant runs there and that --db-uri names its REST port, 6333 by default."
_SLOW = "Look at the server's load, or let it be called for longer: --db-option deadline=SECONDS."
_HINTS = {
    429: _SLOW,
    413: "Raise service.max_request_size_mb on the server, or cut documents in smaller chunks.",
    507: "Free some space on the server's disk, then run the same command again.",
}


OPTIONS = {
    **SERVER,
    **VERIFY,
    "cert_file": Option(help="file with the client's own certificate, and its key"),
}


class Server:
    """A Qdrant server, over REST."""

    def __init__(
        self, uri: str, key: str | None, option: Callable[[str], Any], *, connections: int
    ) -> None:
        from httpx import Limits
        from qdrant_client import QdrantClient

        self.place = uri
        self._deadline: float = option("deadline")
        if "://" in uri and not uri.startswith(("http://", "https://")):
            raise UsageError(
                f"{uri} is no address of a Qdrant.", hint="Such as http://localhost:6333."
            )
        self.client: Any = QdrantClient(
            url=uri,
            timeout=max(1, round(option("timeout"))),
            # As a header: given as its `api_key` the client prints a warning for plain http.
            headers={"api-key": key} if key else None,
            check_compatibility=False,  # it would ask, and warn, from a thread of its own
            # The client's default keeps no connection to this machine alive.
            limits=Limits(max_connections=connections, max_keepalive_connections=connections),
            verify=_trusted(uri, option),
        )

    def __call__(self, action: str, collection: str, call: Callable[[Any], _T]) -> _T:
        """What `call` returns when called with the client; safe to repeat, and repeated.

        Raises what ``Cannot ACTION the collection … in …: why.`` tells, or CollectionNotFound.
        """
        retrying = Retrying(partial(self._told, action, collection), self._deadline)
        return retrying(lambda: call(self.client))

    def close(self) -> None:
        """Let go of the connections."""
        self.client.close()

    def _told(self, action: str, collection: str, error: Exception) -> VecstreamError | Again:
        from qdrant_client.common.client_exceptions import QdrantException
        from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

        cannot = f"Cannot {action} the collection {collection!r} in {self.place}"
        if isinstance(error, QdrantException):
            # 429 with a Retry-After, which the client reads if it is a number.
            busy = DatabaseError(f"{cannot}: the server is busy.", hint=_SLOW)
            return Again(busy, after=getattr(error, "retry_after_s", None))
        if isinstance(error, ResponseHandlingException):
            return _unanswered(cannot, error.source)
        if isinstance(error, _NotApplied):
            return Again(DatabaseError(f"{cannot}: it was not done in time.", hint=_SLOW))
        if not isinstance(error, UnexpectedResponse):
            return DatabaseError(f"{cannot}: {_first_line(str(error)) or type(error).__name__}.")
        status, why = error.status_code or 0, _reason(error.content)
        if status in (401, 403):
            told = f" ({why})" if why else ""
            return AuthenticationFailed(
                f"{cannot}: the credentials are refused{told}.",
                hint="Give an API key that may do this in QDRANT_API_KEY, or in the URI.",
            )
        if status == 404 and why and "doesn't exist" in why:
            return CollectionNotFound(f"There is no collection {collection!r} in {self.place}.")
        if why is None and status < 500:
            why = f"what answers there with {status} is no Qdrant"
        failed = DatabaseError(
            f"{cannot}: {why or f'it answered {status}'}.", hint=_HINTS.get(status)
        )
        if status in (408, 429, 502, 503, 504):
            return Again(failed, after=retry_after(error.headers.get("retry-after")))
        return failed


class _NotApplied(Exception):
    """A write is kept, but no reader finds it yet."""


def applied(result: Any) -> None:
    """Have the call made again, unless the server says that a write has been carried out."""
    if result.status != "completed":
        raise _NotApplied


def _unanswered(cannot: str, source: Exception) -> VecstreamError | Again:
    import httpx

    if not isinstance(source, httpx.TransportError):
        return DatabaseError(f"{cannot}: its answer is not understood.", hint=_AWAY)
    why = _first_line(str(source)) or type(source).__name__
    if isinstance(source, httpx.TimeoutException):
        why = "it did not answer in time"
    told = DatabaseError(f"{cannot}: {why}.", hint=_AWAY)
    lasting = isinstance(source, httpx.UnsupportedProtocol) or "CERTIFICATE_VERIFY" in why
    return told if lasting else Again(told)


def _reason(content: bytes) -> str | None:
    """What a server's error says; None where it is not one of Qdrant's."""
    try:
        told = json.loads(content)["status"]["error"]
    except (ValueError, KeyError, TypeError):
        return None
    return _first_line(str(told))


def _first_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[0].rstrip(" .:")[:300] if lines else ""


def _trusted(uri: str, option: Callable[[str], Any]) -> ssl.SSLContext | bool:
    if not uri.startswith("https:"):
        return False  # nothing to check: to read the certificates of this machine takes 30 ms
    if not option("verify"):
        context = ssl._create_unverified_context()
    else:
        try:
            context = ssl.create_default_context(cafile=option("ca_file"))
        except (OSError, ssl.SSLError) as error:
            raise UsageError(f"The file of ca_file cannot be read: {error}.") from error
    if (own := option("cert_file")) is not None:
        try:
            context.load_cert_chain(own)
        except (OSError, ssl.SSLError) as error:
            raise UsageError(f"The file of cert_file cannot be read: {error}.") from error
    return context
