"""The lock record of a collection, in a collection of ours that holds those of all.

Chroma has no conditional write, but an `add` leaves alone an id that is there, whoever asks first.
So a record is a row whose id ends in a number, and to swap is to add the row of the next number:
the highest number is what stands. Rows far below it are deleted. Whoever adds one of those again,
having slept meanwhile, sees that higher ones are there, and has lost.
"""

from typing import Any
from uuid import uuid4

from vecstream_cli.adapters.chroma.collection import ChromaCollection

COLLECTION = "vecstream-locks"
_KEPT = 4  # numbers below the highest


class Lock:
    """The record of one collection."""

    def __init__(self, collection: ChromaCollection, name: str) -> None:
        self._asked = collection
        self._name = name

    def read(self) -> str | None:
        """The record, or None."""
        return self._highest()[1]

    def swap(self, old: str | None, new: str | None) -> bool:
        """Put `new` in the place of `old`, if that is what stands there; whether."""
        number, standing = self._highest()
        if standing != old:
            return False
        token = uuid4().hex
        row = {"collection": self._name, "number": number + 1, "token": token}
        if new is not None:
            row["lock"] = new
        client = self._asked.client()
        locks = self._asked.call(
            "lock", lambda: client.get_or_create_collection(COLLECTION, embedding_function=None)
        )
        mine = {"ids": [self._id(number + 1)], "embeddings": [[1.0]], "metadatas": [row]}
        self._asked.call("lock", lambda: locks.add(**mine))
        rows = self._rows()
        best = max(rows, key=lambda row: row["number"], default=None)
        if best is None or best["token"] != token:
            return False
        below = [self._id(row["number"]) for row in rows if row["number"] <= number - _KEPT]
        if below:
            self._asked.call("lock", lambda: locks.delete(ids=below))
        return True

    def _highest(self) -> tuple[int, str | None]:
        best = max(self._rows(), key=lambda row: row["number"], default=None)
        return (0, None) if best is None else (best["number"], best.get("lock"))

    def _rows(self) -> list[dict[str, Any]]:
        client = self._asked.client()
        found = self._asked.call_if_there(
            "lock",
            lambda: client.get_collection(COLLECTION, embedding_function=None).get(
                where={"collection": self._name}, include=["metadatas"]
            ),
        )
        return [] if found is None else found["metadatas"]

    def _id(self, number: int) -> str:
        return f"{self._name}/{number:016d}"
