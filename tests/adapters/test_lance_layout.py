"""When compaction is due: properties of a decision on plain numbers."""

import pytest

from vecstream_cli.adapters.lance.layout import Layout, compaction_due, lookup_due

FULL = 1 << 20  # rows of a fragment that Lance does not join to others


def grown(rows: int, batches: int, batch_rows: int) -> Layout:
    """A compacted table of `rows`, and `batches` of `batch_rows` since."""
    stored = rows + batches * batch_rows
    full, rest = divmod(rows, FULL)
    return Layout(
        rows=stored,
        stored_rows=stored,
        fragments=batches + full + bool(rest),
        small=batches + (0 < rest < 100_000),
    )


def rewritten(batch_rows: int, until: int) -> float:
    """How often a row is rewritten while a table grows, on average."""
    rows = batches = moved = 0
    while rows + batches * batch_rows < until:
        batches += 1
        if compaction_due(grown(rows, batches, batch_rows), final=False):
            moved += rows % FULL + batches * batch_rows
            rows += batches * batch_rows
            batches = 0
    return moved / until


@pytest.mark.parametrize("final", [False, True])
def test_an_empty_or_compact_table_is_left_alone(final: bool) -> None:
    assert not compaction_due(grown(0, 0, 0), final=final)
    assert not compaction_due(grown(10, 0, 0), final=final)
    assert not compaction_due(grown(10_000_000, 0, 0), final=final)


def test_a_row_is_rewritten_a_few_times_at_most_however_large_the_table_grows() -> None:
    assert rewritten(500, until=900_000) < 4
    assert rewritten(500, until=9_000_000) < 5


def test_with_full_batches_a_row_is_rewritten_once() -> None:
    assert 0.9 < rewritten(4096, until=50_000_000) < 1.1


def test_pieces_never_pass_their_bound() -> None:
    assert compaction_due(grown(50_000_000, 256, 10), final=False)
    assert compaction_due(grown(0, 64, 10), final=False)


@pytest.mark.parametrize("rows", [300_000, 1_000_000, 10_000_000])
def test_the_end_of_a_run_does_not_rewrite_a_big_table_for_a_few_pieces(rows: int) -> None:
    assert not compaction_due(grown(rows, 1, 30), final=True)
    assert not compaction_due(grown(rows, 60, 30), final=True)
    assert compaction_due(grown(rows, 256, 30), final=True)


def test_the_end_of_a_run_leaves_a_small_table_in_few_pieces() -> None:
    assert not compaction_due(grown(5000, 1, 30), final=True)
    assert compaction_due(grown(5000, 8, 30), final=True)


def test_a_small_table_keeps_its_old_versions_for_a_shorter_time() -> None:
    assert grown(5000, 1, 30).version_lifetime < grown(500_000, 1, 30).version_lifetime


def test_many_deleted_rows_are_a_reason_at_the_end() -> None:
    assert compaction_due(Layout(850_000, 1_000_000, 1, 0), final=True)
    assert not compaction_due(Layout(850_000, 1_000_000, 1, 0), final=False)
    assert not compaction_due(Layout(990_000, 1_000_000, 1, 0), final=True)


def test_the_index_by_document_is_made_anew_when_more_than_one_row_in_fifty_is_not_in_it() -> None:
    assert not lookup_due(1_000_000, 50_000)
    assert lookup_due(1_000_000, 50_001)
    assert not lookup_due(5_000_000, 100_000)
    assert lookup_due(5_000_000, 100_001)
