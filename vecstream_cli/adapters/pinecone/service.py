"""Pinecone by its own client: where an index is served, which failures pass, when writes show.

Pinecone is eventually consistent: a write is in its log when it is acknowledged, and reads see it a
moment later. A response to a write carries its place in the log of the namespace (LSN), one to a
query how far reads have come. Where the client does not tell (deletions), a query is asked whether
it finds what must be gone.
"""

import contextlib
import time
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qs, urlsplit

from vecstream_cli.adapters.retrying import Again, Retrying, retry_after
from vecstream_cli.endpoint import Endpoint
from vecstream_cli.errors import AuthenticationFailed, DatabaseError, UsageError, VecstreamError

if TYPE_CHECKING:
    from pinecone import Index

KEY = "PINECONE_API_KEY"
CONTROL = "PINECONE_CONTROLLER_HOST"
DEFAULT_CLOUD, DEFAULT_REGION = "aws", "us-east-1"
FIELD = "_values"  # what the vectors of an index without a schema of documents are called
METRIC = "cosine"

_FIRST_LOOK, _LONGEST_LOOK = 0.05, 1.0  # seconds between looks whether a write shows
_FORMS = "Write pinecone://INDEX?cloud=aws&region=us-east-1, or the index's host: https://…"
TOO_LARGE = 413
_PASSING = frozenset((408, 429, 500, 502, 503, 504))

T = TypeVar("T")


class Service:
    """One index, found when it is first needed; calls it again while that may help."""

    def __init__(
        self, database: Endpoint, place: str, options: Callable[[str], Any], collection: str
    ) -> None:
        self._place = place
        self._collection = collection
        self._options = options
        self.deadline: float = options("deadline")
        self._key = database.key(KEY)
        self.index_name, self._host, self._query = _parted(database.uri)
        self._control: Any = None
        self._index: Index | None = None
        if self._key is None:
            raise AuthenticationFailed(
                f"There is no API key for {place}.", hint=f"Set {KEY}, or --db-password-file."
            )

    def call(self, action: str, request: Callable[[], T], *answers: int) -> T:
        """What a request returns; failures as ``Cannot ACTION the collection …: why.``

        A status among `answers` is raised as the client does: its caller knows what to do.
        """
        what = f"Cannot {action} the collection {self._collection!r} in {self._place}"
        return Retrying(lambda error: told(error, what, answers), self.deadline)(request)

    def index(self, action: str) -> "Index | None":
        """The index; None where there is none of its name."""
        if self._index is None:
            from pinecone.errors import NotFoundError

            host = self._host
            if not host:
                try:
                    model = self.call(
                        action, lambda: self._plane().indexes.describe(self._name), 404
                    )
                except NotFoundError:
                    return None
                if not model.status.ready or not model.host:
                    return None
                host = self._reached(model.host)
            self._index = self.call(action, lambda: self._open(host))
        return self._index

    def make_index(self, dimension: int) -> "Index":
        """The index, made where there is none."""
        from pinecone.errors import ConflictError

        found = self.index("create")
        if found is None:
            with contextlib.suppress(ConflictError):  # it is being made already
                self.call("create", lambda: self._make(dimension), 409)
        began, pause = time.monotonic(), _FIRST_LOOK
        while found is None and (found := self.index("create")) is None:
            if time.monotonic() - began > self.deadline:
                raise DatabaseError(
                    f"The index {self.index_name!r} in {self._place} is not ready after"
                    f" {self.deadline:.0f} s.",
                    hint="Run again in a while, or raise --db-option deadline.",
                )
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_LOOK)
        return found

    def until(self, action: str, seen: Callable[[], bool]) -> None:
        """Look until reads show what was written. Raises DatabaseError after the deadline."""
        began, pause = time.monotonic(), _FIRST_LOOK
        while not self.call(action, seen):
            if time.monotonic() - began > self.deadline:
                raise DatabaseError(
                    f"Pinecone has taken a change of the collection {self._collection!r} in"
                    f" {self._place}, but reads do not show it after {self.deadline:.0f} s.",
                    hint="Run again, or raise --db-option deadline; what was taken is not lost.",
                )
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_LOOK)

    def close(self) -> None:
        """Close its connections."""
        for each in (self._index, self._control):
            if each is not None:
                each.close()
        self._index = self._control = None

    @property
    def _name(self) -> str:
        assert self.index_name is not None
        return self.index_name

    def _plane(self) -> Any:
        """The control plane, which knows where indexes are served."""
        if self._control is None:
            from pinecone import Pinecone, RetryConfig

            # The key is an argument of no call that is shown, logged or kept.
            self._control = Pinecone(
                self._key,
                host=self._controller(),
                retry_config=RetryConfig(max_retries=0),
                **self._transport(),
            )
        return self._control

    def _controller(self) -> str | None:
        import os

        return self._query.get("control") or os.environ.get(CONTROL) or None

    def _reached(self, host: str) -> str:
        """A control plane names hosts without a scheme; what a local one names has no TLS."""
        if (self._controller() or "").startswith("http://"):
            return f"http://{host.removeprefix('https://').removeprefix('http://')}"
        return host

    def _open(self, host: str) -> "Index":
        from pinecone import Index

        index = Index(host=host, api_key=self._key, **self._transport())
        _without_retries(index)
        return index

    def _transport(self) -> dict[str, Any]:
        return {
            "timeout": self._options("timeout"),
            "ssl_ca_certs": self._options("ca_file"),
            "ssl_verify": self._options("verify"),
        }

    def _make(self, dimension: int) -> None:
        vectors = {"type": "dense_vector", "dimension": dimension, "metric": METRIC}
        self._plane().indexes.create(
            name=self._name,
            schema={"fields": {FIELD: vectors}},
            deployment={
                "deployment_type": "managed",
                "cloud": self._query.get("cloud", DEFAULT_CLOUD),
                "region": self._query.get("region", DEFAULT_REGION),
            },
            timeout=-1,
        )


