"""What a collection says about itself: written into the database, cached by the manifest."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionRecord:
    """A collection's own name and what decided its vectors and its chunks.

    `uuid` is drawn when the collection is made and never again, so a dropped and remade table
    is noticed. The fingerprints are lower-case hex; `facts` are what went into them, for a
    person to read side by side. Times are ISO 8601 in UTC. `last_run` is the one part that
    changes, so it does not count when two records are compared.
    """

    uuid: str
    vector_fingerprint: str
    chunk_fingerprint: str
    facts: Mapping[str, str]
    dimension: int
    created_at: str
    last_run: str | None = field(default=None, compare=False)

    def to_json(self) -> str:
        """As one line of JSON, `last_run` included."""
        facts = {name: getattr(self, name) for name in self.__slots__} | {"facts": dict(self.facts)}
        return json.dumps(facts)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """From what `to_json` gave. Raises ValueError where it is anything else."""
        try:
            return cls(**json.loads(text))
        except TypeError as error:
            raise ValueError(str(error)) from error
