"""Milvus Lite: the calls of Milvus's service, answered in this process from a folder."""

import threading
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from vecstream_cli.adapters.milvus.wire import answered
from vecstream_cli.errors import DatabaseError


@dataclass(slots=True)
class _Opened:
    database: Any
    service: Any
    users: int = 0


# One process at a time may have a folder open, so all of one process share it.
_open: dict[Path, _Opened] = {}
_lock = threading.Lock()


class Lite:
    """A database in a folder; nothing listens anywhere."""

    def __init__(self, folder: Path) -> None:
        self._folder: Path | None = folder
        with _lock:
            if folder not in _open:
                _open[folder] = _opened(folder)
            self._shared = _open[folder]
            self._shared.users += 1

    def make(self, name: str, request: Any) -> Any:
        context = SimpleNamespace(invocation_metadata=tuple)
        return answered(getattr(self._shared.service, name)(request, context))

    def close(self) -> None:
        with _lock:
            if self._folder is None:
                return
            self._shared.users -= 1
            if self._shared.users == 0:
                del _open[self._folder]
                self._shared.database.close()
            self._folder = None


def _opened(folder: Path) -> _Opened:
    from milvus_lite import DataDirLockedError, MilvusLite  # type: ignore[import-untyped]
    from milvus_lite.adapter.grpc.servicer import (  # type: ignore[import-untyped]
        MilvusServicer,
    )

    if folder.is_file():
        raise DatabaseError(
            f"{folder} is a file: a database of Milvus Lite 2, which version 3 does not read.",
            hint="Name another folder that ends in .db.",
        )
    try:
        database = MilvusLite(str(folder))
    except DataDirLockedError:
        raise DatabaseError(
            f"Another process has the database {folder} open, and Milvus Lite lets in only one.",
            hint="Run again when it has ended, or use a Milvus server.",
        ) from None
    except OSError as error:
        raise DatabaseError(f"Cannot open the database {folder}: {error.strerror}.") from error
    return _Opened(database, MilvusServicer(database))
