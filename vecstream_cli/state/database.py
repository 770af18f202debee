"""A SQLite file of ours: opened privately, migrated forward, its errors put into sentences."""

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec, Protocol, TypeVar
from urllib.parse import quote

from vecstream_cli.errors import ManifestDamaged, ManifestError

APPLICATION_ID = 0x76637374  # "vcst", for `file` and for refusing a database that is not ours

Migration = Sequence[str]


def connect(path: Path, *, create: bool, read_only: bool) -> sqlite3.Connection:
    """An open connection, in autocommit, to the database at `path`.

    Readable by its owner alone, and durable: what a transaction committed survives a power cut.
    Raises ManifestError.
    """
    try:
        if create and not read_only:
            _touch(path)
        return _connect_read_only(path) if read_only else _connect(path)
    except (OSError, sqlite3.Error) as error:
        raise explain(error, path) from error


def migrate(db: sqlite3.Connection, path: Path, migrations: Sequence[Migration]) -> None:
    """Bring the schema to the version `len(migrations)`, whole or not at all.

    Raises ManifestError where a newer vecstream or another program wrote the file.
    """
    with transaction(db):
        version = check_version(db, path, newest=len(migrations))
        for statements in migrations[version:]:
            for statement in statements:
                db.execute(statement)
        if version < len(migrations):
            db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            db.execute(f"PRAGMA user_version = {len(migrations)}")


def check_version(db: sqlite3.Connection, path: Path, *, newest: int) -> int:
    """The schema version of the file, at most `newest`; 0 where it is empty."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    (application,) = db.execute("PRAGMA application_id").fetchone()
    (tables,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application != APPLICATION_ID and (application or tables):
        raise ManifestError(
            f"{path} is a database of another program.", hint="Move it away and run again."
        )
    if version > newest:
        raise ManifestError(
            f"A newer vecstream wrote {path} (schema {version}; this one knows {newest}).",
            hint="Upgrade vecstream.",
        )
    return int(version)


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All of the block or nothing of it; durable when it ends."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:  # some errors, such as a full disk, have already rolled it back
            db.execute("ROLLBACK")
        raise


def stillness(path: Path) -> tuple[int, ...] | None:
    """The state of a file that nobody has open to write; None where somebody may have.

    While two looks agree, what was read of it in between is whole.
    """
    try:
        if path.with_name(f"{path.name}-wal").exists():
            return None
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino


class HasPath(Protocol):
    """Whatever keeps its data in a file of ours."""

    @property
    def path(self) -> Path: ...


_Self = TypeVar("_Self", bound=HasPath)
_Args = ParamSpec("_Args")
_Result = TypeVar("_Result")


def explained(
    method: Callable[Concatenate[_Self, _Args], _Result],
) -> Callable[Concatenate[_Self, _Args], _Result]:
    """A method whose SQLite errors become ManifestErrors that name the file."""

    @wraps(method)
    def call(self: _Self, /, *args: _Args.args, **kwargs: _Args.kwargs) -> _Result:
        try:
            return method(self, *args, **kwargs)
        except sqlite3.Error as error:
            raise explain(error, self.path) from error

    return call


def explain(error: OSError | sqlite3.Error, path: Path) -> ManifestError:
    """The error in one sentence, with what to do about it."""
    if isinstance(error, OSError):
        return ManifestError(f"The manifest {path} cannot be opened: {error.strerror or error}.")
    # The low byte is the kind; the rest says which of its variants (sqlite.org/rescode.html).
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return ManifestDamaged(f"The manifest {path} is damaged: {error}.")
    problem = {
        sqlite3.SQLITE_FULL: "cannot grow: the disk is full",
        sqlite3.SQLITE_READONLY: "cannot be written: it is read-only",
        sqlite3.SQLITE_CANTOPEN: "cannot be opened",
        sqlite3.SQLITE_PERM: "cannot be opened: permission denied",
        sqlite3.SQLITE_BUSY: "is in use by another process",
        sqlite3.SQLITE_IOERR: f"cannot be read or written: {error}",
    }.get(code, f"failed: {error}")
    return ManifestError(f"The manifest {path} {problem}.")


def _touch(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # SQLite gives the -wal and -shm files the mode of this one.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(_uri(path, mode="rw"), uri=True, isolation_level=None, timeout=10.0)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA cache_size = -8192")  # KiB
        db.execute("PRAGMA journal_size_limit = 16777216")
    except BaseException:
        db.close()
        raise
    return db


def _connect_read_only(path: Path) -> sqlite3.Connection:
    # In WAL mode even a reader makes the -wal and -shm files, and leaves them behind. Where there
    # are none nobody has it open to write, so the file can be taken as it lies.
    uri = _uri(path, mode="ro") + ("&immutable=1" if stillness(path) else "")
    db = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=10.0)
    try:
        db.execute("PRAGMA query_only = ON")
        db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except BaseException:
        db.close()
        raise
    return db


def _uri(path: Path, *, mode: str) -> str:
    return f"file:{quote(os.fsencode(path.absolute()))}?mode={mode}"
