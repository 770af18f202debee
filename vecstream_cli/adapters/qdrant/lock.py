"""The lock records of a Qdrant server's collections: points of a collection of their own."""

from typing import Any
from uuid import NAMESPACE_URL, uuid4, uuid5

from vecstream_cli.adapters.qdrant.server import Server, applied

LOCKS = "vecstream-locks"
_STATE = "state"
_FREE = "free"
_HELD = "held:"


class Lock:
    """The lock record of one collection.

    Its point is made once and never deleted. A change is an overwrite of its payload by a filter
    that names the state it takes the place of: a shard carries out its updates one after the
    other, so of several only one finds that state. A token drawn for each change tells whether
    it was the one, also where the answer was lost and the change is asked for again.
    """

    def __init__(self, server: Server, collection: str) -> None:
        self._server = server
        self._collection = collection
        self._id = str(uuid5(NAMESPACE_URL, f"vecstream:lock:{collection}"))

    def read(self) -> str | None:
        """The text that stands there."""
        state = str(self._payload().get(_STATE, _FREE))
        return state.removeprefix(_HELD) if state.startswith(_HELD) else None

    def swap(self, old: str | None, new: str | None) -> bool:
        """See `Adapter.swap_lock`."""
        from qdrant_client import models

        if not self._payload():
            self._make()
        token = uuid4().hex
        wanted = models.MatchValue(value=_state(old))
        filtered = models.Filter(
            must=[
                models.HasIdCondition(has_id=[self._id]),
                models.FieldCondition(key=_STATE, match=wanted),
            ]
        )

        def change(client: Any) -> None:
            result = client.overwrite_payload(
                LOCKS, self._with(_state(new), token), models.FilterSelector(filter=filtered),
                wait=True, ordering=models.WriteOrdering.STRONG,
            )  # fmt: skip
            applied(result)

        self._server("lock", self._collection, change)
        return self._payload().get("token") == token

    def _payload(self) -> dict[str, Any]:
        """What the point holds; nothing where it, or the collection, is not there yet."""
        from qdrant_client.http.exceptions import UnexpectedResponse

        def read(client: Any) -> list[Any]:
            try:
                found: list[Any] = client.retrieve(LOCKS, [self._id], consistency="all")
            except UnexpectedResponse as error:
                if error.status_code == 404:
                    return []
                raise
            return found

        points = self._server("read the lock of", self._collection, read)
        return dict(points[0].payload or {}) if points else {}

    def _make(self) -> None:
        from qdrant_client import models
        from qdrant_client.http.exceptions import UnexpectedResponse

        def make(client: Any) -> None:
            try:
                client.create_collection(LOCKS, vectors_config={})
            except UnexpectedResponse as error:
                if error.status_code != 409:  # somebody else has made it
                    raise
            # In strict mode nothing is filtered by without an index.
            applied(client.create_payload_index(LOCKS, _STATE, "keyword", wait=True))
            point = models.PointStruct(id=self._id, vector={}, payload=self._with(_FREE, ""))
            never = models.Filter(must=[models.HasIdCondition(has_id=[])])
            # A point that is there and does not match the filter stays as it is.
            points = models.PointsList(points=[point], update_filter=never)
            answer = client.http.points_api.upsert_points(
                LOCKS, wait=True, ordering=models.WriteOrdering.STRONG,
                point_insert_operations=points,
            )  # fmt: skip
            applied(answer.result)

        self._server("lock", self._collection, make)

    def _with(self, state: str, token: str) -> dict[str, Any]:
        return {"collection": self._collection, _STATE: state, "token": token}


def _state(text: str | None) -> str:
    return _FREE if text is None else _HELD + text
