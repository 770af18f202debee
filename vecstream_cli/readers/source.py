"""A document's bytes: a read-only view of an opened descriptor that never outgrows its size.

The file is never opened again by its path, so what is parsed is what was hashed and stamped.
"""

import errno
import io
import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from vecstream_cli.errors import DocumentError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

PIECE_BYTES = 1 << 16

Progress = Callable[[], None]


class SourceFile(io.RawIOBase):
    """`size` bytes of descriptor `fd`, seekable; bytes appended later do not exist here.

    Reads with `pread`, so the descriptor's own position is neither used nor moved. The caller
    keeps the descriptor and closes it. Raises DocumentError: ``changed-while-reading`` where the
    file has become shorter, ``unreadable`` where the disk refuses.
    """

    def __init__(self, fd: int, size: int, name: bytes) -> None:
        super().__init__()
        self.fd = fd
        self.size = size
        self.name = name
        self._position = 0
        self._head = b""  # sniffing, detecting and decoding a small file cost one read

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.size}[whence]
        if base + offset < 0:
            raise OSError(errno.EINVAL, "negative seek position")  # as of a file
        self._position = base + offset
        return self._position

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer).cast("B")
        data = self.at(self._position, len(view))
        view[: len(data)] = data
        self._position += len(data)
        return len(data)

    def at(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes from `offset`, fewer only at the end."""
        length = min(length, self.size - offset)
        if length <= 0:
            return b""
        if offset + length <= PIECE_BYTES:
            if not self._head:
                self._head = self._read(0, min(self.size, PIECE_BYTES))
            return self._head[offset : offset + length]
        return self._read(offset, length)

    def pieces(self, start: int = 0) -> Iterator[bytes]:
        """The bytes from `start` to the end, `PIECE_BYTES` at a time."""
        for offset in range(start, self.size, PIECE_BYTES):
            yield self.at(offset, PIECE_BYTES)

    def _read(self, offset: int, length: int) -> bytes:
        """`length` bytes from `offset`, which are all there."""
        parts = []
        while length > 0:
            try:
                part = os.pread(self.fd, length, offset)
            except OSError as error:
                raise DocumentError(
                    "unreadable", f"The file cannot be read: {error.strerror}."
                ) from error
            if not part:
                raise DocumentError(
                    "changed-while-reading", "The file became shorter while it was being read."
                )
            parts.append(part)
            offset += len(part)
            length -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)


class InnerFile(SourceFile):
    """The bytes of a document that lies in another, which has no descriptor of its own."""

    def __init__(self, data: bytes, name: bytes) -> None:
        super().__init__(-1, len(data), name)
        self._data = data

    def _read(self, offset: int, length: int) -> bytes:
        return self._data[offset : offset + length]
