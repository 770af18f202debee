"""The memory ceiling: what is planned fits, and samples climb the ladder."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from vecstream_cli.core import ceiling
from vecstream_cli.core.ceiling import MIB, Machine, Pressure, RingPlan, Sample, Wish, judge, plan
from vecstream_cli.errors import CeilingError

SLOT = MIB
WEIGHTS = 90 * MIB


def wish(
    max_memory: int | None = None, parsers: int | None = None, slots: int | None = None
) -> Wish:
    return Wish(max_memory=max_memory, parsers=parsers, slots=slots, buffer_bytes=None)


def planned(what: Wish, memory: int = 24 << 30, cores: int = 4) -> RingPlan:
    machine = Machine(cores=cores, memory=memory)
    return plan(what, machine, slot_bytes=SLOT, weights_bytes=WEIGHTS)


def needed(ring: RingPlan) -> int:
    fixed = ceiling.SUPERVISOR_BYTES + ceiling.WRITER_BYTES + ceiling.INFERENCE_BYTES + WEIGHTS
    fixed += (ring.lanes - 1) * ceiling.LANE_BYTES
    return fixed + ring.slots * SLOT + ring.parsers * ceiling.PARSER_BYTES


@given(st.integers(4096, 65536))
def test_at_the_end_the_writer_may_have_what_the_others_had_and_no_more(mib: int) -> None:
    ring = planned(wish(max_memory=mib * MIB), memory=1 << 40)
    spare = ceiling.spare_at_the_end(ring, SLOT)
    assert spare >= ceiling.INFERENCE_BYTES + WEIGHTS + ring.parsers * ceiling.PARSER_BYTES
    kept = ceiling.SUPERVISOR_BYTES + ceiling.WRITER_BYTES + ring.slots * SLOT
    assert spare + kept == ring.max_memory


@given(
    st.integers(256, 65536),
    st.one_of(st.none(), st.integers(1, 32)),
    st.one_of(st.none(), st.integers(2, 4096)),
    st.integers(1, 128),
)
def test_whatever_is_planned_fits_under_the_ceiling(
    mib: int, parsers: int | None, slots: int | None, cores: int
) -> None:
    try:
        ring = planned(wish(mib * MIB, parsers, slots), cores=cores)
    except CeilingError:
        assume(False)

    assert ring.max_memory == min(mib * MIB, 24 << 30)
    assert needed(ring) + ring.parser_allowance <= ring.max_memory
    assert parsers is None or ring.parsers == parsers
    assert slots is None or ring.slots == slots


def test_the_ceiling_named_in_the_refusal_works() -> None:
    with pytest.raises(CeilingError) as caught:
        planned(wish(200 * MIB))
    smallest = int(caught.value.hint.split("--max-memory ")[1].split("M")[0])

    assert planned(wish(smallest * MIB)).max_memory == smallest * MIB
    with pytest.raises(CeilingError):
        planned(wish((smallest - 1) * MIB))


@pytest.mark.parametrize(
    ("cores", "inferences", "lanes", "threads"),
    [(1, 1, 1, 1), (2, 1, 2, 1), (8, 1, 8, 1), (32, 1, 8, 4), (12, 1, 6, 2), (4, 2, 2, 1)],
)
def test_every_core_has_a_lane_until_lanes_get_more_threads(
    cores: int, inferences: int, lanes: int, threads: int
) -> None:
    ring = plan(
        wish(), Machine(cores=cores, memory=24 << 30), slot_bytes=SLOT, weights_bytes=WEIGHTS,
        inferences=inferences,
    )  # fmt: skip

    assert (ring.lanes, ring.lane_threads, ring.inferences) == (lanes, threads, inferences)


def test_a_tight_ceiling_costs_lanes_and_not_the_run() -> None:
    roomy, tight = planned(wish(4 << 30), cores=8), planned(wish(1000 * MIB), cores=8)

    assert (roomy.lanes, roomy.lane_threads) == (8, 1)
    assert tight.lanes < 8
    assert tight.lane_threads == 8 // tight.lanes


def test_without_a_ceiling_half_the_machine_is_used() -> None:
    assert planned(wish(), memory=8 << 30).max_memory == 4 << 30


def test_a_ceiling_above_the_machine_is_lowered_to_it() -> None:
    assert planned(wish(64 << 30), memory=8 << 30).max_memory == 8 << 30


def test_a_buffer_of_less_than_two_slots_is_refused() -> None:
    small = Wish(max_memory=None, parsers=None, slots=None, buffer_bytes=SLOT)
    with pytest.raises(CeilingError, match="two slots"):
        planned(small)


LIMIT = 1000 * MIB
SMALL = (1, 100 * MIB)
LARGE = (2, 400 * MIB)


def at(share: float, *parsers: tuple[int, int]) -> Sample:
    return Sample(int(LIMIT * share), parsers)


@pytest.mark.parametrize(
    ("samples", "pressure"),
    [
        ([], Pressure.ADMIT),
        ([at(0.5, SMALL)], Pressure.ADMIT),
        ([at(0.93, SMALL, LARGE)], Pressure.THROTTLE),
        ([at(0.98, SMALL, LARGE)], Pressure.RECYCLE),
        ([at(0.98, SMALL)], Pressure.THROTTLE),
        ([at(1.02, SMALL)], Pressure.THROTTLE),
        ([at(1.02, SMALL)] * 3, Pressure.ABORT),
        ([at(1.02, SMALL)] * 2 + [at(0.9)], Pressure.ADMIT),
    ],
)
def test_each_sample_calls_for_its_rung(samples: list[Sample], pressure: Pressure) -> None:
    assert judge(samples, LIMIT).pressure is pressure


def test_the_largest_parser_is_the_one_recycled() -> None:
    assert judge([at(0.99, SMALL, LARGE, (3, 300 * MIB))], LIMIT).parser == LARGE[0]


def test_a_model_for_images_is_given_more_and_fewer_slots() -> None:
    machine = Machine(cores=4, memory=24 << 30)

    def of(reads_images: bool, max_memory: int | None = None) -> RingPlan:
        return plan(
            wish(max_memory), machine, slot_bytes=SLOT, weights_bytes=WEIGHTS,
            reads_images=reads_images,
        )  # fmt: skip

    images, text = of(True), of(False)

    assert images.slots < text.slots == ceiling.DEFAULT_SLOTS
    with pytest.raises(CeilingError) as small:
        of(True, 600 * MIB)
    least = int(small.value.hint.rpartition(" ")[2].rstrip("M."))
    assert of(True, least * MIB).parser_allowance >= 192 * MIB
    with pytest.raises(CeilingError):
        of(True, (least - 1) * MIB)
