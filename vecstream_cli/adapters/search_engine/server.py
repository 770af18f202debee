"""A server of Elasticsearch or OpenSearch, asked about one collection by its official client.

Requests are the client's own lowest call, which both have: it brings login, TLS and connections.
What they ask is the same but for a few, which the two classes that derive from `Server` make.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Self
from urllib.parse import quote

from vecstream_cli.adapters.retrying import Again, Retrying
from vecstream_cli.adapters.search_engine.errors import Fault, verdict
from vecstream_cli.errors import DatabaseError, VecstreamError

Query = dict[str, Any]
Answer = tuple[int, Any]
"""Status and body."""
Hits = Sequence[Mapping[str, Any]]

_REPEATED = (400, 404, 409)


class Server(ABC):
    """One collection's index on a server."""

    def __init__(self, client: Any, place: str, collection: str, deadline: float) -> None:
        self._client = client
        self._deadline = deadline
        self.place = place
        self.collection = collection
        self.path = f"/{quote(collection)}"

    @abstractmethod
    def request(
        self,
        method: str,
        path: str,
        params: Mapping[str, str],
        body: Any,
        refusals: Collection[int],
    ) -> Answer:
        """One request; an answer that refuses is raised, but for these statuses."""

    @abstractmethod
    def fault(self, error: Exception) -> Fault | None:
        """What an error of the client's means; None for any other error."""

    @abstractmethod
    def index(self, dimension: int, chosen: Mapping[str, Any]) -> tuple[Query, Query]:
        """How vectors are mapped, and the settings that an index needs for them; by options."""

    @abstractmethod
    def candidates(self, vector: Sequence[float], count: int, condition: Query | None) -> Query:
        """The rows, of those that match, that the graph finds near: about so many."""

    @abstractmethod
    def compared(self, vector: Sequence[float], among: Query) -> Query:
        """These rows, each compared with the vector; their scores are the cosines and 1."""

    @abstractmethod
    def with_vectors(self, body: Query) -> Query:
        """The same search, whose hits have their vectors."""

    @abstractmethod
    def pages(self, body: Query) -> Iterator[Hits]:
        """All that a search finds, in pages of its size, as of one moment."""

    def beside(self, collection: str) -> Self:
        """Another collection on the same server."""
        return type(self)(self._client, self.place, collection, self._deadline)

    def hits(self, body: Query, path: str | None = None, params: Query | None = None) -> Query:
        """What a search answers, whole."""
        found = self.call(
            "search", "POST", path or f"{self.path}/_search", params, body=body, then=self._whole
        )[1]
        assert isinstance(found, Mapping)
        return dict(found)

    def count(self, condition: Query | None) -> int:
        """How many rows match."""
        path, body = f"{self.path}/_count", {"query": filtered(condition)}
        found = self.call("count the rows of", "POST", path, body=body, then=self._whole)[1]
        return int(found["count"])

    def refresh(self, action: str) -> None:
        """Let readers find what was written."""
        self.call(action, "POST", f"{self.path}/_refresh")

    def call(
        self,
        action: str,
        method: str,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        body: Any = None,
        refusals: Collection[int] = (),
        then: Callable[[Answer], None] | None = None,
        repeated: Callable[[Answer], bool] | None = None,
    ) -> Answer:
        """A request that is made until it is answered; with `refusals` raised no error.

        `body` may be a function that makes it for each try. `then` looks at the answer, and may
        raise `Again`. `repeated` says of a refusal of a further try whether an earlier one, whose
        answer was lost, had done the work.
        """
        tries = 0

        def once() -> Answer:
            nonlocal tries
            tries += 1
            allowed = (*refusals, *(_REPEATED if repeated and tries > 1 else ()))
            told = body() if callable(body) else body
            answer = self.request(method, path, params or {}, told, allowed)
            if answer[0] >= 400 and answer[0] not in refusals:
                if repeated is None or not repeated(answer):
                    raise self.verdict(Fault.answered(*answer), action)
            elif then is not None and answer[0] < 400:
                then(answer)
            return answer

        return Retrying(partial(self._told, action), self._deadline)(once)

    def sentence(self, action: str) -> str:
        """The beginning of an error's message."""
        return f"Cannot {action} the collection {self.collection!r} in {self.place}"

    def verdict(self, fault: Fault, action: str, told: str = "") -> VecstreamError | Again:
        """What to raise; `told` is what more there is to say of what failed."""
        sentence = f"{self.sentence(action)}: {told}" if told else self.sentence(action)
        return verdict(fault, sentence, self.place, self.collection)

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def _told(self, action: str, error: Exception) -> VecstreamError | Again:
        fault = self.fault(error)
        if fault is None:
            raise error
        return self.verdict(fault, action)

    def _whole(self, answer: Answer) -> None:
        # An answer without the rows of some shards is none.
        shards = answer[1]["_shards"]
        if shards.get("failed") or answer[1].get("timed_out"):
            failure = (shards.get("failures") or [{}])[0]
            why = Fault.answered(503, {"error": failure.get("reason")}).reason
            raise Again(DatabaseError(f"{self.sentence('read')}: a shard did not answer: {why}."))


def filtered(condition: Query | None) -> Query:
    """All rows, or those that match, none of them scored."""
    return {"bool": {"filter": [condition]}} if condition else {"match_all": {}}
