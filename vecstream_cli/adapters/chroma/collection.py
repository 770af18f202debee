"""One collection of a Chroma database: asked, with patience, and read and deleted by pages."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from vecstream_cli.adapters.chroma.client import let_go
from vecstream_cli.adapters.chroma.errors import is_not_found, told
from vecstream_cli.adapters.chroma.filter import Where
from vecstream_cli.adapters.chroma.rows import include, page_size, written
from vecstream_cli.adapters.retrying import Retrying
from vecstream_cli.errors import CollectionNotFound

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]

_MOST_ROWS = 2_000  # a request of more is no faster

_T = TypeVar("_T")


class ChromaCollection:
    """A collection by its name, whether it is there or not; connects when it is first asked.

    ``connect`` makes a client; None: there is nothing, and nothing may be made. ``version`` tells
    what another process may have changed: Chroma in a folder keeps the index in memory, and has to
    be opened again to see what others wrote.
    """

    def __init__(
        self,
        connect: Callable[[], Any] | None,
        place: str,
        name: str,
        deadline: float,
        version: Callable[[], object] | None = None,
    ) -> None:
        self._connect = connect
        self._place = place
        self._name = name
        self._deadline = deadline
        self._version = version
        self._opened: object = None
        self._known_client: Any = None
        self._known: Any = None
        self._most_rows = 0

    @property
    def exists_not(self) -> bool:
        """There is not even a database."""
        return self._connect is None

    def call(self, action: str, call: Callable[[], _T]) -> _T:
        """What `call` returns, made again for as long as it may help."""
        doing = f"{action} the collection {self._name!r} in"
        return Retrying(lambda error: told(error, doing, self._place), self._deadline)(call)

    def call_if_there(self, action: str, call: Callable[[], _T]) -> _T | None:
        """The same; None where Chroma says that what is asked for is not there."""

        def tried() -> _T | None:
            try:
                return call()
            except Exception as error:
                if is_not_found(error):
                    return None
                raise

        return self.call(action, tried)

    def client(self) -> Any:
        """The client of the database."""
        if self._known_client is None:
            if self._connect is None:
                raise self.not_found()
            self._opened = self._version() if self._version else None
            self._known_client = self.call("open", self._connect)
        return self._known_client

    def found(self, *, fresh: bool = False) -> Any:
        """The collection, or None where there is none; remembered once found, unless `fresh`."""
        if fresh:
            self._known = None
        if self._known is None and self._connect is not None:
            client = self.client()
            self._known = self.call_if_there(
                "open", lambda: client.get_collection(self._name, embedding_function=None)
            )
        return self._known

    def ask(self, action: str, call: Callable[[Any], _T]) -> _T:
        """What `call` returns for the collection: for the one that took its place, if one did."""

        def answer(fresh: bool) -> tuple[_T] | None:
            if self._version and self._known_client and self._version() != self._opened:
                self.close()
            collection = self.found(fresh=fresh)
            return None if collection is None else (call(collection),)

        for fresh in (False, True):
            if (answered := self.call_if_there(action, partial(answer, fresh))) is not None:
                return answered[0]
        raise self.not_found()

    def not_found(self) -> CollectionNotFound:
        """The error for a collection that is not there."""
        return CollectionNotFound(f"There is no collection {self._name!r} in {self._place}.")

    def most_rows(self) -> int:
        """How many rows a request may have."""
        if not self._most_rows:
            most = int(self.call("open", self.client().get_max_batch_size))
            self._most_rows = min(most, _MOST_ROWS) if most > 0 else _MOST_ROWS
        return self._most_rows

    def upsert(self, part: "pa.RecordBatch") -> None:
        """Put these rows in, in the place of those with their ids."""
        rows = written(part)
        self.ask("write to", lambda collection: collection.upsert(**rows))

    def update(self, part: "pa.RecordBatch") -> None:
        """The same for rows that are there, whose vectors stay."""
        rows = {**written(part), "embeddings": None}
        client = self.client()
        # A collection's own `update` would want a model to embed the documents with.
        self.ask("write to", lambda collection: client._update(collection_id=collection.id, **rows))

    def get(self, wanted: Sequence[str], **which: Any) -> Any:
        """Rows by `ids` or `where`, from `offset` up to `limit`, with what is wanted of them."""
        return self.ask("read", lambda collection: collection.get(**which, include=list(wanted)))

    def pages(
        self, columns: Sequence[str], dimension: int, where: Where | None = None
    ) -> Iterator[Any]:
        """All rows that match, as many at a time as may be in memory."""
        size, offset = page_size(columns, dimension), 0
        wanted = include(columns)
        while True:
            found = self.get(wanted, where=where, limit=size, offset=offset)
            if found["ids"]:
                yield found
            if len(found["ids"]) < size:
                return
            offset += size

    def delete(self, where: Where) -> int:
        """Delete what matches, a page at a time: each row that goes is an entry of Chroma's log."""
        count = 0
        while ids := self.get([], where=where, limit=self.most_rows())["ids"]:
            self.delete_ids(ids)
            count += len(ids)
        return count

    def delete_ids(self, ids: Sequence[str]) -> None:
        """Delete these rows, no more than `most_rows`."""
        self.ask("delete from", lambda collection: collection.delete(ids=list(ids)))

    def close(self) -> None:
        """Let go of the database; more than once is fine."""
        client, self._known_client = self._known_client, None
        self._known = None
        if client is not None:
            let_go(client)
