"""A document's bytes never outgrow the size it was stamped with."""

import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from vecstream_cli.errors import DocumentError
from vecstream_cli.readers.source import PIECE_BYTES


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file"


def test_bytes_appended_after_opening_do_not_exist(path: Path, open_source: Callable) -> None:
    path.write_bytes(b"first")
    with open_source(path) as file:
        with path.open("ab") as grown:
            grown.write(b" and more")
        assert b"".join(file.pieces()) == b"first"
        file.seek(0)
        assert file.read() == b"first"


@pytest.mark.parametrize("start", [0, PIECE_BYTES])
def test_a_file_that_became_shorter_is_an_error(
    path: Path, open_source: Callable, start: int
) -> None:
    path.write_bytes(bytes(2 * PIECE_BYTES))
    with open_source(path) as file:
        os.truncate(path, start)
        with pytest.raises(DocumentError) as caught:
            file.at(start, 10)
    assert caught.value.reason == "changed-while-reading"


def test_a_folder_is_unreadable(tmp_path: Path, open_source: Callable) -> None:
    with open_source(tmp_path, size=10) as file, pytest.raises(DocumentError) as caught:
        file.at(0, 10)
    assert caught.value.reason == "unreadable"


def test_it_seeks_and_reads_like_any_binary_file(path: Path, open_source: Callable) -> None:
    data = os.urandom(3 * PIECE_BYTES + 17)
    path.write_bytes(data)
    like = io.BytesIO(data)
    with open_source(path) as file:
        for offset, whence in [(5, 0), (-9, 2), (0, 0), (PIECE_BYTES - 3, 0), (10, 1), (99, 2)]:
            assert file.seek(offset, whence) == like.seek(offset, whence)
            assert file.read(20) == like.read(20)
            assert file.tell() == like.tell()


def test_the_descriptor_is_left_open_and_unmoved(path: Path) -> None:
    from vecstream_cli.readers.source import SourceFile

    path.write_bytes(b"abcdef")
    fd = os.open(path, os.O_RDONLY)
    try:
        file = SourceFile(fd, 6, b"file")
        assert file.read(3) == b"abc"
        file.close()
        assert os.lseek(fd, 0, os.SEEK_CUR) == 0
    finally:
        os.close(fd)
