"""What a dry run expects is what earlier runs took, in proportion."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecstream_cli.core.estimate import History, Past, Read, history

RUN: dict[str, object] = {"tokens": 6000, "embed_seconds": 60.0, "seconds": 75.0}


def test_each_format_has_its_own_tokens_for_a_byte() -> None:
    known = history([("pdf/1", 1_000_000, 10_000), ("markdown/1", 1000, 250)], [])
    assert known.tokens({"pdf": 500_000}) == 5000
    assert known.tokens({"markdown": 4000, "pdf": 100_000}) == 2000
    assert known.tokens({"html": 1_001_000}) == 10_250  # never read here: as all others together


def test_versions_of_a_reader_count_as_one() -> None:
    known = history([("pdf/1", 100, 10), ("pdf/2", 300, 10)], [])
    assert known.readers == {"pdf": Read(400, 20)}


def test_time_is_that_of_earlier_runs_for_as_many_tokens() -> None:
    quiet: dict[str, object] = {"tokens": 0, "embed_seconds": 0.0, "seconds": 0.3}
    known = history([], [RUN, quiet, {"of": "an older version"}])
    assert known.runs == [Past(6000, 60.0, 75.0)]
    assert known.seconds(12_000) == pytest.approx(120.0)
    assert known.overhead == 15.0


def test_without_a_past_nothing_is_said_but_that_nothing_takes_nothing() -> None:
    known = History({}, [])
    assert (known.tokens({"pdf": 10}), known.tokens({"pdf": 0}), known.tokens({})) == (None, 0, 0)
    assert (known.seconds(10), known.seconds(None), known.overhead) == (None, None, 0.0)


@given(
    st.dictionaries(st.sampled_from(["a", "b", "c"]), st.integers(0, 10**12)),
    st.dictionaries(
        st.sampled_from(["a", "b"]), st.tuples(st.integers(0, 10**12), st.integers(0, 10**9))
    ),
)
def test_more_bytes_never_come_to_fewer_tokens(
    sizes: dict[str, int], read: dict[str, tuple[int, int]]
) -> None:
    known = History({name: Read(*each) for name, each in read.items()}, [])
    less, more = known.tokens(sizes), known.tokens({n: 2 * size for n, size in sizes.items()})
    assert (less is None) == (more is None)
    assert less is None or more is None or 0 <= less <= more
