"""Weaviate's failures as errors with a sentence and a hint, and which of them may pass."""

import re
from dataclasses import dataclass
from typing import Any

from vecstream_cli.adapters.retrying import Again
from vecstream_cli.errors import AuthenticationFailed, DatabaseError, VecstreamError

# What a node says of itself or of another while a leader is elected, a replica is away, or it is
# short of memory; most of it comes as status 500 or, over gRPC, as UNKNOWN.
_PASSING = re.compile(
    r"leader not found|no leader|deadline exceeded|timed? ?out|unavailable|connection re(fused|set)"
    r"|broken pipe|shutting down|memory pressure|not enough memory|too many requests"
    r"|maintenance mode|unexpected EOF|cannot (reach|achieve) ",
    re.IGNORECASE,
)
_REFUSED = re.compile(r"unauthorized|unauthenticated|forbidden|invalid api key", re.IGNORECASE)
_BUSY = frozenset((408, 425, 429, 502, 503, 504))
_PASSING_CODES = frozenset(("UNAVAILABLE", "DEADLINE_EXCEEDED", "ABORTED", "CANCELLED"))
# A node that has not heard yet of the class that another has just made.
_LATE = re.compile(r"target class \S+ does not exist")
_UNTRUSTED = "CERTIFICATE_VERIFY_FAILED"
_NO_CONNECTION = re.compile(r"failed to connect|connection refused|connect: ", re.IGNORECASE)
_CUT = re.compile(r"RST_STREAM|GOAWAY|stream (removed|closed)|socket closed", re.IGNORECASE)
_AWAY = "Check that it runs, and that both ports can be reached: REST's and gRPC's."


@dataclass(frozen=True, slots=True)
class Refused(Exception):
    """An answer over HTTP that says no."""

    status: int
    message: str
    after: float | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """Turns what a request raised into ``Cannot ACTION in PLACE: why.``"""

    action: str
    place: str
    grpc: str

    def __call__(self, error: Exception) -> VecstreamError | Again:
        import grpc  # type: ignore[import-untyped]
        import httpx

        if isinstance(error, httpx.TransportError):
            if _UNTRUSTED in str(error):
                return self._untrusted()
            slow = isinstance(error, httpx.TimeoutException)
            why = "it took too long to answer" if slow else f"it does not answer ({_line(error)})"
            return Again(self._failed(why, _AWAY))
        if isinstance(error, Refused):
            if error.status in (401, 403):
                return self.refused(error.message)
            failed = self._failed(error.message)
            passing = error.status in _BUSY or (
                error.status >= 500 and _PASSING.search(error.message) is not None
            )
            passing = passing or _LATE.search(error.message) is not None
            return Again(failed, after=error.after) if passing else failed
        if isinstance(error, grpc.RpcError):
            return self._rpc(error)
        return self._failed(_line(error))

    def _rpc(self, error: Any) -> VecstreamError | Again:
        code, details = error.code().name, _line(error.details() or "")
        if code in ("UNAUTHENTICATED", "PERMISSION_DENIED") or (
            code == "UNKNOWN" and _REFUSED.search(details)
        ):
            return self.refused(details)
        if _UNTRUSTED in details:
            return self._untrusted()
        if code == "UNAVAILABLE" and _NO_CONNECTION.search(details):
            return Again(self._failed(f"its gRPC port {self.grpc} does not answer", _AWAY))
        if code == "DEADLINE_EXCEEDED":
            return Again(self._failed("it took too long to answer", _AWAY))
        failed = self._failed(f"{details} ({code})")
        if code == "RESOURCE_EXHAUSTED" and "larger than max" in details:
            return failed
        passing = code in _PASSING_CODES or code == "RESOURCE_EXHAUSTED"
        if passing or _PASSING.search(details) or _CUT.search(details):
            return Again(failed)
        return failed

    def refused(self, why: str) -> AuthenticationFailed:
        """The credentials are not good for it."""
        return AuthenticationFailed(
            f"Cannot {self.action} in {self.place}: the credentials are refused.",
            hint=f"Give an API key in WEAVIATE_API_KEY. The server says: {why[:200]}",
        )

    def some_rows(self, failed: list[tuple[str, str]], total: int) -> DatabaseError | Again:
        """The error for (id, reason) of rows that were not taken; passing if all of them are."""
        row_id, reason = failed[0]
        error = self._failed(
            f"{len(failed)} of {total} rows were not taken, the first of them {row_id}:"
            f" {_line(reason)}"
        )
        return Again(error) if all(_PASSING.search(why) for _, why in failed) else error

    def _untrusted(self) -> DatabaseError:
        return self._failed(
            "its certificate cannot be verified",
            "Name the certificates that it is signed by with --db-option ca_file=FILE.",
        )

    def _failed(self, why: str, hint: str | None = None) -> DatabaseError:
        return DatabaseError(f"Cannot {self.action} in {self.place}: {why.rstrip('.')}.", hint=hint)


def _line(error: object) -> str:
    text = " ".join(str(error).split())
    return text[:300] or type(error).__name__
