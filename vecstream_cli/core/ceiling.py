"""The memory ceiling, decided: the plan at the start, and what each sample calls for."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from vecstream_cli.errors import CeilingError

MIB = 1 << 20

# What the processes take on this stack, in unique bytes, the arena apart: 46, 163, 356 (with two
# lanes) and 33 MiB were measured with MiniLM on Markdown, and each has room above that. The model's
# weights come on top of inference; every lane beyond the first has a batch of its own at work.
SUPERVISOR_BYTES = 64 * MIB
WRITER_BYTES = 240 * MIB
INFERENCE_BYTES = 350 * MIB
LANE_BYTES = 50 * MIB
PARSER_BYTES = 80 * MIB
# A model for images comes with more libraries, and with larger batches at work; its slots are
# larger, so fewer of them do, and an image of 24 million pixels takes its parser 96 MiB.
IMAGES_BYTES = 150 * MIB

DEFAULT_SLOTS = 128
_IMAGE_SLOTS = 64
MIN_SLOTS = 4
_LEAST_ALLOWANCE = 96 * MIB
_LEAST_IMAGE_ALLOWANCE = 192 * MIB
_MOST_ALLOWANCE = 1024 * MIB
_MOST_PARSERS = 16
_MOST_LANES = 8  # each computes a batch of its own in memory; beyond, a lane gets more threads

_THROTTLE = 0.92
_RECYCLE = 0.97
_PATIENCE = 3  # samples over the ceiling before the run is given up
_GROWN = 2.0  # a parser this many times its planned size is worth replacing


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the user asked for; None means: choose."""

    max_memory: int | None
    parsers: int | None
    slots: int | None
    buffer_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What there is: cores, and the bytes that this process tree may use at most."""

    cores: int
    memory: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RingPlan:
    """What the run gets. `parser_allowance`: what a parser may allocate beyond its start size.

    `lanes` are the batches that an inference process on the CPU computes at a time.
    """

    max_memory: int
    parsers: int
    inferences: int
    lanes: int
    lane_threads: int
    slots: int
    parser_allowance: int


def plan(
    wish: Wish,
    machine: Machine,
    *,
    slot_bytes: int,
    weights_bytes: int,
    inferences: int = 1,
    reads_images: bool = False,
) -> RingPlan:
    """Divide the ceiling among the processes and the arena.

    What is known must fit: supervisor, writer, model and one parser; then come a lane for each
    core, the slots and the further parsers that were asked for or that the cores are good for,
    and what is left is the parsers' allowance. Raises CeilingError with the smallest ceiling that
    would work.
    """
    inference = INFERENCE_BYTES + weights_bytes + (IMAGES_BYTES if reads_images else 0)
    fixed = SUPERVISOR_BYTES + WRITER_BYTES + inferences * inference
    allowance = _LEAST_IMAGE_ALLOWANCE if reads_images else _LEAST_ALLOWANCE
    per_parser = PARSER_BYTES + allowance
    least_slots = _slots(wish, slot_bytes) or MIN_SLOTS
    least = fixed + (wish.parsers or 1) * per_parser + least_slots * slot_bytes
    ceiling = wish.max_memory or max(min(machine.memory, least), machine.memory // 2)
    if ceiling > machine.memory:
        if wish.max_memory is not None and machine.memory < least:
            raise _too_small(machine.memory, least, "This machine's memory")
        ceiling = machine.memory
    if ceiling < least:
        raise _too_small(ceiling, least, "--max-memory")
    left = ceiling - least
    cores = max(1, machine.cores // inferences)
    good = cores // -(-cores // _MOST_LANES)
    lanes = 1 + min(good - 1, left // (inferences * LANE_BYTES))
    left -= (lanes - 1) * inferences * LANE_BYTES
    slots = least_slots
    if _slots(wish, slot_bytes) is None:
        most = _IMAGE_SLOTS if reads_images else DEFAULT_SLOTS
        more = min(most - MIN_SLOTS, left // 2 // slot_bytes)
        slots, left = slots + more, left - more * slot_bytes
    parsers = wish.parsers or 1
    if wish.parsers is None:
        good_for = min(max(2, machine.cores // 2 + 1), _MOST_PARSERS)
        more = min(good_for - 1, left // per_parser)
        parsers, left = parsers + more, left - more * per_parser
    allowance = min(_MOST_ALLOWANCE, allowance + left // (parsers + 1))
    return RingPlan(
        max_memory=ceiling,
        parsers=parsers,
        inferences=inferences,
        lanes=lanes,
        lane_threads=max(1, cores // lanes),
        slots=slots,
        parser_allowance=allowance,
    )


def spare_at_the_end(ring: RingPlan, slot_bytes: int) -> int:
    """Bytes that the ceiling leaves the writer when parsers and inference have ended."""
    taken = SUPERVISOR_BYTES + WRITER_BYTES + ring.slots * slot_bytes
    return max(0, ring.max_memory - taken)


def _slots(wish: Wish, slot_bytes: int) -> int | None:
    if wish.slots is not None:
        return wish.slots
    if wish.buffer_bytes is None:
        return None
    if wish.buffer_bytes < 2 * slot_bytes:
        raise CeilingError(
            f"A buffer of {_mib(wish.buffer_bytes)} MiB holds fewer than two slots of "
            f"{slot_bytes / MIB:.1f} MiB.",
            hint=f"Use --buffer {_mib(2 * slot_bytes)}M or more, or a smaller --chunk-size.",
        )
    return wish.buffer_bytes // slot_bytes


def _too_small(ceiling: int, least: int, what: str) -> CeilingError:
    return CeilingError(
        f"{what} of {_mib(ceiling)} MiB is too small for this model and buffer.",
        hint=f"The smallest ceiling that works here is --max-memory {_mib(least)}M.",
    )


def _mib(size: int) -> int:
    return -(-size // MIB)


class Pressure(Enum):
    """How the run stands to its ceiling, and what follows."""

    ADMIT = "admit"
    THROTTLE = "throttle"  # no new documents
    RECYCLE = "recycle"  # replace the largest parser
    ABORT = "abort"


@dataclass(frozen=True, slots=True)
class Sample:
    """Bytes (PSS) of the whole process tree, and of each parser by its child number."""

    total: int
    parsers: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the samples call for; `parser` is the child number of the one to replace."""

    pressure: Pressure
    parser: int | None = None


def judge(samples: Sequence[Sample], ceiling: int) -> Verdict:
    """The ladder: admit, throttle, recycle, abort. `samples` are the latest, oldest first."""
    if not samples:
        return Verdict(Pressure.ADMIT)
    now = samples[-1]
    if now.total >= _RECYCLE * ceiling:
        grown = [(size, child) for child, size in now.parsers if size > _GROWN * PARSER_BYTES]
        if grown:
            return Verdict(Pressure.RECYCLE, max(grown)[1])
        recent = samples[-_PATIENCE:]
        if len(recent) == _PATIENCE and all(s.total > ceiling for s in recent):
            return Verdict(Pressure.ABORT)
    if now.total >= _THROTTLE * ceiling:
        return Verdict(Pressure.THROTTLE)
    return Verdict(Pressure.ADMIT)


def exceeded(peak: int, ceiling: int) -> CeilingError:
    """The error of a run that the ladder gave up."""
    return CeilingError(
        f"The run used {_mib(peak)} MiB, more than --max-memory of {_mib(ceiling)} MiB.",
        hint=f"Try --max-memory {_mib(peak * 5 // 4)}M, or lower --buffer and --parsers; "
        "what was written is kept.",
    )
