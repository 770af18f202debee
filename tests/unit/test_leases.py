"""The ledger: one holder for each slot, and old leases are worth nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecstream_cli.core.leases import Holder, Ledger, Place, SlotRef

PARSER, OTHER_PARSER = Holder(Place.PARSER, 1), Holder(Place.PARSER, 2)
READY, WRITER = Holder(Place.READY), Holder(Place.WRITER)


def test_a_slot_is_granted_to_one_holder_at_a_time() -> None:
    ledger = Ledger(2)

    first, second = ledger.grant(PARSER), ledger.grant(OTHER_PARSER)

    assert first is not None
    assert second is not None
    assert first.slot != second.slot
    assert ledger.grant(PARSER) is None


def test_an_old_lease_is_refused_after_the_hand_over() -> None:
    ledger = Ledger(1)
    old = ledger.grant(PARSER)
    assert old is not None
    new = ledger.move(old, PARSER, READY)

    assert ledger.holds(new, READY)
    assert not ledger.holds(old, PARSER)
    with pytest.raises(ValueError, match="does not hold"):
        ledger.move(old, PARSER, READY)


def test_a_dead_parsers_slots_cannot_be_claimed_by_its_successor() -> None:
    ledger = Ledger(1)
    ref = ledger.grant(PARSER)
    assert ref is not None
    for held in ledger.held_by(PARSER):
        ledger.release(held, PARSER)

    assert ledger.count(Place.FREE) == 1
    assert not ledger.holds(ref, PARSER)
    assert not ledger.holds(ref, OTHER_PARSER)


def test_a_reference_to_no_slot_is_refused() -> None:
    assert not Ledger(1).holds(SlotRef(7, 1), PARSER)


@given(st.lists(st.integers(0, 3), max_size=200), st.integers(1, 6))
def test_every_slot_has_exactly_one_place_whatever_happens(moves: list[int], slots: int) -> None:
    ledger = Ledger(slots)
    held: dict[Holder, list[SlotRef]] = {PARSER: [], READY: [], WRITER: []}
    steps = {0: (None, PARSER), 1: (PARSER, READY), 2: (READY, WRITER), 3: (WRITER, None)}
    for move in moves:
        giver, taker = steps[move]
        if giver is None:
            ref = ledger.grant(PARSER)
            if ref is not None:
                held[PARSER].append(ref)
        elif held[giver]:
            ref = held[giver].pop(0)
            if taker is None:
                ledger.release(ref, giver)
            else:
                held[taker].append(ledger.move(ref, giver, taker))

        assert sum(ledger.count(place) for place in Place) == slots
        for holder, refs in held.items():
            assert ledger.held(holder) == len(refs)
            assert sorted(ledger.held_by(holder), key=lambda r: r.lease) == sorted(
                refs, key=lambda r: r.lease
            )
