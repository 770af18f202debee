"""Rankings fused by reciprocal ranks, and a ranking by words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecstream_cli.core.fusion import by_words, fused

RANKINGS = st.lists(st.lists(st.sampled_from("abcdefgh"), unique=True), min_size=1, max_size=3)


def test_first_in_every_ranking_scores_one() -> None:
    assert fused([["a", "b"], ["a", "c"]])[0] == ("a", 1.0)


def test_in_two_rankings_beats_first_in_one() -> None:
    assert [name for name, _ in fused([["a", "b"], ["c", "b"]])] == ["b", "a", "c"]


@given(RANKINGS)
def test_every_id_comes_once_by_the_sum_of_its_reciprocal_ranks(rankings: list[list[str]]) -> None:
    found = dict(fused(rankings))
    assert set(found) == {name for ranking in rankings for name in ranking}
    assert list(found.values()) == sorted(found.values(), reverse=True)
    for name, score in found.items():
        ranks = [ranking.index(name) + 1 for ranking in rankings if name in ranking]
        assert score == pytest.approx(sum(61 / (60 + rank) for rank in ranks) / len(rankings))


def test_texts_are_ranked_by_the_words_they_have() -> None:
    texts = [
        "nothing of the kind",
        "the keys, and much else that has nothing to do with it at all, however long it goes on",
        "Keys rotate: rotating KEYS",
        "rotate the crops",
    ]
    assert by_words("rotate keys", texts) == [2, 3, 1]
    assert by_words("zebra", texts) == []
    assert by_words("", texts) == []
    assert by_words("keys", []) == []


def test_a_rare_word_counts_for_more() -> None:
    texts = ["common rare", "common common", "common x", "common y"]
    assert by_words("common rare", texts)[0] == 0
