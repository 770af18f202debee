"""What Elasticsearch and OpenSearch refuse, as errors with a sentence and a hint."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vecstream_cli.adapters.retrying import Again
from vecstream_cli.errors import (
    AuthenticationFailed,
    CollectionNotFound,
    DatabaseError,
    VecstreamError,
)

PASSING = frozenset((408, 429, 502, 503, 504))
"""Statuses of an answer that may be another one a little later."""

_DISK = "Free some disk space on its nodes, then run the same command again."
_HINTS = {
    "media_type_header_exception": (
        "An Elasticsearch 8 server needs --db-option compatibility=8 with this client."
    ),
    "product": "Is it OpenSearch? Then say --db opensearch.",
    "tls": "Name its CA with --db-option ca_file=…, or its certificate's fingerprint.",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a request failed. `status` None: no answer came; `kind` is the server's own word, or
    one of ``connection``, ``timeout``, ``tls``, ``product``."""

    status: int | None
    kind: str
    reason: str
    after: float | None = None

    @classmethod
    def answered(cls, status: int, body: Any, after: float | None = None) -> "Fault":
        """From the body of an answer that refuses."""
        error = body.get("error") if isinstance(body, Mapping) else None
        if not isinstance(error, Mapping):
            return cls(status, "", str(error or body or f"HTTP status {status}"), after)
        cause = error
        while isinstance(cause.get("caused_by"), Mapping):
            cause = cause["caused_by"]
        reason = str(error.get("reason") or error.get("type"))
        deeper = str(cause.get("reason") or "")
        if deeper and deeper not in reason:
            reason = f"{reason}: {deeper}"
        return cls(status, str(error.get("type")), reason, after)


def verdict(fault: Fault, sentence: str, place: str, collection: str) -> VecstreamError | Again:
    """What to raise; `sentence` says what cannot be done."""
    why = " ".join(fault.reason.split())[:300].rstrip(" .") or "it did not answer"
    hint = _HINTS.get(fault.kind)
    if fault.status in (401, 403):
        return AuthenticationFailed(f"{sentence}: the credentials are refused ({why}).")
    if fault.status == 404 and fault.kind == "index_not_found_exception":
        return CollectionNotFound(f"There is no collection {collection!r} in {place}.")
    if "disk usage exceeded" in why:
        hint = _DISK
    if fault.kind == "tls":
        return DatabaseError(f"{sentence}: its certificate is not trusted ({why}).", hint=hint)
    if fault.kind in ("connection", "timeout"):
        away = "it took too long to answer" if fault.kind == "timeout" else "it cannot be reached"
        hint = "Check that it is running, and the host and port of --db-uri."
        return Again(DatabaseError(f"{sentence}: {away}.", hint=hint))
    error = DatabaseError(f"{sentence}: {why}.", hint=hint)
    return Again(error, after=fault.after) if fault.status in PASSING else error
