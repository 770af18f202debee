"""The query language of Elasticsearch and OpenSearch, for SearchDouble: matches and scores.

Only what vecstream asks for. Written from the vendors' manuals, so it proves that the adapters ask
for what they mean, not that a real server understands them so.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

Document = Mapping[str, Any]
Scores = dict[str, float]
SCRIPTS = {
    "cosineSimilarity(params.query, 'vector') + 1.0": "elasticsearch",
    "1.0 + cosineSimilarity(params.query, doc['vector'])": "opensearch",
}


class Refused(Exception):
    """A request that the server answers with an error."""

    def __init__(self, status: int, kind: str, reason: str) -> None:
        super().__init__(status, kind, reason)
        self.status, self.kind, self.reason = status, kind, reason


class Queries:
    """Matches the documents of an index by its mapping."""

    def __init__(self, properties: Mapping[str, Any], documents: Mapping[str, Document]) -> None:
        self._properties = properties
        self._documents = documents

    def found(self, query: Document) -> dict[str, float]:
        """The score of every document that matches, by its id."""
        ((kind, body),) = query.items()
        if kind == "script_score":
            return self._scripted(body)
        if kind == "knn":
            if "field" in body:  # as Elasticsearch has it
                vector, count = body["query_vector"], min(body["k"], body["num_candidates"])
                return self._nearest(body["field"], vector, count, body.get("filter"))
            ((field, asked),) = body.items()
            return self._nearest(field, asked["vector"], asked["k"], asked.get("filter"))
        if kind == "match":
            return self._ranked(*next(iter(body.items())))
        if kind == "bool" and body.get("must"):
            (must,) = body["must"]
            matches = self._predicate({"bool": {**body, "must": []}})
            scores = self.found(must)
            return {name: s for name, s in scores.items() if matches(self._documents[name])}
        matches = self._predicate(query)
        return {name: 1.0 for name, document in self._documents.items() if matches(document)}

    def _nearest(
        self, field: str, vector: list[float], k: int, conditions: Any
    ) -> dict[str, float]:
        """The k nearest with the score that both give cosine: its half and 0.5."""
        filters = [conditions] if isinstance(conditions, dict) else conditions or []
        among = self.found({"bool": {"filter": filters}}) if filters else self._documents
        near = {name: (1 + self._cosine(field, vector, name)) / 2 for name in among}
        return dict(sorted(near.items(), key=lambda pair: -pair[1])[:k])

    def _scripted(self, body: Document) -> dict[str, float]:
        script = body["script"]
        if script["source"] not in SCRIPTS:
            raise Refused(400, "script_exception", "compile error")
        among = self.found(body["query"])
        query = script["params"]["query"]
        # A score is a float32.
        return {n: float(np.float32(1.0 + self._cosine("vector", query, n))) for n in among}

    def _cosine(self, field: str, vector: list[float], name: str) -> float:
        stored = self._documents[name][field]
        if len(stored) != len(vector):
            raise Refused(
                400, "illegal_argument_exception", "the query vector has a different dimension"
            )
        a, b = np.asarray(vector, np.float32), np.asarray(stored, np.float32)
        return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))

    def _predicate(self, query: Document) -> Callable[[Document], bool]:
        ((kind, body),) = query.items()
        match kind:
            case "match_all":
                return lambda document: True
            case "match_none":
                return lambda document: False
            case "bool":
                return self._bool(body)
            case "exists":
                return lambda document: bool(self._values(document, body["field"]))
        ((field, asked),) = body.items()
        test = self._test(kind, field, asked)
        return lambda document: any(test(value) for value in self._values(document, field))

    def _bool(self, body: Document) -> Callable[[Document], bool]:
        parts = {
            name: [self._predicate(query) for query in body.get(name, ())]
            for name in ("must", "filter", "must_not", "should")
        }
        least = body.get("minimum_should_match", 0 if parts["must"] or parts["filter"] else 1)

        def matches(document: Document) -> bool:
            return (
                all(part(document) for part in parts["must"] + parts["filter"])
                and not any(part(document) for part in parts["must_not"])
                and (
                    not parts["should"] or sum(part(document) for part in parts["should"]) >= least
                )
            )

        return matches

    def _test(self, kind: str, field: str, asked: Any) -> Callable[[Any], bool]:
        match kind:
            case "term":
                wanted = self._term(field, asked["value"])
                return lambda value: self._term(field, value) == wanted
            case "terms":
                if len(asked) > 65_536:
                    raise Refused(400, "illegal_argument_exception", "too many terms")
                known = {self._term(field, value) for value in asked}
                return lambda value: self._term(field, value) in known
            case "prefix":
                return lambda value: value.startswith(asked["value"])
            case "wildcard":
                pattern = wildcard(asked["value"])
                return lambda value: pattern.fullmatch(value) is not None
            case "range":
                bounds = {name: self._term(field, value) for name, value in asked.items()}
                return lambda value: _between(self._term(field, value), bounds)
        raise Refused(400, "parsing_exception", f"unknown query [{kind}]")

    def _values(self, document: Document, field: str) -> list[Any]:
        kind = self._properties.get(field, {})
        if kind.get("enabled") is False or kind.get("index") is False:
            return []
        value = document.get(field)
        return value if isinstance(value, list) else [] if value is None else [value]

    def _term(self, field: str, value: Any) -> Any:
        """Keywords are ordered by their bytes in UTF-8, numbers as numbers of their type."""
        kind = self._properties.get(field, {}).get("type")
        if kind == "keyword":
            return str(value).encode()
        if kind in ("integer", "long"):
            most = 2**31 if kind == "integer" else 2**63
            if isinstance(value, bool) or int(value) != value or not -most <= value < most:
                raise Refused(400, "number_format_exception", f"[{value}] is no {kind}")
            return int(value)
        raise Refused(400, "illegal_argument_exception", f"[{field}] is not indexed for terms")

    def _ranked(self, field: str, asked: Document) -> dict[str, float]:
        """BM25 with Lucene's defaults, over words in small letters."""
        texts = {name: words(document.get(field, "")) for name, document in self._documents.items()}
        average = sum(map(len, texts.values())) / max(1, len(texts)) or 1
        scores: dict[str, float] = {}
        wanted = words(asked["query"])
        if len(wanted) > 1024:
            raise Refused(400, "too_many_clauses", "maxClauseCount is set to 1024")
        for word in wanted:
            having = {name: found.count(word) for name, found in texts.items() if word in found}
            idf = math.log(1 + (len(texts) - len(having) + 0.5) / (len(having) + 0.5))
            for name, count in having.items():
                length = 1.2 * (0.25 + 0.75 * len(texts[name]) / average)
                scores[name] = scores.get(name, 0.0) + idf * count / (count + length)
        return scores


def words(text: str) -> list[str]:
    """About what the standard analyzer makes of a text."""
    return re.findall(r"\w+", text.lower())


def wildcard(pattern: str) -> re.Pattern[str]:
    """``*`` is any text, ``?`` a character, ``\\`` quotes the next one."""
    parts: Iterable[str] = re.findall(r"\\.|.", pattern, re.DOTALL)
    signs = {"*": ".*", "?": "."}
    return re.compile("".join(signs.get(p) or re.escape(p[-1]) for p in parts), re.DOTALL)


def _between(value: Any, bounds: Mapping[str, Any]) -> bool:
    tests = {
        "gt": lambda bound: value > bound,
        "gte": lambda bound: value >= bound,
        "lt": lambda bound: value < bound,
        "lte": lambda bound: value <= bound,
    }
    return all(tests[name](bound) for name, bound in bounds.items())
