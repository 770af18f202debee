"""Proves what a rerun does with a file, for every state the manifest can remember."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecstream_cli.core.ids import ContentHash, DocumentId
from vecstream_cli.core.plan import (
    MAX_FAILURES,
    RACY_NS,
    TRANSIENT,
    Decision,
    KnownDocument,
    KnownFailure,
    KnownVersion,
    Stamp,
    any_reader,
    decide,
    hold_back,
    is_racy,
)

READERS = {"pdf": "pdf/1", "text": "text/1"}
SECOND = 1_000_000_000
STAMP = Stamp(size=10, mtime_ns=100 * SECOND, ctime_ns=100 * SECOND, inode=7)
GOOD = KnownVersion(
    attempt=1,
    stamp=STAMP,
    seen_ns=200 * SECOND,
    content_hash=ContentHash(b"h" * 16),
    reader="text/1",
)
KNOWN = KnownDocument(id=DocumentId(b"d" * 16), good=GOOD, failure=None, pending=False)
MALFORMED = KnownFailure(reason="malformed", stamp=STAMP, reader="pdf/1", count=1)

times = st.integers(0, 2**62)
stamps = st.builds(Stamp, st.integers(0, 2**40), times, times, st.integers(0, 2**63))


def test_a_file_never_seen_is_new() -> None:
    assert decide(STAMP, None, reader_versions=READERS) is Decision.NEW


def test_an_equal_stamp_is_trusted() -> None:
    assert decide(STAMP, KNOWN, reader_versions=READERS) is Decision.UNCHANGED


@pytest.mark.parametrize("field", ["size", "mtime_ns", "ctime_ns", "inode"])
@pytest.mark.parametrize("step", [-1, 1])
def test_any_difference_of_a_stamp_is_verified_older_or_newer(field: str, step: int) -> None:
    stamp = STAMP._replace(**{field: getattr(STAMP, field) + step})
    assert decide(stamp, KNOWN, reader_versions=READERS) is Decision.VERIFY


def test_checksum_trusts_no_stamp() -> None:
    assert decide(STAMP, KNOWN, reader_versions=READERS, checksum=True) is Decision.VERIFY


@pytest.mark.parametrize("field", ["mtime_ns", "ctime_ns"])
def test_a_stamp_taken_while_the_file_was_fresh_is_not_trusted(field: str) -> None:
    stamp = STAMP._replace(**{field: GOOD.seen_ns - RACY_NS})
    known = KNOWN._replace(good=GOOD._replace(stamp=stamp))
    assert decide(stamp, known, reader_versions=READERS) is Decision.VERIFY


@given(stamps, times)
def test_a_later_look_at_a_resting_file_is_never_racier(stamp: Stamp, seen_ns: int) -> None:
    assert is_racy(stamp, seen_ns + RACY_NS) <= is_racy(stamp, seen_ns)


def test_a_new_version_of_its_reader_parses_a_document_again() -> None:
    newer = READERS | {"text": "text/2"}
    assert decide(STAMP, KNOWN, reader_versions=newer) is Decision.CHANGED


def test_a_new_version_of_another_reader_changes_nothing() -> None:
    newer = READERS | {"pdf": "pdf/2"}
    assert decide(STAMP, KNOWN, reader_versions=newer) is Decision.UNCHANGED


@pytest.mark.parametrize("stamp", [STAMP, STAMP._replace(size=11)])
def test_an_attempt_that_never_ended_is_made_again(stamp: Stamp) -> None:
    known = KNOWN._replace(pending=True)
    assert decide(stamp, known, reader_versions=READERS) is Decision.CHANGED
    assert decide(stamp, known._replace(good=None), reader_versions=READERS) is Decision.NEW


@pytest.mark.parametrize("good", [None, GOOD._replace(stamp=STAMP._replace(size=9))])
def test_a_failed_document_that_did_not_change_is_left_alone(good: KnownVersion | None) -> None:
    known = KNOWN._replace(good=good, failure=MALFORMED)
    assert decide(STAMP, known, reader_versions=READERS) is Decision.QUARANTINED


def test_a_failed_document_that_changed_is_tried_again() -> None:
    edited = STAMP._replace(size=11)
    known = KNOWN._replace(good=None, failure=MALFORMED)
    assert decide(edited, known, reader_versions=READERS) is Decision.NEW


def test_a_failed_document_is_tried_again_by_a_new_version_of_its_reader() -> None:
    known = KNOWN._replace(good=None, failure=MALFORMED)
    assert decide(STAMP, known, reader_versions=READERS | {"pdf": "pdf/2"}) is Decision.NEW


def test_a_document_no_reader_took_is_tried_again_when_a_reader_is_added() -> None:
    failure = replace(MALFORMED, reason="unsupported", reader=any_reader(READERS))
    known = KNOWN._replace(good=None, failure=failure)
    assert decide(STAMP, known, reader_versions=READERS) is Decision.QUARANTINED
    assert decide(STAMP, known, reader_versions=READERS | {"odt": "odt/1"}) is Decision.NEW


@pytest.mark.parametrize("reason", ["crashed", "timeout"])
def test_a_document_that_cost_two_parsers_costs_the_next_run_none(reason: str) -> None:
    known = KNOWN._replace(good=None, failure=replace(MALFORMED, reason=reason, count=1))
    assert decide(STAMP, known, reader_versions=READERS) is Decision.QUARANTINED


@pytest.mark.parametrize("reason", sorted(TRANSIENT))
def test_a_failure_that_may_pass_is_retried_a_bounded_number_of_times(reason: str) -> None:
    decisions = [
        decide(
            STAMP,
            KNOWN._replace(good=None, failure=replace(MALFORMED, reason=reason, count=count)),
            reader_versions=READERS,
        )
        for count in range(1, MAX_FAILURES + 2)
    ]
    retries = [Decision.NEW] * (MAX_FAILURES - 1)
    assert decisions == [*retries, Decision.QUARANTINED, Decision.QUARANTINED]


@pytest.mark.parametrize(
    ("gone", "known", "held"),
    [
        (0, 0, False),
        (0, 9, False),
        (1, 2, False),
        (20, 30, False),
        (21, 41, True),
        (21, 42, False),
        (1, 1, True),
        (5, 5, True),
        (500, 1001, False),
        (501, 1001, True),
    ],
)
def test_mass_removals_are_held_back(gone: int, known: int, held: bool) -> None:
    assert hold_back(gone, known) is held
