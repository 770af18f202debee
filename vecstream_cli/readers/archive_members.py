"""The members of an archive, one after the other: names, and bytes that count what they unpack."""

import io
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import IO, TYPE_CHECKING

from vecstream_cli.errors import DocumentError
from vecstream_cli.readers.failures import document_errors
from vecstream_cli.readers.outline import one_line
from vecstream_cli.readers.reading import Reading
from vecstream_cli.readers.source import PIECE_BYTES, SourceFile

if TYPE_CHECKING:
    import tarfile
    import zipfile

    from _typeshed import WriteableBuffer

MAX_MEMBER_BYTES = 64 << 20
MAX_RATIO = 200
RATIO_FROM_BYTES = 8 << 20  # what unpacks to less is no bomb

_MAX_NAME_CHARS = 300
_TAR_BLOCK = 512


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive; `read` raises DocumentError. `alone`: it is all that was packed."""

    name: str
    read: Callable[[], bytes]
    alone: bool = False


def members(file: SourceFile, reading: Reading) -> Iterator[Member]:
    """Each file of an archive, to be read before the next is asked for."""
    with document_errors("the archive"):
        if file.at(0, 2) == b"PK":
            yield from _zip(file, reading)
            return
        stream = _Unpacked(file, reading)
        head = stream.peek(_TAR_BLOCK)
        if head[257:262] == b"ustar":
            yield from _tar(stream, reading)
            return
        name = file.name.rpartition(b"/")[2].rpartition(b".")[0] or b"member"
        yield Member(_shown(name.decode("utf-8", "replace")), lambda: _all(stream), alone=True)


def _zip(file: SourceFile, reading: Reading) -> Iterator[Member]:
    import zipfile

    with zipfile.ZipFile(io.BufferedReader(file, PIECE_BYTES)) as archive:
        for info in archive.infolist():
            reading.progress()
            mode = info.external_attr >> 16
            if not info.is_dir() and not stat.S_ISLNK(mode):
                yield Member(_shown(info.filename), partial(_zipped, archive, info, reading))


def _zipped(archive: "zipfile.ZipFile", info: "zipfile.ZipInfo", reading: Reading) -> bytes:
    if info.flag_bits & 1:
        raise DocumentError("encrypted", "It needs a password.")
    _check(info.file_size, info.compress_size)
    with document_errors("it"), archive.open(info) as member:
        return _counted(member, reading, info.compress_size)


def _tar(stream: "_Unpacked", reading: Reading) -> Iterator[Member]:
    import tarfile

    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for info in archive:
            reading.progress()
            if info.isreg():
                yield Member(_shown(info.name), partial(_tarred, archive, info))
            archive.members.clear()  # type: ignore[attr-defined]  # or it keeps them all


def _tarred(archive: "tarfile.TarFile", info: "tarfile.TarInfo") -> bytes:
    if info.size > MAX_MEMBER_BYTES or info.issparse():
        raise _too_large()
    with document_errors("it"):
        member = archive.extractfile(info)
        if member is None:
            return b""
        with closing(member):
            return member.read()


def _all(stream: "_Unpacked") -> bytes:
    with document_errors("it"):
        data = stream.read(MAX_MEMBER_BYTES + 1)
    if len(data) > MAX_MEMBER_BYTES:
        raise _too_large()
    return data


def _counted(member: IO[bytes], reading: Reading, packed: int) -> bytes:
    pieces, size = [], 0
    while piece := member.read(PIECE_BYTES):
        reading.progress()
        reading.unpacking.spend(len(piece))
        size += len(piece)
        _check(size, packed)  # whatever was declared
        pieces.append(piece)
    return b"".join(pieces)


def _check(size: int, packed: int) -> None:
    if size > MAX_MEMBER_BYTES:
        raise _too_large()
    if size > RATIO_FROM_BYTES and size > MAX_RATIO * packed:
        raise DocumentError("too-large", f"It unpacks to more than {MAX_RATIO} times its size.")


def _too_large() -> DocumentError:
    return DocumentError("too-large", f"It takes more than {MAX_MEMBER_BYTES >> 20} MiB unpacked.")


def _shown(name: str) -> str:
    plain = name.encode("utf-8", "replace").decode().replace("\\", "/").replace("\0", "")
    return one_line(plain, _MAX_NAME_CHARS)


class _Unpacked(io.RawIOBase):
    """What comes out of a compressed file, read once from start to end, or the file as it is."""

    def __init__(self, file: SourceFile, reading: Reading) -> None:
        super().__init__()
        self._file = file
        self._reading = reading
        self._stream = _decompressing(file)
        self._peeked = b""
        self._size = 0

    def readable(self) -> bool:
        return True

    def peek(self, length: int) -> bytes:
        """The first bytes, which are read again."""
        self._peeked = self.read(length) or b""
        return self._peeked

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes, fewer only at the end."""
        pieces, left = [], size if size >= 0 else MAX_MEMBER_BYTES + 1
        if self._peeked:
            pieces.append(self._peeked[:left])
            self._peeked = self._peeked[left:]
            left -= len(pieces[0])
        while left > 0 and (piece := self._stream.read(min(left, PIECE_BYTES))):
            self._reading.progress()
            self._reading.unpacking.spend(len(piece))
            self._size += len(piece)
            if self._size > RATIO_FROM_BYTES and self._size > MAX_RATIO * self._file.size:
                raise DocumentError(
                    "too-large", f"The archive unpacks to more than {MAX_RATIO} times its size."
                )
            pieces.append(piece)
            left -= len(piece)
        return b"".join(pieces)

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)


def _decompressing(file: SourceFile) -> io.BufferedIOBase:
    head = file.at(0, 6)
    source = io.BufferedReader(file, PIECE_BYTES)
    if head.startswith(b"\x1f\x8b"):
        import gzip

        return gzip.GzipFile(fileobj=source, mode="rb")
    if head.startswith(b"BZh"):
        import bz2

        return bz2.BZ2File(source)
    if head.startswith(b"\xfd7zXZ\0"):
        import lzma

        return lzma.LZMAFile(source)
    return source
