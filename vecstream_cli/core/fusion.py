"""Several rankings of the same chunks made one; and a ranking by words, where nobody has one."""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Sequence

_RANK = 60  # Cormack, Clarke and Büttcher's constant
_K1, _B = 1.2, 0.75
_WORD = re.compile(r"\w+")


def fused(rankings: Sequence[Sequence[str]]) -> list[tuple[str, float]]:
    """Reciprocal rank fusion: ids with their scores, best first; 1 is first in every ranking.

    A ranking has each id once at most. Cormack, Clarke and Büttcher, "Reciprocal rank fusion
    outperforms Condorcet and individual rank learning methods", SIGIR 2009.
    """
    scores: defaultdict[str, float] = defaultdict(float)
    for ranking in rankings:
        for rank, name in enumerate(ranking, start=1):
            scores[name] += 1 / (_RANK + rank)
    best = len(rankings) / (_RANK + 1)
    return [
        (name, score / best) for name, score in sorted(scores.items(), key=lambda pair: -pair[1])
    ]


def by_words(query: str, texts: Sequence[str]) -> list[int]:
    """Which texts have words of the query, the best first, by BM25 among these texts.

    Robertson and Zaragoza, "The probabilistic relevance framework: BM25 and beyond", 2009.
    """
    wanted = set(_words(query))
    counts = [Counter(_words(text)) for text in texts]
    lengths = [sum(count.values()) for count in counts]
    mean = sum(lengths) / len(lengths) if lengths else 1.0
    having = {word: sum(word in count for count in counts) for word in wanted}
    scores = []
    for place, (count, length) in enumerate(zip(counts, lengths, strict=True)):
        score = 0.0
        for word in wanted & count.keys():
            rarity = math.log(1 + (len(texts) - having[word] + 0.5) / (having[word] + 0.5))
            often = count[word]
            score += rarity * often * (_K1 + 1) / (often + _K1 * (1 - _B + _B * length / mean))
        if score > 0:
            scores.append((-score, place))
    return [place for _, place in sorted(scores)]


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())
