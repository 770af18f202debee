"""Archives: one document of the documents in them, bounded in depth, bytes and members."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from functools import partial

import pytest

from vecstream_cli.errors import DocumentError
from vecstream_cli.readers import archive_members, reading

FILES = {"docs/a.md": b"# Oaks\n\nThey grow.\n", "b.csv": b"Name,Age\nOak,300\n"}


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def tarred(files: dict[str, bytes], mode: str = "w") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


@pytest.fixture
def unpack(read):
    return partial(read, archives=True)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.zip", zipped(FILES)),
        ("a.zip", zipped(FILES, zipfile.ZIP_LZMA)),
        ("a.tar", tarred(FILES)),
        ("a.tar.gz", tarred(FILES, "w:gz")),
        ("a.tar.bz2", tarred(FILES, "w:bz2")),
        ("a.tar.xz", tarred(FILES, "w:xz")),
        ("archive", zipped(FILES)),
        ("archive", tarred(FILES)),
    ],
    ids=["zip", "lzma", "tar", "tar.gz", "tar.bz2", "tar.xz", "unnamed zip", "unnamed tar"],
)
def test_members_are_documents_under_their_names(unpack, name: str, data: bytes) -> None:
    found = unpack(name, data)
    assert found.under("They grow.") == ("docs/a.md", "Oaks")
    assert found.at("They grow.") == {"member": "docs/a.md", "line": 3}
    assert found.at("Name: Oak") == {"member": "b.csv", "row": 2}
    assert found.warnings == []


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_a_packed_file_is_read_by_the_name_it_had(unpack, pack) -> None:
    found = unpack("t.csv.gz", pack(b"Name,Age\nOak,300\n"))
    assert found.at("Name: Oak") == {"member": "t.csv", "row": 2}


def test_archives_are_read_only_when_asked_for(read) -> None:
    with pytest.raises(DocumentError) as caught:
        read("a.zip", zipped(FILES))
    assert caught.value.reason == "unsupported"
    assert "--archives" in caught.value.message


def test_archives_in_archives_are_read(unpack) -> None:
    found = unpack("a.zip", zipped({"in/b.tar": tarred(FILES)}))
    assert found.at("They grow.") == {"member": "in/b.tar/docs/a.md", "line": 3}


def test_depth_is_bounded(unpack) -> None:
    data = zipped(FILES)
    for depth in range(6):
        data = zipped({f"{depth}.zip": data, f"{depth}.md": b"Words."})
    found = unpack("a.zip", data)
    assert found.text.count("Words.") == 4
    assert found.reasons == ["nested-too-deep"]


def test_a_member_that_cannot_be_read_is_a_named_warning(unpack) -> None:
    found = unpack("a.zip", zipped({**FILES, "bad.json": b"<null>"}))
    assert "They grow." in found.text
    assert found.reasons == ["malformed"]
    assert found.warnings[0].message.startswith("bad.json: ")


def test_members_of_other_kinds_are_told_together(unpack) -> None:
    found = unpack("a.zip", zipped({**FILES, "x.exe": b"MZ", "y.bin": b"1", ".hidden.md": b"no"}))
    assert found.reasons == ["unsupported"]
    assert "x.exe, y.bin" in found.warnings[0].message


def test_an_archive_without_a_readable_member_fails(unpack) -> None:
    with pytest.raises(DocumentError) as caught:
        unpack("a.zip", zipped({"bad.json": b"<null>", "worse.json": b"}"}))
    assert caught.value.reason == "malformed"


@pytest.mark.parametrize(
    "data",
    [zipped({}), tarred({"x.exe": b"MZ"}), gzip.compress(b"")],
    ids=["zip", "tar", "gz"],
)
def test_an_archive_without_text_is_reported(unpack, data: bytes) -> None:
    assert "no-text" in unpack("a.zip", data).reasons


def test_a_flat_bomb_is_refused_by_its_ratio(unpack) -> None:
    found = unpack("a.zip", zipped({**FILES, "bomb.txt": bytes(30 << 20)}))
    assert "They grow." in found.text
    assert found.reasons == ["too-large"]


def test_a_bomb_that_lies_about_its_size_is_refused(unpack) -> None:
    data = zipped({"bomb.txt": b"a" * (40 << 20)})
    lying = data.replace((40 << 20).to_bytes(4, "little"), (1000).to_bytes(4, "little"))
    with pytest.raises(DocumentError) as caught:
        unpack("a.zip", lying)
    assert caught.value.reason in {"too-large", "malformed"}


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_a_packed_bomb_is_refused(unpack, pack) -> None:
    with pytest.raises(DocumentError) as caught:
        unpack("a.txt.gz", pack(bytes(60 << 20)))
    assert caught.value.reason == "too-large"


def test_nested_bombs_share_one_budget(unpack, monkeypatch) -> None:
    monkeypatch.setattr(reading, "MAX_UNPACKED_BYTES", 1 << 20)
    monkeypatch.setattr(reading.Budget.__init__, "__defaults__", (1 << 20,))
    level = zipped({f"{n}.txt": b"words " * 20_000 for n in range(10)})
    found = unpack("a.zip", zipped({f"{n}.zip": level for n in range(10)}))
    assert "too-large" in found.reasons
    assert found.text.count("words ") <= 200_000


def test_a_large_member_is_refused_unread(unpack, monkeypatch) -> None:
    monkeypatch.setattr(archive_members, "MAX_MEMBER_BYTES", 1000)
    found = unpack("a.tar", tarred({"a.txt": b"words", "b.txt": b"x" * 1001}))
    assert found.reasons == ["too-large"]
    assert "words" in found.text


@pytest.mark.parametrize("cut", [50, 100, 150])
@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz", "a.tar"])
def test_a_broken_archive_is_reported(unpack, name: str, cut: int) -> None:
    files = {f"{n}.txt": f"words {n} ".encode() * 99 for n in range(9)}
    data = {"a.zip": zipped(files), "a.tar.gz": tarred(files, "w:gz"), "a.tar": tarred(files)}[name]
    cut_off = data[:-cut] if name != "a.tar" else data[: 600 + cut]
    try:
        reasons = unpack(name, cut_off).reasons
    except DocumentError as error:
        reasons = [error.reason]
    assert reasons
    assert set(reasons) <= {"malformed", "no-text"}


def test_an_encrypted_member_is_reported(unpack) -> None:
    data = bytearray(zipped({"a.txt": b"words"}))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(DocumentError) as caught:
        unpack("a.zip", bytes(data))
    assert caught.value.reason == "encrypted"


def test_links_in_archives_are_not_followed(unpack) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        link = tarfile.TarInfo("a.txt")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    assert unpack("a.tar", buffer.getvalue()).reasons == ["no-text"]
