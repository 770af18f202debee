"""The slots on their way round: ledger, slots and documents, kept in step with each other."""

from collections import deque
from collections.abc import Callable, Iterable

from vecstream_cli.core.leases import Holder, Ledger, Place, SlotRef
from vecstream_cli.pipeline.arena import Arena
from vecstream_cli.pipeline.documents import Document, Documents
from vecstream_cli.pipeline.slots import Slot, SlotLayout
from vecstream_cli.state.entries import AcknowledgedRow

WRITER = Holder(Place.WRITER)
_READY = Holder(Place.READY)


class Ring:
    """Every hand-over of a slot, as the supervisor orders it.

    A message whose lease is not the holder's is refused: the method then does nothing.
    `find_donors` marks the rows of a filled slot that need not be embedded and counts the others.
    `poison` overwrites a slot before it is free again, so that a test can see who still reads it.
    """

    def __init__(
        self,
        arena: Arena,
        layout: SlotLayout,
        slots: int,
        find_donors: Callable[[Slot, int], int],
        *,
        poison: bool,
    ) -> None:
        region = arena.slots()
        self.documents = Documents()
        self._slots = [Slot(region, layout, index) for index in range(slots)]
        self._ledger = Ledger(slots)
        self._find_donors = find_donors
        self._ready: deque[tuple[SlotRef, int]] = deque()
        self._whole: deque[tuple[SlotRef, int]] = deque()  # ready, and nothing to embed
        self._poison = poison

    def count(self, place: Place) -> int:
        """How many slots stand at `place`."""
        return self._ledger.count(place)

    def held_by(self, holder: Holder) -> int:
        """How many slots `holder` has."""
        return self._ledger.held(holder)

    def grant(self, parser: Holder) -> SlotRef | None:
        """A free slot for a parser, None where there is none."""
        return self._ledger.grant(parser)

    def filled(self, ref: SlotRef, rows: int, parser: Holder) -> None:
        """A parser has handed a slot on."""
        if self._ledger.holds(ref, parser):
            slot = self._slots[ref.slot]
            self.documents.count_filled(slot, rows)
            line = self._ready if self._find_donors(slot, rows) else self._whole
            line.append((self._ledger.move(ref, parser, _READY), rows))

    def returned(self, ref: SlotRef, parser: Holder) -> None:
        """A parser has given a slot back unused."""
        if self._ledger.holds(ref, parser):
            self._ledger.release(ref, parser)

    @property
    def to_embed(self) -> int:
        """Slots that wait for inference."""
        return len(self._ready)

    def next_whole(self) -> tuple[SlotRef, int] | None:
        """A slot of which inference has nothing to embed, with its rows, now the writer's."""
        while self._whole:
            ref, rows = self._whole.popleft()
            taken = self._to_writer(ref, rows, _READY)
            if taken is not None:
                return taken, rows
        return None

    def next_for(self, inference: Holder) -> tuple[SlotRef, int] | None:
        """The slot that has waited longest, with its rows, now this inference's."""
        if not self._ready:
            return None
        ref, rows = self._ready.popleft()
        return self._ledger.move(ref, _READY, inference), rows

    def embedded(self, ref: SlotRef, rows: int, inference: Holder) -> SlotRef | None:
        """An inference process has handed a slot on; its new lease, if it is for the writer.

        None: the message is refused, or every document in the slot has failed meanwhile and the
        slot is free again.
        """
        if not self._ledger.holds(ref, inference):
            return None
        return self._to_writer(ref, rows, inference)

    def missed(self, slots: Iterable[tuple[SlotRef, int]]) -> None:
        """The writer has handed these back: some of their rows are to be embedded after all."""
        for ref, rows in slots:
            if self._ledger.holds(ref, WRITER):
                self._ready.append((self._ledger.move(ref, WRITER, _READY), rows))

    def written(
        self, slots: Iterable[tuple[SlotRef, int]]
    ) -> tuple[list[AcknowledgedRow], list[Document]]:
        """The database has these slots: the rows to record, and the documents now complete."""
        acknowledged: list[AcknowledgedRow] = []
        completed: list[Document] = []
        for ref, rows in slots:
            if not self._ledger.holds(ref, WRITER):
                continue
            slot = self._slots[ref.slot]
            more_rows, more_documents = self.documents.count_written(slot, rows)
            acknowledged += more_rows
            completed += more_documents
            for document in more_documents:
                self.documents.drop(document)
            if self._poison:
                slot.poison()
            self._ledger.release(ref, WRITER)
        return acknowledged, completed

    def reclaim(self, holder: Holder) -> None:
        """Take back every slot of a process that is gone; its messages must all be read."""
        for ref in self._ledger.held_by(holder):
            self._ledger.release(ref, holder)

    def drop_unembedded(self, inferences: Iterable[Holder]) -> None:
        """Take back what waits for inference, or is with one of these."""
        self._ready.clear()
        self._whole.clear()
        for holder in (_READY, *inferences):
            self.reclaim(holder)

    def _to_writer(self, ref: SlotRef, rows: int, giver: Holder) -> SlotRef | None:
        ref = self._ledger.move(ref, giver, WRITER)
        if self.documents.mark(self._slots[ref.slot], rows):
            return ref
        self._ledger.release(ref, WRITER)
        return None
