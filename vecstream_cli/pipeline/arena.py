"""The arena: one fixed region of shared memory that every process of the ring maps.

On Linux it is a `memfd`: no name in /dev/shm, nothing left behind by `kill -9`, and no limit of a
container's /dev/shm. Elsewhere it is `multiprocessing.shared_memory` behind the same class
(untested: the project's tests run on Linux).
"""

import mmap
import os
from multiprocessing import reduction, shared_memory
from typing import Any

import numpy as np
import numpy.typing as npt

from vecstream_cli.errors import CeilingError

CONTROL_BYTES = 2 * mmap.PAGESIZE
CONTROL_FIELDS = 8
MAX_CHILDREN = CONTROL_BYTES // (8 * CONTROL_FIELDS)

# Fields of a child's control row (int64); each child writes only its own row.
HEARTBEAT = 0  # grows while a document is being worked on
WAITING = 1  # 1 while the child waits for a slot
BUSY_NS = 2  # time spent at its real work, such as parsing but not waiting for slot or core
BEGAN_NS = 3  # the monotonic clock when inference began its first batch; 0 before
ENDED_NS = 4  # and when it ended its latest one
TOKENS = 5  # what inference has embedded, batch by batch


class Arena:
    """`size` bytes of shared memory: the control pages, then the slots."""

    def __init__(self, buffer: "mmap.mmap | memoryview[int]", size: int, owner: Any) -> None:
        self.buffer = buffer
        self.size = size
        self._owner = owner
        self.control: npt.NDArray[np.int64] = np.frombuffer(
            buffer, dtype=np.int64, count=MAX_CHILDREN * CONTROL_FIELDS
        ).reshape(MAX_CHILDREN, CONTROL_FIELDS)

    @classmethod
    def create(cls, slots_bytes: int, left: int | None = None) -> "Arena":
        """Allocate the control pages and `slots_bytes`; every page is real from the start.

        Raises CeilingError where the machine has not that much memory, of which `left` bytes
        can still be taken (None: not known).
        """
        size = CONTROL_BYTES + -(-slots_bytes // mmap.PAGESIZE) * mmap.PAGESIZE
        if left is not None and size > left:
            raise CeilingError(
                f"The buffer takes {size >> 20} MiB, and only {max(0, left) >> 20} MiB are left.",
                hint="Lower --buffer, or free memory on this machine.",
            )
        if not hasattr(os, "memfd_create"):
            block = shared_memory.SharedMemory(create=True, size=size)
            return cls(memoryview(block.buf or b""), size, block)
        fd = os.memfd_create("vecstream-arena", os.MFD_CLOEXEC)
        try:
            os.posix_fallocate(fd, 0, size)
        except OSError as error:
            os.close(fd)
            raise CeilingError(
                f"The buffer of {size >> 20} MiB cannot be allocated: {error.strerror}.",
                hint="Lower --buffer, or free memory on this machine.",
            ) from error
        return cls._map(fd, size, populate=True)

    @classmethod
    def _map(cls, fd: int, size: int, *, populate: bool) -> "Arena":
        # The supervisor maps every page, so that the sum of PSS counts the arena in full.
        flags = mmap.MAP_SHARED | (getattr(mmap, "MAP_POPULATE", 0) if populate else 0)
        return cls(mmap.mmap(fd, size, flags=flags), size, fd)

    def handle(self) -> "ArenaHandle":
        """What a child is given at spawn; only valid inside `Process.start()`'s pickling."""
        return ArenaHandle(self._owner, self.size)

    def slots(self) -> "memoryview[int]":
        """The region behind the control pages."""
        return memoryview(self.buffer)[CONTROL_BYTES:]

    def close(self) -> None:
        """Give up this process's claim; the memory goes when the last process drops it.

        The mapping itself ends with the last view of it: numpy and Arrow may still hold some.
        """
        if isinstance(self._owner, int):
            os.close(self._owner)
        else:
            self._owner.unlink()


class ArenaHandle:
    """Pickles an arena into a spawned child by duplicating its descriptor."""

    def __init__(self, owner: Any, size: int) -> None:
        self._owner = owner
        self._size = size

    def __getstate__(self) -> tuple[Any, int]:
        if isinstance(self._owner, int):
            return reduction.DupFd(self._owner), self._size
        return self._owner.name, self._size

    def __setstate__(self, state: tuple[Any, int]) -> None:
        self._owner, self._size = state

    def open(self) -> Arena:
        """Map the arena in the child."""
        if isinstance(self._owner, str):
            block = shared_memory.SharedMemory(name=self._owner)
            return Arena(memoryview(block.buf or b""), self._size, block)
        fd = self._owner.detach()
        return Arena._map(fd, self._size, populate=False)
