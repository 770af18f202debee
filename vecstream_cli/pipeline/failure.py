"""How a child's failure crosses the ring: as the name of an error class and plain strings."""

import traceback

from vecstream_cli import errors
from vecstream_cli.errors import InternalError, StageDied, VecstreamError
from vecstream_cli.hiding import hidden
from vecstream_cli.pipeline.messages import Broken


def broken(error: Exception, what: str) -> Broken:
    """The message for an error that ends a stage; `what` says which work it ended."""
    details = hidden("".join(traceback.format_exception(error)))[-8000:]
    if isinstance(error, VecstreamError):
        return Broken(type(error).__name__, error.message, error.hint, details)
    sentence = hidden(f"{what}: {type(error).__name__}: {error}").rstrip(".")[:500] + "."
    return Broken(InternalError.__name__, sentence, InternalError.default_hint, details)


def revived(message: Broken) -> VecstreamError:
    """The error in the supervisor, of its own class and with the child's traceback as a note."""
    kind = getattr(errors, message.error, StageDied)
    error: VecstreamError = kind(message.message, hint=message.hint)
    error.add_note(message.details)
    return error
