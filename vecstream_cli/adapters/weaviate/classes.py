"""A collection's class and alias in Weaviate, and the record in the class's description."""

from dataclasses import dataclass, replace
from typing import Any

from vecstream_cli.adapters.weaviate.names import alias_of, drawn_class, is_class_of
from vecstream_cli.adapters.weaviate.rows import class_definition
from vecstream_cli.adapters.weaviate.wire import Wire
from vecstream_cli.core.record import CollectionRecord
from vecstream_cli.errors import DatabaseError, ForeignCollection
from vecstream_cli.killpoints import kill_point

_MARK = "Made by vecstream: "


@dataclass(frozen=True, slots=True)
class Found:
    """A class that an alias stands for, as the server has it."""

    name: str
    record: CollectionRecord
    config: dict[str, Any]


class Classes:
    """Looks up, makes, exchanges and drops what one collection is kept in."""

    def __init__(self, wire: Wire, collection: str) -> None:
        self._wire = wire
        self._collection = collection
        self.alias = alias_of(collection)
        self._what = f"the collection {collection!r}"

    def target(self, alias: str | None = None) -> str | None:
        """The class that the alias stands for, as a name; None where there is no such alias."""
        path = f"/aliases/{alias or self.alias}"
        found = self._wire.rest(f"open {self._what}", "GET", path, absent=(404,))
        return str(found["class"]) if found else None

    def find(self) -> Found | None:
        """The class. Raises ForeignCollection where it, or one by the alias's name, is not ours."""
        name = self.target()
        config = self._config(name or self.alias)
        if config is None:
            return None
        description = str(config.get("description") or "")
        if name is None or not description.startswith(_MARK):
            raise ForeignCollection(
                f"The collection {self._collection!r} in {self._wire.name}, which Weaviate calls"
                f" {name or self.alias!r}, was not made by vecstream."
            )
        try:
            record = CollectionRecord.from_json(description.removeprefix(_MARK))
        except ValueError as error:
            raise ForeignCollection(
                f"The collection {self._collection!r} in {self._wire.name} has a record that this"
                " version of vecstream cannot read."
            ) from error
        return Found(name, record, config)

    def create(self, record: CollectionRecord, index: str) -> Found:
        """Make the class, then the alias: only then is it there for anybody."""
        if self.find() is not None:
            raise self._exists()
        self._sweep()
        name = drawn_class(self.alias)
        definition = class_definition(name, _MARK + record.to_json(), index)
        action = f"create {self._what}"
        # If it is there, it is ours, and an acknowledgement was lost: nobody else draws the name.
        self._wire.rest(action, "POST", "/schema", definition, unless_there=True)
        dangling = self.target() is not None
        method, path = ("PUT", f"/aliases/{self.alias}") if dangling else ("POST", "/aliases")
        body = {"class": name} if dangling else {"class": name, "alias": self.alias}
        made = self._wire.rest(action, method, path, body, unless_there=True)
        if made is None and self.target() != name:
            self._drop(name)
            raise self._exists()
        return Found(name, record, definition)

    def note(self, found: Found, last_run: str) -> None:
        """Change the record's last run; the rest of the class stays as the server has it."""
        record = replace(found.record, last_run=last_run)
        body = found.config | {"description": _MARK + record.to_json()}
        self._wire.rest(f"update {self._what}", "PUT", f"/schema/{found.name}", body)

    def take(self, build: "Classes", new: Found, old: Found | None) -> None:
        """Let the alias stand for the build's class, in one step; then drop what is left over."""
        action = f"replace {self._what}"
        if self.target() is None:
            body = {"class": new.name, "alias": self.alias}
            made = self._wire.rest(action, "POST", "/aliases", body, unless_there=True)
            if made is None and self.target() != new.name:
                raise self._exists()
        else:
            self._wire.rest(action, "PUT", f"/aliases/{self.alias}", {"class": new.name})
        kill_point("rebuild.overwritten")
        self._wire.rest(action, "DELETE", f"/aliases/{build.alias}", absent=(404,))
        if old is not None and old.name != new.name:
            self._drop(old.name)

    def drop(self, found: Found) -> None:
        """Delete the class and the alias; the alias alone where another stands for the class."""
        action = f"drop {self._what}"
        told = self._wire.rest(action, "GET", "/aliases", params={"class": found.name})
        others = {each["alias"] for each in told.get("aliases") or []} - {self.alias}
        if not others:
            self._drop(found.name)
        self._wire.rest(action, "DELETE", f"/aliases/{self.alias}", absent=(404,))
        self._sweep()

    def queued(self, found: Found) -> int:
        """How many vectors wait for the index, where the server indexes them in its own time."""
        path = f"/schema/{found.name}/shards"
        shards = self._wire.rest(f"inspect {self._what}", "GET", path, absent=(404,))
        return sum(int(each.get("vectorQueueSize") or 0) for each in shards or [])

    def _config(self, name: str) -> dict[str, Any] | None:
        found = self._wire.rest(f"open {self._what}", "GET", f"/schema/{name}", absent=(404,))
        return dict(found) if found else None

    def _drop(self, name: str) -> None:
        action = f"drop {self._what}"
        self._wire.rest(action, "DELETE", f"/schema/{name}", absent=(400, 404))

    def _sweep(self) -> None:
        """Drop classes of ours that a killed run left without an alias."""
        action = f"tidy up after {self._what}"
        schema = self._wire.rest(action, "GET", "/schema")
        ours = [
            str(each["class"])
            for each in schema.get("classes") or []
            if is_class_of(self.alias, each["class"])
            and str(each.get("description") or "").startswith(_MARK)
        ]
        if ours:
            told = self._wire.rest(action, "GET", "/aliases")
            used = {each["class"] for each in told.get("aliases") or []}
            for name in ours:
                if name not in used:
                    self._drop(name)

    def _exists(self) -> DatabaseError:
        return DatabaseError(
            f"The collection {self._collection!r} exists already in {self._wire.name}.",
            hint="Weaviate takes names that differ only in small and capital letters for the same.",
        )
