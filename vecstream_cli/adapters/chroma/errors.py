"""Chroma's failures, and those of the way to it, as errors with a sentence and a hint."""

import ssl
from collections.abc import Iterator
from typing import Any

from vecstream_cli.adapters.retrying import Again, retry_after
from vecstream_cli.errors import AuthenticationFailed, DatabaseError, VecstreamError

_STATUSES_THAT_PASS = frozenset((429, 502, 503, 504))

# The last two come where another process writes to the folder meanwhile: this one's index is
# behind, and is opened again.
_PASSING = ("database is locked", "Error finding id", "Nothing found on disk")


def is_not_found(error: BaseException) -> bool:
    """Whether Chroma says that a collection is not there."""
    from chromadb.errors import NotFoundError

    return isinstance(error, NotFoundError)


def told(error: Exception, action: str, place: str) -> VecstreamError | Again:
    """What the client raised, as an error for a person, or as what may pass."""
    import httpx
    from chromadb.errors import AuthorizationError, ChromaAuthError, RateLimitError

    for cause in _causes(error):
        if isinstance(cause, httpx.HTTPStatusError):
            return _refused(cause.response, action, place)
        if isinstance(cause, ssl.SSLCertVerificationError):
            return DatabaseError(
                f"Cannot {action} {place}: its certificate is not trusted: {cause.verify_message}.",
                hint="Give its authority with --db-option ca_file=FILE.",
            )
        if isinstance(cause, httpx.TimeoutException):
            return Again(
                DatabaseError(
                    f"Cannot {action} {place}: the server takes too long to answer.",
                    hint="Look at the server, or give it more: --db-option timeout=SECONDS.",
                )
            )
        if isinstance(cause, httpx.TransportError):
            return Again(
                DatabaseError(
                    f"Cannot {action} {place}: {_line(cause)}.",
                    hint="Check that the Chroma server runs there, then run again.",
                )
            )
    plain = DatabaseError(f"Cannot {action} {place}: {_line(error)}.")
    if isinstance(error, AuthorizationError | ChromaAuthError):
        return AuthenticationFailed(f"Cannot {action} {place}: the credentials are refused.")
    if isinstance(error, RateLimitError) or any(each in str(error) for each in _PASSING):
        return Again(plain)
    return plain


def _refused(response: Any, action: str, place: str) -> VecstreamError | Again:
    status = response.status_code
    if status in (401, 403):
        return AuthenticationFailed(f"Cannot {action} {place}: the credentials are refused.")
    # Chroma answers in JSON; what stands in front of it answers in anything.
    try:
        why = str(response.json().get("message") or "")
    except (ValueError, AttributeError):
        why = ""
    why = _first(why) or f"the server answers {status} {response.reason_phrase}"
    error = DatabaseError(f"Cannot {action} {place}: {why}.")
    if status in _STATUSES_THAT_PASS or "database is locked" in why:
        return Again(error, after=retry_after(response.headers.get("retry-after")))
    return error


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _line(error: BaseException) -> str:
    return _first(str(error)) or type(error).__name__


def _first(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[0].rstrip(" .:,")[:300] if lines else ""
