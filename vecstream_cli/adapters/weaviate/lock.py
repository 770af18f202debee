"""Lock records in Weaviate: classes without rows, which only one of several can make.

An object is written whether its id exists or not, so rows cannot keep a lock. But the making of
classes goes through the cluster's one log (Raft), and of two that make the same name, one is told
that it exists. So the records of a collection are numbered, ``Documents_l1``, ``Documents_l2`` …,
and the highest holds; its description is the text. To put a new one in its place is to make the
next number. The highest stays for good, as "there is none" too: a number must never be made twice,
or who still believes in an older record could succeed. The class is a multi-tenant one without
tenants, which has no shard, so it costs next to nothing.
"""

import json
import secrets
from typing import Any

from vecstream_cli.adapters.weaviate.names import lock_class, lock_number
from vecstream_cli.adapters.weaviate.wire import Wire


class Lock:
    """The lock record beside the collection with this alias."""

    def __init__(self, wire: Wire, alias: str, collection: str) -> None:
        self._wire = wire
        self._alias = alias
        self._what = f"the lock of the collection {collection!r}"

    def read(self) -> str | None:
        """Its text."""
        records = self._records()
        return _text(records[max(records)]) if records else None

    def swap(self, old: str | None, new: str | None) -> bool:
        """Put `new` in the place of `old`; whether."""
        records = self._records()
        last = max(records, default=0)
        if (_text(records[last]) if records else None) != old:
            return False
        if not self._made(last + 1, new):
            return False
        for number in records:
            self._drop(number)
        return True

    def _made(self, number: int, text: str | None) -> bool:
        mark = secrets.token_hex(8)
        name = lock_class(self._alias, number)
        body = {
            "class": name,
            "description": json.dumps({"vecstream_lock": text, "mark": mark}),
            "vectorizer": "none",
            "multiTenancyConfig": {"enabled": True},
        }
        made = self._wire.rest(f"write {self._what}", "POST", "/schema", body, unless_there=True)
        if made is None:
            # Somebody else's, or ours after all, if it was the acknowledgement that got lost.
            found = self._wire.rest(f"read {self._what}", "GET", f"/schema/{name}", absent=(404,))
            return found is not None and json.loads(found["description"])["mark"] == mark
        return True

    def _records(self) -> dict[int, dict[str, Any]]:
        schema = self._wire.rest(f"read {self._what}", "GET", "/schema")
        found = {}
        for each in schema.get("classes") or []:
            number = lock_number(self._alias, each["class"])
            if number is not None:
                found[number] = json.loads(each["description"])
        return found

    def _drop(self, number: int) -> None:
        name = lock_class(self._alias, number)
        self._wire.rest(f"write {self._what}", "DELETE", f"/schema/{name}", absent=(400, 404))


def _text(record: dict[str, Any]) -> str | None:
    text = record["vecstream_lock"]
    return text if text is None else str(text)
