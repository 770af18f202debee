"""The slot ledger: which slot is in whose hands, and since which hand-over."""

from collections import Counter, deque
from dataclasses import dataclass
from enum import Enum


class Place(Enum):
    """Where a slot stands on its way round the ring."""

    FREE = "free"
    PARSER = "parser"
    READY = "ready"  # filled, in the supervisor's queue for inference
    INFERENCE = "inference"
    WRITER = "writer"


@dataclass(frozen=True, slots=True)
class Holder:
    """A place and, for a place of several processes, which of them (its child number)."""

    place: Place
    child: int = 0


@dataclass(frozen=True, slots=True)
class SlotRef:
    """A slot and the lease it was handed over under; the lease makes an old message harmless."""

    slot: int
    lease: int


FREE = Holder(Place.FREE)


class Ledger:
    """Holds for every slot its holder and its lease; nothing else may say who has a slot."""

    def __init__(self, slots: int) -> None:
        if slots < 1:
            raise ValueError("a ring needs at least one slot")
        self._holders = [FREE] * slots
        self._leases = [0] * slots
        self._free = deque(range(slots))
        self._next_lease = 1
        self._counts: Counter[Place] = Counter({Place.FREE: slots})
        self._held: Counter[Holder] = Counter({FREE: slots})

    def __len__(self) -> int:
        return len(self._holders)

    def count(self, place: Place) -> int:
        """How many slots stand at `place`."""
        return self._counts[place]

    def held(self, holder: Holder) -> int:
        """How many slots `holder` has."""
        return self._held[holder]

    def grant(self, holder: Holder) -> SlotRef | None:
        """Hand a free slot to `holder`, or None where no slot is free."""
        if not self._free:
            return None
        slot = self._free.popleft()
        return self._assign(slot, holder)

    def holds(self, ref: SlotRef, holder: Holder) -> bool:
        """Whether `ref` is the live lease of `holder`; a message for which it is not is refused."""
        return (
            0 <= ref.slot < len(self._leases)
            and self._leases[ref.slot] == ref.lease
            and self._holders[ref.slot] == holder
        )

    def move(self, ref: SlotRef, giver: Holder, taker: Holder) -> SlotRef:
        """Hand a slot on under a new lease.

        Raises ValueError where `giver` does not hold `ref`.
        """
        if not self.holds(ref, giver):
            raise ValueError(f"{giver} does not hold {ref}")
        return self._assign(ref.slot, taker)

    def release(self, ref: SlotRef, giver: Holder) -> None:
        """Make a slot free again. Raises ValueError where `giver` does not hold `ref`."""
        self.move(ref, giver, FREE)
        self._free.append(ref.slot)

    def held_by(self, holder: Holder) -> list[SlotRef]:
        """The slots in `holder`'s hands, in the order of their leases."""
        refs = [
            SlotRef(slot, self._leases[slot])
            for slot, at in enumerate(self._holders)
            if at == holder
        ]
        return sorted(refs, key=lambda ref: ref.lease)

    def _assign(self, slot: int, holder: Holder) -> SlotRef:
        self._counts[self._holders[slot].place] -= 1
        self._counts[holder.place] += 1
        self._held[self._holders[slot]] -= 1
        self._held[holder] += 1
        self._holders[slot] = holder
        self._leases[slot] = self._next_lease
        self._next_lease += 1
        return SlotRef(slot, self._leases[slot])
