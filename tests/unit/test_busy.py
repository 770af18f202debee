"""How busy the stages were: of the time between the first and the last batch, and no other."""

from collections.abc import Iterator

import pytest

from vecstream_cli.pipeline.arena import BEGAN_NS, BUSY_NS, ENDED_NS, TOKENS, Arena
from vecstream_cli.pipeline.busy import Busy, Shares, limiting
from vecstream_cli.pipeline.events import Stage, Summary

SECOND = 1_000_000_000
PARSERS, INFERENCE, WRITER = (0, 1), 5, 6


@pytest.fixture
def arena() -> Iterator[Arena]:
    arena = Arena.create(0)
    yield arena
    arena.close()


@pytest.fixture
def busy(arena: Arena) -> Busy:
    return Busy(arena, parsers=PARSERS, inferences=[INFERENCE], writer=WRITER)


def batch(arena: Arena, began: int, ended: int, worked: int) -> None:
    arena.control[INFERENCE, BEGAN_NS] = arena.control[INFERENCE, BEGAN_NS] or began * SECOND
    arena.control[INFERENCE, ENDED_NS] = ended * SECOND
    arena.control[INFERENCE, BUSY_NS] += worked * SECOND


def test_only_work_between_the_first_and_the_last_batch_counts(arena: Arena, busy: Busy) -> None:
    arena.control[list(PARSERS), BUSY_NS] = 4 * SECOND  # what was read while the model loaded
    arena.control[INFERENCE, BEGAN_NS] = 10 * SECOND
    busy.look(10 * SECOND)
    batch(arena, 10, 20, worked=9)
    arena.control[0, BUSY_NS] += 2 * SECOND
    arena.control[WRITER, BUSY_NS] += 5 * SECOND
    busy.look(20 * SECOND)
    arena.control[WRITER, BUSY_NS] += 50 * SECOND  # it compacts at the end
    busy.look(70 * SECOND)
    summary = Summary()

    busy.tell(summary, started=8.0)

    assert (summary.first_batch_seconds, summary.embed_seconds) == (2.0, 10.0)
    assert summary.inference_busy == pytest.approx(0.9)
    assert summary.parsers_busy == pytest.approx(0.1)  # one of two
    assert summary.writer_busy == pytest.approx(0.5)
    assert summary.limited_by == "embed"


def test_tokens_are_those_of_every_batch_that_inference_has_ended(arena: Arena, busy: Busy) -> None:
    assert busy.tokens == 0
    arena.control[INFERENCE, TOKENS] += 2000
    arena.control[INFERENCE, TOKENS] += 1500
    assert busy.tokens == 3500


def test_a_run_that_embedded_nothing_tells_nothing(busy: Busy) -> None:
    summary = Summary()
    busy.look(SECOND)

    busy.tell(summary, started=0.0)

    assert summary == Summary()


def test_progress_tells_what_happened_since_the_progress_before(arena: Arena, busy: Busy) -> None:
    busy.look(10 * SECOND)
    busy.since_last_told()
    arena.control[1, BUSY_NS] += 2 * SECOND
    busy.look(12 * SECOND)

    assert busy.since_last_told() == Shares(parse=1.0)  # the other was never started
    assert busy.since_last_told() == Shares()

    arena.control[0, BUSY_NS] += 2 * SECOND
    busy.look(14 * SECOND)

    assert busy.since_last_told() == Shares(parse=0.5)


@pytest.mark.parametrize(
    ("shares", "stage"),
    [
        (Shares(parse=1.0, embed=0.98), Stage.EMBED),  # parsers give way, and wait for no slot
        (Shares(parse=0.95, embed=0.4), Stage.PARSE),
        (Shares(parse=0.2, embed=0.5, write=0.97), Stage.WRITE),
        (Shares(parse=0.2, embed=0.92, write=0.97), Stage.WRITE),
    ],
)
def test_the_stage_that_the_others_wait_for_is_named(shares: Shares, stage: Stage) -> None:
    assert limiting(shares) is stage
