"""The lock record of a collection: a document in an index of our own, swapped by its number."""

from typing import Any
from urllib.parse import quote

from vecstream_cli.adapters.search_engine.server import Server

INDEX = "vecstream-locks"
_BODY = {
    "settings": {"index": {"hidden": True}},
    "mappings": {"dynamic": "strict", "properties": {"lock": {"type": "keyword", "index": False}}},
}


class SearchEngineLock:
    """A document's writes are ordered by its primary shard: ``op_type=create`` puts it where there
    is none, and ``if_seq_no`` with ``if_primary_term`` only in the place of the one that was read.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._name = quote(server.collection, safe="")
        self._there = False  # the index

    def read(self) -> str | None:
        """The text that stands there."""
        found = self._document()
        return None if found is None else str(found["_source"]["lock"])

    def swap(self, old: str | None, new: str | None) -> bool:
        """Put one in the place of another; whether that was what stood there."""
        found = self._document()
        if (None if found is None else found["_source"]["lock"]) != old:
            return False
        if found is None:
            return new is None or self._put("PUT", "_create", {}, new)
        number = {
            "if_seq_no": str(found["_seq_no"]),
            "if_primary_term": str(found["_primary_term"]),
        }
        return self._put("DELETE" if new is None else "PUT", "_doc", number, new)

    def _document(self) -> dict[str, Any] | None:
        path = f"/{INDEX}/_doc/{self._name}"  # a get by id is never stale
        status, found = self._server.call("read the lock of", "GET", path, refusals=(404,))
        self._there = "error" not in found
        return None if status == 404 else dict(found)

    def _put(self, method: str, kind: str, params: dict[str, str], new: str | None) -> bool:
        if not self._there:
            # Refused with 400 where another has just made it.
            self._server.call("lock", "PUT", f"/{INDEX}", body=_BODY, refusals=(400,))
        tries = 0

        def body() -> dict[str, str] | None:
            nonlocal tries
            tries += 1
            return None if new is None else {"lock": new}

        path = f"/{INDEX}/{kind}/{self._name}"
        status, _ = self._server.call("lock", method, path, params, body=body, refusals=(404, 409))
        # A further try is refused where an earlier one, whose answer was lost, had done it.
        return status < 400 or (tries > 1 and self.read() == new)
