"""A Qdrant collection under an alias: made, told about, replaced by another and dropped.

What a person calls the collection `documents` is an alias of `documents-1a2b3c4d`, since aliases
can be switched in one step, and collections cannot be renamed. A collection without an alias, as
one restored from a snapshot under the name itself, does as well.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self
from uuid import uuid4

from vecstream_cli.adapters.qdrant.server import Server, applied
from vecstream_cli.core.record import CollectionRecord
from vecstream_cli.errors import CollectionNotFound, DatabaseError, ForeignCollection

# Keys of a collection's metadata, which Qdrant has since 1.16; a change of one keeps the others.
_RECORD = "vecstream"
_LAST_RUN = "vecstream_last_run"
_VECTOR_NAME = "vecstream_vector"
# The indexing_threshold to put back once the collection is loaded; 0: nothing is deferred.
_DEFERRED = "vecstream_deferred"
# Stands in a collection from just before another takes its place.
_REPLACED = "vecstream_replaced"

# Kilobytes of vectors in a segment, as the server has it by default.
_INDEXING_THRESHOLD = 10_000

# What deletions filter by: a server in strict mode refuses that without an index.
_INDEXES = (("document_id", "keyword"), ("attempt", "integer"))


@dataclass(frozen=True, slots=True)
class Facts:
    """What a collection says of itself."""

    record: CollectionRecord
    vector_name: str
    """Empty where the vector has no name."""
    deferred: int
    """The indexing threshold that is to be put back; 0 where nothing is deferred."""
    indexed: bool
    """Whether a search may be approximate."""
    filterable: frozenset[str] | None
    """The keys that a filter may name; None: any."""

    @classmethod
    def of(cls, info: Any, told: str) -> Self:
        """From what the server says. Raises ForeignCollection; `told` names the collection."""
        metadata = info.config.metadata or {}
        written = metadata.get(_RECORD)
        if not isinstance(written, str):
            raise ForeignCollection(f"{told} was not made by vecstream.")
        try:
            record = CollectionRecord.from_json(written)
        except ValueError as error:
            raise ForeignCollection(
                f"{told} has a record that this version of vecstream cannot read."
            ) from error
        strict = info.config.strict_mode_config
        refuses = strict and strict.enabled and strict.unindexed_filtering_retrieve is False
        return cls(
            record=replace(record, last_run=metadata.get(_LAST_RUN) or None),
            vector_name=metadata.get(_VECTOR_NAME) or "",
            deferred=metadata.get(_DEFERRED) or 0,
            indexed=bool(info.indexed_vectors_count),
            filterable=frozenset(info.payload_schema) if refuses else None,
        )


class Collection:
    """One collection, by the name that a person gives it."""

    def __init__(self, server: Server, name: str) -> None:
        self._server = server
        self._name = name
        self._told = f"The collection {name!r} in {server.place}"

    def find(self) -> Facts | None:
        """What it says now; None where it is not there. Raises ForeignCollection."""
        info = self._info(self._name)
        return None if info is None else Facts.of(info, self._told)

    def facts(self) -> Facts:
        """What it says now. Raises CollectionNotFound, or ForeignCollection."""
        if (facts := self.find()) is None:
            raise CollectionNotFound(
                f"There is no collection {self._name!r} in {self._server.place}."
            )
        return facts

    def physical(self) -> str:
        """The name that an alias stands for, or the name itself."""
        return self._aliases().get(self._name, self._name)

    def make(
        self, record: CollectionRecord, *, vector_name: str, on_disk: bool | None, defer: bool
    ) -> None:
        """Make it, empty. Raises DatabaseError where it exists."""
        from qdrant_client import models

        if self._info(self._name) is not None:
            raise DatabaseError(f"{self._told} exists already.")
        self._sweep()
        params = models.VectorParams(
            size=record.dimension, distance=models.Distance.COSINE, on_disk=on_disk
        )
        metadata: dict[str, Any] = {
            _RECORD: replace(record, last_run=None).to_json(),
            _LAST_RUN: record.last_run or "",
            _VECTOR_NAME: vector_name,
        }
        # Until it has the alias nobody finds it, and the next one to be made sweeps it away.
        physical = f"{self._name}-{uuid4().hex[:8]}"
        self._create(physical, {vector_name: params} if vector_name else params, metadata)
        config = self._call("create", lambda client: client.get_collection(physical)).config
        if _RECORD not in (config.metadata or {}):
            self._delete(physical)
            raise DatabaseError(
                f"The Qdrant in {self._server.place} is too old: its collections have no metadata.",
                hint="Upgrade it to 1.16 or newer.",
            )
        for key, kind in _INDEXES:
            self._call(
                "create",
                lambda client, key=key, kind=kind: applied(
                    client.create_payload_index(physical, key, kind, wait=True)
                ),
            )
        threshold = config.optimizer_config.indexing_threshold
        if threshold is None:
            threshold = _INDEXING_THRESHOLD
        if defer and threshold > 0:
            self._set_threshold(physical, 0, deferred=threshold)
        self._name_it("create", physical)

    def note(self, last_run: str) -> None:
        """Change the record's `last_run`."""
        physical = self.physical()
        self._call(
            "update",
            lambda client: client.update_collection(physical, metadata={_LAST_RUN: last_run}),
        )

    def index(self, facts: Facts) -> None:
        """Let the server index what was deferred; it does so by itself, after this returns."""
        self._set_threshold(self.physical(), facts.deferred, deferred=0)

    def give_place_to(self, build: str) -> None:
        """Let the name stand for what `build` stands for, which goes.

        In one step; but a collection that has no alias has to be dropped first.
        """
        aliases = self._aliases()
        if build not in aliases:
            raise CollectionNotFound(f"There is no collection {build!r} in {self._server.place}.")
        old = aliases.get(self._name)
        if old is not None:
            self._call(
                "replace", lambda client: client.update_collection(old, metadata={_REPLACED: True})
            )
        elif self._info(self._name) is not None:
            self._delete(self._name)
        self._name_it("replace", aliases[build], instead_of=build)
        self._sweep()

    def drop(self) -> None:
        """Delete it, with its aliases."""
        self._delete(self.physical())

    def _call(self, action: str, call: Any) -> Any:
        return self._server(action, self._name, call)

    def _info(self, name: str) -> Any:
        """What the server says of it; None where it is not there."""
        try:
            return self._call("open", lambda client: client.get_collection(name))
        except CollectionNotFound:
            return None

    def _aliases(self) -> Mapping[str, str]:
        """What each alias of the database stands for."""
        found = self._call("open", lambda client: client.get_aliases()).aliases
        return {each.alias_name: each.collection_name for each in found}

    def _create(self, physical: str, vectors: Any, metadata: Mapping[str, Any]) -> None:
        from qdrant_client.http.exceptions import UnexpectedResponse

        def create(client: Any) -> None:
            try:
                client.create_collection(physical, vectors_config=vectors, metadata=metadata)
            except UnexpectedResponse as error:
                # The name was drawn for it, so it was made by a request whose answer was lost.
                if error.status_code != 409:
                    raise

        self._call("create", create)

    def _set_threshold(self, physical: str, threshold: int, *, deferred: int) -> None:
        """Change when the server indexes, and what is to be put back, in one request."""
        from qdrant_client import models

        change = models.OptimizersConfigDiff(indexing_threshold=threshold)
        self._call(
            "update",
            lambda client: client.update_collection(
                physical, optimizers_config=change, metadata={_DEFERRED: deferred}
            ),
        )

    def _name_it(self, action: str, physical: str, instead_of: str | None = None) -> None:
        """Let the name stand for `physical`, and the other for nothing, all in one step."""
        from qdrant_client import models

        def switch(client: Any) -> None:
            there = {each.alias_name for each in client.get_aliases().aliases}
            actions: Sequence[Any] = [
                *(
                    models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=name))
                    for name in (self._name, instead_of)
                    if name is not None and name in there
                ),
                models.CreateAliasOperation(
                    create_alias=models.CreateAlias(collection_name=physical, alias_name=self._name)
                ),
            ]
            client.update_collection_aliases(actions)

        self._call(action, switch)

    def _delete(self, physical: str) -> None:
        self._call("drop", lambda client: client.delete_collection(physical))

    def _sweep(self) -> None:
        """Delete what a killed run left: collections of this name that no alias stands for, and
        that are empty, or that another has taken the place of."""
        ours = re.compile(re.escape(self._name) + r"(--build)?-[0-9a-f]{8}")
        named = set(self._aliases().values())
        for each in self._call("open", lambda client: client.get_collections()).collections:
            if ours.fullmatch(each.name) is None or each.name in named:
                continue
            info = self._info(each.name)
            metadata = (info.config.metadata or {}) if info is not None else {}
            if _RECORD in metadata and (metadata.get(_REPLACED) or not self._rows(each.name)):
                self._delete(each.name)

    def _rows(self, physical: str) -> int:
        return int(self._call("open", lambda c: c.count(physical, exact=True)).count)
