"""Every error a user can meet: its exit code, its sentence, its hint.

    VecstreamError                 1   the run failed
    ├── UsageError                 2   the command line or the configuration is wrong
    ├── CollectionNotFound        10
    ├── CollectionLocked          11
    ├── AuthenticationFailed      12
    ├── FingerprintMismatch       13   another model or chunking made this collection
    ├── CeilingError              14   the memory ceiling is too small, or was exceeded
    ├── RequirementMissing         1   a file that --require names is not there
    ├── ModelError                 1   a model that is not to be had, or cannot be used
    │   └── ModelNotHere           1   one that would have to be fetched from the hub first
    ├── DatabaseError              1
    │   └── ForeignCollection      1   a table that vecstream did not make
    ├── ManifestError              1
    │   ├── ManifestDamaged        1   it cannot be read
    │   └── ManifestVoid           1   it describes another state of the collection
    ├── StageDied                  1   inference or the writer ended unexpectedly
    ├── InternalError              1   a bug of ours
    └── Interrupted      129/130/143   by signal

    DocumentError                  costs a document, never the run

A message is one sentence of what happened; `hint` is one sentence of what to do. Both are kept
free of secrets here.
"""

import signal
from enum import IntEnum
from pathlib import Path

from vecstream_cli.hiding import hidden


class ExitCode(IntEnum):
    """What the process returns: the table of codes, the most severe first, each with its meaning.

    docs/exit-codes.md and the README repeat it, and a test holds them to it.
    """

    meaning: str

    INTERRUPT = 130, "interrupted"
    TERMINATED = 143, "terminated"
    HANGUP = 129, "hung up"
    FAILED = 1, "failed"
    USAGE = 2, "the command line or the configuration is wrong"
    LOCKED = 11, "another run is working on this collection"
    NO_COLLECTION = 10, "no such collection"
    CEILING = 14, "the memory ceiling is too small, or was exceeded"
    FINGERPRINT = 13, "the collection was made with another model or other chunks"
    AUTHENTICATION = 12, "the database refused the credentials"
    DELETIONS_HELD = 25, "done, but deletions were held back"
    DOCUMENTS_FAILED = 3, "done, but some documents failed"
    DONE = 0, "done"

    def __new__(cls, value: int, meaning: str = "") -> "ExitCode":
        code = int.__new__(cls, value)
        code._value_ = value
        code.meaning = meaning
        return code

    @property
    def succeeded(self) -> bool:
        """The work is done and nobody has to be called: what a monitor is told."""
        return self in (ExitCode.DONE, ExitCode.DOCUMENTS_FAILED)


def worst(*codes: ExitCode) -> ExitCode:
    """The code to end with when several apply."""
    return min(codes, key=list(ExitCode).index, default=ExitCode.DONE)


class VecstreamError(Exception):
    """The run failed."""

    exit_code: ExitCode = ExitCode.FAILED
    default_hint: str = "Run again with --debug for the details."

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        self.message = hidden(message)
        super().__init__(self.message)
        self.hint = self.default_hint if hint is None else hidden(hint)


class UsageError(VecstreamError):
    """The command line, the configuration or the environment is wrong."""

    exit_code = ExitCode.USAGE
    default_hint = "See `vecstream --help`."


class CollectionNotFound(VecstreamError):
    """The database has no such collection."""

    exit_code = ExitCode.NO_COLLECTION
    default_hint = "Make it with `vecstream index PATH`, or name another with --collection."


class CollectionLocked(VecstreamError):
    """Another run holds the collection's lock."""

    exit_code = ExitCode.LOCKED
    default_hint = "Wait for that run to end, or pass --lock-wait SECONDS."


class AuthenticationFailed(VecstreamError):
    """The database refused the credentials."""

    exit_code = ExitCode.AUTHENTICATION
    default_hint = "Check the user, the password and the database's URI."


class FingerprintMismatch(VecstreamError):
    """The collection was made with another model, precision or chunking."""

    exit_code = ExitCode.FINGERPRINT
    default_hint = (
        "Use the settings it was made with, or pass --rebuild to make it anew beside the live one."
    )


class CeilingError(VecstreamError):
    """`--max-memory` is too small to work, or was exceeded."""

    exit_code = ExitCode.CEILING
    default_hint = "Raise --max-memory, or lower --buffer and --parsers."


class RequirementMissing(VecstreamError):
    """A file that has to be there is not: the source may not be mounted."""

    default_hint = "Mount what it lies on, then run again; nothing was looked at or removed."


class ModelError(VecstreamError):
    """The model is not to be had, or is of a kind vecstream cannot run."""

    default_hint = "Name a local folder, an installed model package or a cached hub model."


class ModelNotHere(ModelError):
    """The model would have to be fetched from the hub first."""

    default_hint = "The next `vecstream index` fetches it."


class DatabaseError(VecstreamError):
    """The database failed or refused."""

    default_hint = "Check that the database can be reached and written, then run again."


class ForeignCollection(DatabaseError):
    """The table exists, but vecstream did not make it; it is never altered."""

    default_hint = "Name another --collection; vecstream never writes to a table it did not make."


class ManifestError(VecstreamError):
    """The manifest cannot be opened, or a newer vecstream wrote it."""

    default_hint = "Check the database folder's permissions and free space."


class ManifestDamaged(ManifestError):
    """The manifest's file is damaged."""

    default_hint = "Run `vecstream check --repair`, which makes it anew from the rows."


class ManifestVoid(ManifestError):
    """The manifest is missing, or not about the collection as it is; `index` makes it anew."""

    default_hint = "Run `vecstream check --repair`, or `vecstream index`: both make it anew."

    def __init__(self, collection: str, path: Path) -> None:
        super().__init__(f"The manifest does not know what is in collection {collection!r}.")
        self.collection = collection
        self.path = path


class StageDied(VecstreamError):
    """Inference or the writer ended unexpectedly; what was acknowledged is kept."""

    default_hint = "Run the same command again; it goes on where this run stopped."


class InternalError(VecstreamError):
    """An invariant of vecstream's own broke."""

    default_hint = "This is a bug: please report it with the output of the same run with --debug."


class Interrupted(VecstreamError):
    """A signal ended the run; what was written is committed."""

    default_hint = "Run the same command again; it goes on where this run stopped."

    def __init__(self, signum: int) -> None:
        super().__init__(f"Interrupted by {signal.Signals(signum).name}.")
        self.signum = signum
        self.exit_code = ExitCode(128 + signum)


class DocumentError(Exception):
    """Costs one document: a stable reason code and a sentence for a person.

    `reason` is a short kebab-case code that scripts may match, such as ``encrypted``,
    ``malformed``, ``empty``, ``unreadable``, ``changed-while-reading``, ``timeout``,
    ``out-of-memory``, ``crashed``.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(reason, message)
        self.reason = reason
        self.message = message

    def __str__(self) -> str:
        return self.message
