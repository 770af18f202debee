"""LanceDB's failures as errors with a sentence and a hint."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from vecstream_cli.errors import AuthenticationFailed, DatabaseError, VecstreamError

# lance appends the place in its own source: ", /root/.cargo/registry/…/object_store.rs:1000:21"
_SOURCE_PLACE = re.compile(r",? ?/[^\s,]*\.rs:\d+(:\d+)?")
_WRAPPING = re.compile(r"^(lance error: )?(LanceError\((\w+)\): )?(External error: )?")
_OS_ERROR = re.compile(r"os error (\d+)|Errno (\d+)")
_CREDENTIALS = re.compile(
    r"Unauthenticated|Unauthorized|AccessDenied|InvalidAccessKeyId|SignatureDoesNotMatch"
    r"|ExpiredToken|NoCredentials|\b401\b|\b403\b"
)
_BY_ERRNO = {
    1: ("permission is denied", "Check who owns the folder and may write to it."),
    13: ("permission is denied", "Check who owns the folder and may write to it."),
    17: ("a file stands where its folder should be", "Name another folder with --db-uri."),
    20: ("a file stands where its folder should be", "Name another folder with --db-uri."),
    24: ("too many files are open", "Raise the limit with `ulimit -n 4096` and run again."),
    28: ("no space is left on its disk", "Free some space, then run the same command again."),
    30: ("its file system is read-only", "Make it writable, or name another with --db-uri."),
    122: ("its disk quota is used up", "Free some space, then run the same command again."),
}


@contextmanager
def lance_errors(action: str, place: str) -> Iterator[None]:
    """Turn what LanceDB raises into ``Cannot ACTION PLACE: why.``"""
    try:
        yield
    except (VecstreamError, NotImplementedError):
        raise
    except Exception as error:
        raise translated(error, action, place) from error
    except BaseException as error:
        # A Rust panic, which pyo3 derives from BaseException; an interrupt is let through.
        if type(error).__name__ != "PanicException":
            raise
        raise translated(error, action, place) from error


def translated(error: BaseException, action: str, place: str) -> DatabaseError | VecstreamError:
    """The error a person should see for what LanceDB raised."""
    text = str(error)
    if found := _OS_ERROR.search(text):
        number = int(found.group(1) or found.group(2))
        if number in _BY_ERRNO:
            why, hint = _BY_ERRNO[number]
            return DatabaseError(f"Cannot {action} {place}: {why}.", hint=hint)
    if _CREDENTIALS.search(text):
        return AuthenticationFailed(f"Cannot {action} {place}: the credentials are refused.")
    return DatabaseError(f"Cannot {action} {place}: {_first_sentence(text, error)}.")


def _first_sentence(text: str, error: BaseException) -> str:
    plain = _WRAPPING.sub("", _SOURCE_PLACE.sub("", text)).strip()
    line = plain.splitlines()[0] if plain else type(error).__name__
    return line.rstrip(" .:,")[:300]
