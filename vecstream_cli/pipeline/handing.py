"""Filled slots handed on: to the inference process that has room, and to the writer."""

from vecstream_cli.core.leases import Holder, Place
from vecstream_cli.pipeline import messages as msg
from vecstream_cli.pipeline.crew import Crew
from vecstream_cli.pipeline.inference import WINDOW_SLOTS
from vecstream_cli.pipeline.lifecycle import Child
from vecstream_cli.pipeline.ring import Ring

_INFERENCE_SLOTS = 2 * WINDOW_SLOTS  # one window at work, one to go on with


class Handing:
    """Every slot that goes from one process to the next, but for those that parsers are given."""

    def __init__(self, ring: Ring, crew: Crew) -> None:
        self._ring = ring
        self._crew = crew
        self._flush_asked = False

    def hand_on(self) -> None:
        """Slots with nothing to embed go to the writer, the others to inference."""
        while (whole := self._ring.next_whole()) is not None:
            self._crew.tell_writer(msg.Write(*whole))
        if self._ring.to_embed:
            self._crew.start_inference()
            self._to_inference()

    def embedded(self, child: Child, message: msg.Embedded) -> None:
        """An inference process has made a slot's vectors: it is the writer's now."""
        number = next(n for n, each in self._crew.inferences.items() if each is child)
        holder = Holder(Place.INFERENCE, number)
        ref = self._ring.embedded(message.ref, message.rows, holder)
        if ref is not None:
            self._crew.tell_writer(msg.Write(ref, message.rows))

    def ask_for_flush(self) -> None:
        """Have the writer write what it has gathered, unless it was asked already."""
        if self._ring.count(Place.WRITER) and not self._flush_asked:
            self._flush_asked = True
            self._crew.tell_writer(msg.Flush())

    def flushed(self) -> None:
        """The writer has let go of what it had gathered."""
        self._flush_asked = False

    def _to_inference(self) -> None:
        """Each process in turn gets a slot, as long as any has room for one."""
        hungry = True
        while hungry:
            hungry = False
            for number, child in self._crew.inferences.items():
                holder = Holder(Place.INFERENCE, number)
                if self._ring.held_by(holder) < _INFERENCE_SLOTS:
                    handed = self._ring.next_for(holder)
                    if handed is None:
                        return
                    child.outbox.send(msg.Embed(*handed))
                    hungry = True
