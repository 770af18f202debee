"""A benchmark's records, comparison and advice, proved on made-up figures."""

import json
from dataclasses import replace

import pytest
from benches import bench, measure, ring, sequential
from hypothesis import given
from hypothesis import strategies as st

from vecstream_cli.core.advice import ceiling_for, limit_of, parsers_for, stood
from vecstream_cli.core.benchmark import RING, SEQUENTIAL, Advice, Bench, Run
from vecstream_cli.core.comparison import compare
from vecstream_cli.core.records import as_json, from_json


def test_a_benchmark_comes_back_from_json_as_it_was() -> None:
    made = bench()
    assert from_json(Bench, json.loads(json.dumps(as_json(made)))) == made


def test_what_a_newer_version_added_is_left_out_and_what_an_older_lacked_has_its_default() -> None:
    data = as_json(bench())
    data["colour"] = "green"
    del data["advice"]
    assert from_json(Bench, data) == bench(advice=())


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"host": None}, "Bench.host"),
        ({"runs": [{"way": "ring"}]}, "Bench.runs"),
        ({"seconds": "long"}, "Bench.seconds"),
        ({"settings": {"parsers": None}}, "Bench.settings.parsers"),
    ],
)
def test_a_field_that_cannot_be_is_named(change: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        from_json(Bench, as_json(bench()) | change)


def test_the_run_that_is_drawn_is_the_one_in_the_middle() -> None:
    made = bench(runs=(ring(50.0), sequential(70.0), ring(30.0), ring(40.0), sequential(60.0)))
    shown = made.shown(RING), made.shown(SEQUENTIAL)
    assert [run.seconds for run in shown if run] == [40.0, 60.0]


def speeds(*values: float) -> Bench:
    """A benchmark whose scan was as fast as this."""
    made = bench()
    stage = replace(made.stages[0], measures=(measure("files", "/s", *values),))
    return replace(made, stages=(stage,))


@pytest.mark.parametrize(
    ("first", "second", "ratio", "beyond"),
    [
        ((100, 101, 102), (200, 202, 204), 2.0, True),
        ((100, 150, 200), (140, 165, 190), 1.1, False),
        ((100,), (300, 300, 301), 3.0, None),
        ((200, 202, 204), (100, 101, 102), 0.5, True),
    ],
)
def test_a_difference_counts_only_where_no_value_of_one_lies_among_those_of_the_other(
    first: tuple[float, ...], second: tuple[float, ...], ratio: float, beyond: bool | None
) -> None:
    found = compare(speeds(*first), speeds(*second)).differences[0]
    assert found.what == "scan files"
    assert found.ratio == pytest.approx(ratio)
    assert found.beyond is beyond


def test_fewer_seconds_are_better_and_fewer_rows_a_second_are_not() -> None:
    # given the same work in half of the time
    compared = compare(bench(runs=(ring(40.0),)), bench(runs=(ring(20.0),)))
    better = {each.what: each.better for each in compared.differences}
    assert better["ring total"]
    assert better["ring chunks"]
    # when they are told the other way round, then both are worse
    compared = compare(bench(runs=(ring(20.0),)), bench(runs=(ring(40.0),)))
    worse = {each.what: each.better for each in compared.differences}
    assert not worse["ring total"]
    assert not worse["ring chunks"]


def test_benchmarks_of_other_documents_or_settings_say_so() -> None:
    mine = bench()
    assert compare(mine, mine).unlike == ()
    other = replace(
        mine,
        corpus=replace(mine.corpus, digest="f" * 16),
        settings={**mine.settings, "parsers": 4},
        versions={**mine.versions, "torch": "3.0"},
    )
    told = compare(mine, other).unlike
    assert [line.split(":")[0] for line in told] == ["other documents", "torch", "--parsers"]


def test_the_limit_is_what_most_runs_say_and_without_a_word_the_slowest_stage_alone() -> None:
    said = [ring(limited_by=stage) for stage in ("parse", "embed", "parse")]
    assert limit_of(said, bench().stages) == "parse"
    assert limit_of([ring(limited_by=None)], bench().stages) == "embed"


def test_runs_of_a_few_chunks_do_not_say_what_limits_a_machine() -> None:
    assert limit_of([ring(chunks=63)], bench().stages) == ""
    assert limit_of([ring(chunks=64)], bench().stages) == "embed"


@given(st.floats(0.1, 1e5), st.floats(0.1, 1e5), st.integers(1, 64))
def test_there_are_parsers_enough_for_inference_but_no_more_than_cores(
    one: float, embedding: float, cores: int
) -> None:
    parsers = parsers_for(one, embedding, cores, "embed")
    assert 2 <= parsers <= max(2, cores)
    assert parsers >= cores or parsers * one >= embedding


def test_where_reading_is_the_limit_every_core_reads() -> None:
    assert parsers_for(1000.0, 10.0, 8, "parse") == 8


@pytest.mark.parametrize(
    ("tried", "stands"),
    [
        ((ring(41.0),), True),
        ((ring(30.0), ring(50.0), ring(41.0)), True),
        ((ring(44.0),), False),
        ((ring(30.0, failed=2),), False),
        ((), False),
    ],
)
def test_only_settings_that_were_no_slower_and_lost_no_document_are_recommended(
    tried: tuple[Run, ...], stands: bool
) -> None:
    advice = (Advice(key="parsers", value=2, why="so it is"),)
    usual = (ring(40.0), ring(38.0), ring(42.0))
    assert stood(advice, usual, tried) is stands
    assert not stood((), usual, tried)


@given(st.integers(1, 1 << 40), st.integers(1, 1 << 40))
def test_the_ceiling_is_one_that_neither_throttles_nor_refuses(peak: int, least: int) -> None:
    ceiling = ceiling_for(peak, least)
    assert ceiling >= least
    assert ceiling * 0.92 >= peak * 0.9999
    assert ceiling % (1 << 20) == 0
