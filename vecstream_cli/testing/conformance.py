"""The conformance suite: what every adapter must do, against its real database.

The tests are methods of `Conformance`; a test class that derives from it names an adapter and
where its database is, and pytest collects them all. A test that does not apply is skipped, and
says why. On a server each test uses a collection of its own, which is dropped after it.
"""

import contextlib
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import ClassVar, Protocol
from urllib.parse import urlsplit, urlunsplit

import pytest

from vecstream_cli.adapters.base import Adapter
from vecstream_cli.adapters.registry import adapter_class, connect
from vecstream_cli.endpoint import Endpoint
from vecstream_cli.errors import CollectionNotFound
from vecstream_cli.secret import Secret, parted
from vecstream_cli.testing.deleting import Deleting
from vecstream_cli.testing.failing import Failing
from vecstream_cli.testing.locking import Locking
from vecstream_cli.testing.proxy import Proxy
from vecstream_cli.testing.rows import RECORD
from vecstream_cli.testing.searching import Searching
from vecstream_cli.testing.writing import Writing


class Opener(Protocol):
    """Opens the test's database once more."""

    def __call__(
        self,
        *,
        read_only: bool = False,
        collection: str | None = None,
        database: Endpoint | None = None,
    ) -> Adapter: ...


class Conformance(Writing, Deleting, Searching, Failing, Locking):
    """Derive from it and set `name`, and `uri` but for an embedded database.

    Where the database has to be started first, override the fixture `database`. Where it asks for
    credentials, override `intruder`; where a URI's port is not all that is talked to, `behind`.
    """

    name: ClassVar[str]
    uri: ClassVar[str | None] = None
    password: ClassVar[str | None] = None
    options: ClassVar[Mapping[str, str]] = {}

    @pytest.fixture
    def database(self, tmp_path: Path) -> Endpoint:
        """Where the database is; an embedded one is a new folder for each test."""
        if self.uri is None:
            return Endpoint(name=self.name, uri=str(tmp_path / "db"), options=self.options)
        uri, password = parted(self.uri)
        password = Secret(self.password) if self.password is not None else password
        return Endpoint(name=self.name, uri=uri, password=password, options=self.options)

    def intruder(self, database: Endpoint) -> Endpoint | None:
        """The same database with credentials that it refuses; None where it asks for none."""
        return None

    @contextlib.contextmanager
    def behind(self, database: Endpoint) -> Iterator[tuple[Endpoint, Proxy]]:
        """The same database, reached by way of a proxy on this machine."""
        parts = urlsplit(database.uri or "")
        if parts.hostname is None or parts.port is None:
            pytest.skip("the database's URI has no host and port to stand in front of")
        login, at, _ = parts.netloc.rpartition("@")
        with Proxy(parts.hostname, parts.port) as proxy:
            netloc = f"{login}{at}127.0.0.1:{proxy.port}"
            uri = urlunsplit(parts._replace(netloc=netloc))
            yield _with(database, uri=uri), proxy

    @pytest.fixture
    def collection(self) -> str:
        """The name of the test's collection; nothing is there at first."""
        return f"test{uuid.uuid4().hex[:12]}"

    @pytest.fixture
    def reopen(self, database: Endpoint, collection: str) -> Iterator[Opener]:
        """Opens the database as often as it is called; all is closed, and dropped, at the end."""
        adapters: list[Adapter] = []
        used = {collection: database}

        def open_one(
            *,
            read_only: bool = False,
            collection: str | None = None,
            database: Endpoint | None = None,
            ours: str = collection,
            here: Endpoint = database,
        ) -> Adapter:
            used.setdefault(collection or ours, here)
            adapters.append(connect(database or here, collection or ours, read_only=read_only))
            return adapters[-1]

        yield open_one
        for adapter in adapters:
            adapter.close()
        if adapter_class(database.name).local_folder(database.uri) is None:
            for name, place in used.items():
                with connect(place, name, read_only=False) as last:
                    with contextlib.suppress(CollectionNotFound):
                        last.drop()
                    if last.keeps_locks:
                        last.swap_lock(last.read_lock(), None)

    @pytest.fixture
    def adapter(self, reopen: Opener) -> Adapter:
        """A collection that was just made, open for writing."""
        made = reopen()
        made.create(RECORD)
        return made

    @pytest.fixture
    def through(
        self, database: Endpoint, reopen: Opener
    ) -> Iterator[Callable[[str], tuple[Adapter, Proxy]]]:
        """Opens the test's collection behind a proxy, with a deadline in seconds."""
        if "deadline" not in adapter_class(database.name).options:
            pytest.skip("an embedded database has no server that may be away")
        with self.behind(database) as (other, proxy):

            def open_one(deadline: str) -> tuple[Adapter, Proxy]:
                patient = _with(other, options={**other.options, "deadline": deadline})
                return reopen(database=patient), proxy

            yield open_one
            proxy.up()


def _with(
    database: Endpoint, *, uri: str | None = None, options: Mapping[str, str] | None = None
) -> Endpoint:
    return Endpoint(
        name=database.name,
        uri=database.uri if uri is None else uri,
        password=database.password,
        options=database.options if options is None else options,
    )
