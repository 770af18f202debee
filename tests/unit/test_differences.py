"""A document is judged by counts alone, and a sample has exactly the size it should have."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecstream_cli.core.differences import (
    Findings,
    Kind,
    Mending,
    Report,
    Tally,
    Where,
    differences,
)
from vecstream_cli.core.sampling import Sample, sample_size

WHOLE = {
    "listed": 5, "missing": 0, "distinct": 5, "rows": 5, "counted": 5, "other_attempt": 0,
    "other_content": 0, "torn": False,
}  # fmt: skip


def judged(**facts: int | bool) -> dict[Kind, int]:
    return dict(differences(Tally(**(WHOLE | facts))))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("facts", "found"),
    [
        ({}, {}),
        ({"missing": 2, "distinct": 3, "rows": 3}, {Kind.ROWS_MISSING: 2}),
        ({"distinct": 6, "rows": 6}, {Kind.ROWS_EXTRA: 1}),
        ({"rows": 7}, {Kind.ROWS_DUPLICATE: 2}),
        ({"other_attempt": 4}, {Kind.ATTEMPT_DIFFERS: 4}),
        ({"other_content": 1}, {Kind.CONTENT_DIFFERS: 1}),
        ({"counted": 3}, {Kind.CHUNKS_MISCOUNTED: 2}),
        # a later attempt failed: it has replaced rows, and their numbers with them
        ({"other_attempt": 4, "other_content": 4, "torn": True}, {}),
        (
            {"missing": 1, "distinct": 5, "rows": 6},
            {Kind.ROWS_MISSING: 1, Kind.ROWS_EXTRA: 1, Kind.ROWS_DUPLICATE: 1},
        ),
    ],
)
def test_each_way_to_differ_is_told_from_the_others(
    facts: dict[str, int | bool], found: dict[Kind, int]
) -> None:
    assert judged(**facts) == found


def test_only_a_few_documents_of_a_kind_are_named_and_all_are_counted() -> None:
    findings = Findings()
    for number in range(40):
        findings.add(Kind.ROWS_MISSING, 2, Where("/docs", f"{number}.md"))
    (found,) = findings.all()
    assert (found.count, found.documents, len(found.examples)) == (80, 40, 5)


def test_what_is_left_unmended_is_a_failure() -> None:
    findings = Findings()
    findings.add(Kind.ROWS_MISSING, 1, mended=True)
    assert Report(findings.all(), 0).exit_code == 0
    findings.add(Kind.FILE_GONE, 1)
    assert Report(findings.all(), 0).exit_code == 1


def test_every_kind_says_what_it_means_and_what_mends_it() -> None:
    assert all(kind.meaning and isinstance(kind.mending, Mending) for kind in Kind)


@given(st.integers(0, 400), st.floats(0.0001, 1), st.integers())
def test_a_sample_has_its_size_whatever_the_seed(total: int, share: float, seed: int) -> None:
    size = sample_size(share, total)
    sample = Sample(size, total, seed)
    assert sum(sample.picks() for _ in range(total)) == size
    assert size >= min(1, total)
