"""ZIP files that may be looked into: checked by what they declare before anything is unpacked."""

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Literal

from vecstream_cli.errors import DocumentError
from vecstream_cli.readers.failures import document_errors
from vecstream_cli.readers.source import PIECE_BYTES, SourceFile

# What is known of a member takes Python ten times its entry in the directory.
_MAX_DIRECTORY_BYTES = 4 << 20

# The others unpack any amount from a few bytes in one step, so that no limit could hold them.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1


@dataclass(frozen=True, slots=True)
class Limits:
    """What a ZIP file may declare: how many members, how many bytes together (`total`).

    Beyond `trusted` bytes it must not promise more than `ratio` times its own size: real sheets
    of repeated cells reach 100, deflate's bombs 1,000.
    """

    members: int = 20_000
    total: int = 1 << 30
    trusted: int = 32 << 20
    ratio: int = 250


DEFAULT_LIMITS = Limits()


class GuardedZip(zipfile.ZipFile):
    """A ZIP file of which no member yields more than the size it declares.

    `open` and `read` raise DocumentError: ``encrypted``, and ``unsupported`` where a member is
    packed in another way than deflate; what else zipfile raises means damage.
    """

    def open(
        self,
        name: str | zipfile.ZipInfo,
        mode: Literal["r", "w"] = "r",
        pwd: bytes | None = None,
        *,
        force_zip64: bool = False,
    ) -> IO[bytes]:
        member = name if isinstance(name, zipfile.ZipInfo) else self.getinfo(name)
        if member.flag_bits & _ENCRYPTED:
            raise DocumentError("encrypted", "The ZIP file is encrypted and asks for a password.")
        if member.compress_type not in _METHODS:
            raise DocumentError("unsupported", "It is packed in a way that no reader takes.")
        return super().open(member, mode, pwd, force_zip64=force_zip64)

    def read(self, name: str | zipfile.ZipInfo, pwd: bytes | None = None) -> bytes:
        """All of a member. In pieces: zipfile would unpack it whole before it cuts it to size."""
        with self.open(name, pwd=pwd) as stream:
            return b"".join(iter(lambda: stream.read(PIECE_BYTES), b""))


def checked_zip(file: SourceFile, limits: Limits = DEFAULT_LIMITS) -> GuardedZip:
    """The ZIP file, opened. Its bytes are read from `file` as members are.

    Raises DocumentError: ``malformed``; ``too-large`` where it declares more than `limits`;
    ``encrypted`` where all of its members are.
    """
    with document_errors("the ZIP file"):
        archive = GuardedZip(_Bounded(file))
    files = [member for member in archive.infolist() if not member.is_dir()]
    if len(files) > limits.members:
        raise DocumentError("too-large", f"It holds more than {limits.members:,} files.")
    total = sum(member.file_size for member in files)
    if total > limits.total:
        raise DocumentError(
            "too-large", f"Unpacked it would take more than {limits.total >> 20:,} MiB."
        )
    if total > limits.trusted and total > limits.ratio * file.size:
        raise DocumentError(
            "too-large", f"Unpacked it would take more than {limits.ratio} times its size."
        )
    if files and all(member.flag_bits & _ENCRYPTED for member in files):
        raise DocumentError("encrypted", "The ZIP file is encrypted and asks for a password.")
    return archive


class _Bounded:
    """The file as zipfile reads it: no more at a time than it has, or than a directory may take."""

    def __init__(self, file: SourceFile) -> None:
        self._file = file
        self.tell: Callable[[], int] = file.tell
        self.seek: Callable[..., int] = file.seek
        self.seekable: Callable[[], bool] = file.seekable

    def read(self, length: int = -1) -> bytes:
        left = max(0, self._file.size - self._file.tell())
        length = left if length < 0 else min(length, left)
        if length > _MAX_DIRECTORY_BYTES:
            raise DocumentError("too-large", "It holds too many files.")
        return self._file.read(length) or b""
