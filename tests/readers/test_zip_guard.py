"""A ZIP file is judged by its directory: nothing is unpacked to find out that it is a bomb."""

import io
import struct
import zipfile
from collections.abc import Callable

import pytest

from vecstream_cli.errors import DocumentError
from vecstream_cli.readers.source import InnerFile
from vecstream_cli.readers.zip_guard import DEFAULT_LIMITS, GuardedZip, Limits, checked_zip


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def opened(data: bytes, limits: Limits = DEFAULT_LIMITS) -> GuardedZip:
    return checked_zip(InnerFile(data, b"a.zip"), limits)


def refused(attempt: Callable[[], object]) -> str:
    with pytest.raises(DocumentError) as caught:
        attempt()
    assert caught.value.message.endswith(".")
    return caught.value.reason


def test_members_are_read_as_they_were_written() -> None:
    data = bytes(range(256)) * 1000
    with opened(zipped({"a": data, "b/c": b""})) as archive:
        assert archive.read("a") == data
        assert archive.read("b/c") == b""


def test_what_is_no_zip_file_or_a_part_of_one_is_malformed() -> None:
    whole = zipped({"a": b"text" * 100})
    assert refused(lambda: opened(b"PK\x03\x04 and nothing else")) == "malformed"
    assert refused(lambda: opened(whole[: len(whole) // 2])) == "malformed"


def test_a_flat_bomb_is_refused_by_its_declared_size() -> None:
    data = zipped({"a": bytes(3 << 20)})
    assert len(data) < 4096
    assert refused(lambda: opened(data, Limits(total=2 << 20))) == "too-large"


def test_a_bomb_is_refused_by_its_ratio() -> None:
    data = zipped({"a": bytes(3 << 20)})
    assert refused(lambda: opened(data, Limits(trusted=1 << 20))) == "too-large"
    assert opened(data).namelist() == ["a"]


def test_too_many_members_are_refused() -> None:
    data = zipped({str(number): b"" for number in range(101)}, zipfile.ZIP_STORED)
    assert refused(lambda: opened(data, Limits(members=100))) == "too-large"


def test_a_directory_that_claims_to_be_huge_is_never_read() -> None:
    data = bytearray(zipped({"a": b"text"}) + bytes(5 << 20))
    # An end record whose directory takes all the bytes before it.
    data += struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 65535, 65535, len(data), 0, 0)
    assert refused(lambda: opened(bytes(data))) == "too-large"


def test_a_directory_longer_than_the_file_is_malformed() -> None:
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, 0xFFFFFFF0, 0, 0)
    assert refused(lambda: opened(b"PK\x03\x04" + end)) == "malformed"


def test_a_member_that_lies_about_its_size_yields_no_more_than_it_declares() -> None:
    data = bytearray(zipped({"a": bytes(8 << 20)}))
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<L", data, data.index(signature) + offset, 100)
    archive = opened(bytes(data))
    with pytest.raises(zipfile.BadZipFile, match="CRC"):
        archive.read("a")


def test_encrypted_members_are_told() -> None:
    def locked(data: bytes, name: bytes) -> bytes:
        changed = bytearray(data)
        for signature, flags, names in ((b"PK\x03\x04", 6, 30), (b"PK\x01\x02", 8, 46)):
            at = changed.find(signature)
            while at >= 0:
                if changed[at + names : at + names + len(name)] == name:
                    changed[at + flags] |= 1
                at = changed.find(signature, at + 1)
        return bytes(changed)

    assert refused(lambda: opened(locked(zipped({"a": b"1"}), b"a"))) == "encrypted"
    some = opened(locked(zipped({"a": b"1", "b": b"2"}), b"a"))
    assert some.read("b") == b"2"
    assert refused(lambda: some.read("a")) == "encrypted"


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_whose_output_cannot_be_bounded_are_refused(method: int) -> None:
    archive = opened(zipped({"a": b"text"}, method))
    assert refused(lambda: archive.read("a")) == "unsupported"