def told(error: Exception, what: str, answers: Collection[int] = ()) -> VecstreamError | Again:
    """What a person should see for an error of the client, or that it may pass.

    Raises the error itself where its status is among `answers`, or the request was too large and
    413 is.
    """
    from pinecone import errors

    if isinstance(error, errors.PineconeConnectionError | errors.PineconeTimeoutError):
        hint = "Check the URI and the network; run again when the service is there."
        away = DatabaseError(f"{what}: {_sentence(error)}.", hint=hint)
        return away if "[SSL" in str(error) else Again(away)
    if not isinstance(error, errors.ApiError):
        return DatabaseError(f"{what}: {_sentence(error)}.")
    status, why = error.status_code, _sentence(error)
    if status in answers or (TOO_LARGE in answers and _too_large(status, why)):
        raise error
    if status == 401 or (status == 403 and "quota" not in why.lower()):
        return AuthenticationFailed(
            f"{what}: the API key is refused ({why}).",
            hint=f"Check {KEY}, which project it is of, and what it may do there.",
        )
    again = status in _PASSING and not (status == 429 and "month" in why.lower())
    if again:
        headers: Mapping[str, str] = error.headers or {}
        hint = "Run the same command again in a while; nothing that was written is lost."
        after = retry_after(headers.get("retry-after"))
        return Again(DatabaseError(f"{what}: {why}.", hint=hint), after)
    return DatabaseError(f"{what}: {why}.")


def _too_large(status: int, why: str) -> bool:
    """Whether a request was refused for its bytes."""
    return status == TOO_LARGE or (status == 400 and "maximum supported size" in why)


def _sentence(error: Exception) -> str:
    message = getattr(error, "message", None) or str(error) or type(error).__name__
    return str(message).splitlines()[0].rstrip(" .")[:300]


def _without_retries(index: Any) -> None:
    """Turn off the retries of the data plane's client, which has no argument for it (10.2).

    Should a later client lay them elsewhere, its three retries go on beneath ours, with no harm but
    time; a test tells.
    """
    from pinecone import RetryConfig

    client = getattr(getattr(index, "_http", None), "_client", None)
    transport: Any = getattr(client, "_transport", None)
    if hasattr(transport, "_config"):
        transport._config = RetryConfig(max_retries=0)


def _parted(uri: str | None) -> tuple[str | None, str, dict[str, str]]:
    """The index's name, or its host, and what the query says."""
    parts = urlsplit(uri or "")
    host = parts.netloc.rpartition("@")[2]
    if not host or parts.scheme not in ("pinecone", "http", "https"):
        raise UsageError(f"{uri or 'Pinecone'} does not say which index is meant.", hint=_FORMS)
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    if unknown := set(query) - {"cloud", "region", "control"}:
        raise UsageError(f"{sorted(unknown)[0]!r} in {uri} is not understood.", hint=_FORMS)
    if parts.scheme == "pinecone":
        return host, "", query
    return None, f"{parts.scheme}://{host}", query
