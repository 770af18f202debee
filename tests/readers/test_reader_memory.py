"""A document of any size takes a bounded amount of memory, and its first block comes early."""

import tracemalloc
from pathlib import Path

import pytest

from vecstream_cli.readers import markdown

MIB = 1 << 20
SECTION = "## Heading\n\nA paragraph of running text, the same again and again.\n\n- item\n\n"


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("a.txt", "A paragraph of running text.\nOn two lines.\n\n"),
        ("a.txt", "never a line end "),
        ("a.txt", "\n"),
        ("a.rst", "Title\n=====\n\nText.\n\n"),
        ("a.md", SECTION),
        ("a.md", "never a line end "),
        ("a.md", "    indented code without end\n"),
    ],
)
def test_memory_does_not_grow_with_the_file(
    read, tmp_path: Path, monkeypatch, name: str, unit: str
) -> None:
    # Small segments, so that a small file has many: tracemalloc makes a big one take minutes.
    monkeypatch.setattr(markdown, "SEGMENT_CHARS", 1 << 12)
    monkeypatch.setattr(markdown, "MAX_SEGMENT_CHARS", 1 << 14)
    small = MIB // 4
    peaks = [_peak(read, tmp_path / "file", name, unit, size) for size in (small, 3 * small)]
    assert peaks[1] < peaks[0] * 1.25 + MIB // 4


def test_the_first_block_comes_before_the_file_is_parsed(read, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text(SECTION * (MIB // len(SECTION)))
    beats = []
    with read.opened(path, "a.md", lambda: beats.append(1)) as (_, document):
        next(document.blocks)
        early = len(beats)
        list(document.blocks)
    # One pass tells the encoding, the other decodes: the first block needs little of the second.
    assert early < len(beats) * 0.7


def _peak(read, path: Path, name: str, unit: str, size: int) -> int:
    path.write_text(unit * (size // len(unit)))
    length = 0
    read(name, unit)  # imports and caches are not the document's
    tracemalloc.start()
    try:
        with read.opened(path, name) as (_, document):
            for block in document.blocks:
                length += len(block.text)
        assert length == path.stat().st_size
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
