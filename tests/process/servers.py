"""Runs into the collection of a database server: a real one, started for the session."""

import contextlib
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from adapters.servers.chroma import ChromaServer
from adapters.servers.chroma import chroma_server as chroma_server  # a fixture
from adapters.servers.postgres import Postgres
from adapters.servers.postgres import postgres as postgres  # a fixture
from conftest import Vecstream

from vecstream_cli.adapters.base import Adapter
from vecstream_cli.adapters.registry import connect
from vecstream_cli.adapters.schema import ROW_COLUMNS
from vecstream_cli.secret import Secret
from vecstream_cli.settings import Settings


class IntoServer(Vecstream):
    """Runs the installed command with a collection on a server."""

    def __init__(
        self, folder: Path, model: Path, db: str, uri: str, password: str | None = None
    ) -> None:
        super().__init__(folder, model)
        self.db, self.uri, self.password = db, uri, password
        self.collection = f"documents{uuid.uuid4().hex[:8]}"
        self.options: tuple[str, ...] = ()
        if password is not None:
            self.environment["VECSTREAM_DB_PASSWORD"] = password

    def place(self) -> list[str]:
        options = [part for text in self.options for part in ("--db-option", text)]
        where = ["--db", self.db, "--db-uri", self.uri, "--collection", self.collection]
        return [*where, *options]

    def settings(self) -> Settings:
        return Settings(
            db=self.db,
            db_uri=self.uri,
            db_password=None if self.password is None else Secret(self.password),
            db_option=self.options,
            collection=self.collection,
        )

    @contextlib.contextmanager
    def adapter(self, *, read_only: bool = True) -> Iterator[Adapter]:
        """The collection."""
        with connect(self.settings().endpoint, self.collection, read_only=read_only) as adapter:
            yield adapter

    @property
    def manifests(self) -> Path:
        (found,) = (self.folder / "state").glob("vecstream/*")
        return found

    @contextlib.contextmanager
    def elsewhere(self) -> Iterator[None]:
        kept, self.collection = self.collection, f"{self.collection}scratch"
        yield
        self.forget()
        for file in self.manifests.glob(f"{self.collection}.*"):
            file.unlink()
        self.collection = kept

    def forget(self) -> None:
        with self.adapter(read_only=False) as adapter:
            if adapter.record() is not None:
                adapter.drop()

    def exists(self) -> bool:
        with self.adapter() as adapter:
            return adapter.record() is not None

    def is_tidy(self) -> bool:
        with self.adapter() as adapter:
            locked = adapter.keeps_locks and adapter.read_lock() is not None
        build = connect(self.settings().endpoint, f"{self.collection}--build", read_only=True)
        with build:
            return not locked and build.record() is None

    def rows(self, *columns: str) -> list[dict[str, Any]]:
        with self.adapter() as adapter:
            found = [row for batch in adapter.scan(ROW_COLUMNS) for row in batch.to_pylist()]
        found.sort(key=lambda row: (row["source"], row["path"], row["ordinal"]))
        return [{name: row[name] for name in columns} for row in found] if columns else found


def into(folder: Path, patch: pytest.MonkeyPatch, vecstream: IntoServer) -> IntoServer:
    """The same with a state directory of its own, for it and for this process."""
    state = str(folder / "state")
    patch.setenv("XDG_STATE_HOME", state)
    vecstream.environment["XDG_STATE_HOME"] = state
    return vecstream


@pytest.fixture
def into_postgres(
    tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch, postgres: Postgres
) -> IntoServer:
    """The command with a collection in PostgreSQL."""
    uri, password = postgres.database(), postgres.password
    made = IntoServer(tmp_path, tiny_model, "pgvector", uri, password)
    return into(tmp_path, monkeypatch, made)


@pytest.fixture
def into_chroma(
    tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch, chroma_server: ChromaServer
) -> IntoServer:
    """The command with a collection in Chroma."""
    made = IntoServer(tmp_path, tiny_model, "chroma", chroma_server.uri)
    return into(tmp_path, monkeypatch, made)
