"""When compaction is due: properties of a decision on plain numbers."""

import pytest

from vecstream_cli.adapters.lance_layout import Layout, compaction_due


def grown(rows: int, batches: int, batch_rows: int) -> Layout:
    """A compacted table of `rows`, and `batches` of `batch_rows` since."""
    return Layout(
        rows=rows + batches * batch_rows,
        stored_rows=rows + batches * batch_rows,
        fragments=batches + bool(rows),
        small=batches + (0 < rows < 100_000),
        largest=max(rows, batch_rows if batches else 0),
    )


@pytest.mark.parametrize("final", [False, True])
def test_an_empty_or_compact_table_is_left_alone(final: bool) -> None:
    assert not compaction_due(grown(0, 0, 0), final=final)
    assert not compaction_due(grown(10, 0, 0), final=final)
    assert not compaction_due(grown(10_000_000, 0, 0), final=final)


def test_all_compactions_of_a_growing_table_rewrite_a_few_times_its_rows() -> None:
    rows = batches = rewritten = 0
    while rows < 900_000:
        batches += 1
        if compaction_due(grown(rows, batches, 500), final=False):
            rows += batches * 500
            rewritten += rows
            batches = 0
    assert rewritten < 4 * rows


def test_pieces_never_pass_their_bound() -> None:
    assert compaction_due(grown(50_000_000, 512, 10), final=False)


def test_one_changed_document_does_not_rewrite_a_big_table_at_the_end() -> None:
    assert not compaction_due(grown(1_000_000, 1, 30), final=True)
    assert compaction_due(grown(1_000_000, 8, 30), final=True)
    assert compaction_due(grown(1000, 1, 30), final=True)


def test_many_deleted_rows_are_a_reason_at_the_end() -> None:
    assert compaction_due(Layout(850_000, 1_000_000, 1, 0, 1_000_000), final=True)
    assert not compaction_due(Layout(990_000, 1_000_000, 1, 0, 1_000_000), final=True)
