"""Batches: every chunk once, within the budget, neighbours of like length."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecstream_cli.core.batching import filled_up, pack

LENGTHS = st.lists(st.integers(1, 512), max_size=200).map(lambda x: np.array(x, dtype=np.int32))
BUDGETS = st.integers(1, 4096)


@given(LENGTHS, BUDGETS, st.booleans())
def test_every_position_is_in_exactly_one_batch(lengths, budget, padded):
    batches = pack(lengths, budget, padded=padded)

    packed = sorted(int(i) for batch in batches for i in batch)
    assert packed == list(range(len(lengths)))
    assert all(len(batch) for batch in batches)


@given(LENGTHS, BUDGETS)
def test_a_padded_batch_costs_its_longest_times_its_rows(lengths, budget):
    for batch in pack(lengths, budget, padded=True):
        assert len(batch) == 1 or lengths[batch].max() * len(batch) <= budget


@given(LENGTHS, BUDGETS)
def test_a_packed_batch_costs_its_tokens_and_is_as_full_as_the_order_allows(lengths, budget):
    batches = pack(lengths, budget, padded=False)

    for batch in batches:
        assert len(batch) == 1 or lengths[batch].sum() <= budget
    for batch, after in pairwise(batches):
        assert lengths[batch].sum() + lengths[after[0]] > budget


@given(LENGTHS, BUDGETS, st.booleans())
def test_lengths_never_rise_from_one_row_to_the_next(lengths, budget, padded):
    batches = pack(lengths, budget, padded=padded)

    ordered = [int(lengths[i]) for batch in batches for i in batch]
    assert ordered == sorted(ordered, reverse=True)


def test_padding_costs_little_over_a_window_of_real_lengths():
    lengths = np.random.default_rng(1).gamma(4, 40, size=512).clip(8, 256).astype(np.int32)

    batches = pack(lengths, 2048, padded=True)

    computed = sum(int(lengths[batch].max()) * len(batch) for batch in batches)
    assert computed / lengths.sum() < 1.06


def test_a_budget_of_nothing_is_refused():
    with pytest.raises(ValueError, match="budget"):
        pack(np.array([3]), 0, padded=False)


def test_batches_are_filled_up_to_few_sizes():
    sizes = {tokens: filled_up(tokens) for tokens in range(1, 2049)}

    assert all(size >= tokens for tokens, size in sizes.items())
    assert len(set(sizes.values())) == 15


def test_filling_the_batches_of_a_window_up_adds_two_per_cent():
    lengths = np.clip(np.random.default_rng(1).normal(157, 65, 256), 5, 256).astype(np.int32)

    batches = [int(lengths[batch].sum()) for batch in pack(lengths, 2048, padded=False)]

    assert sum(map(filled_up, batches)) < 1.02 * sum(batches)
