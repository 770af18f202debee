"""Real documents: nothing but DocumentError is raised, and text files come back as they are."""

from collections import Counter
from pathlib import Path

import pytest

from vecstream_cli.core.blocks import MAX_BLOCK_CHARS, BlockKind
from vecstream_cli.errors import DocumentError
from vecstream_cli.readers.formats import BY_SUFFIX

OFFICE = frozenset({"docx", "pptx", "xlsx", "odt", "ods", "odp", "rtf", "epub"})


@pytest.mark.parametrize("folder", ["kep", "peps", "rust-book"])
def test_the_document_text_is_the_decoded_file(read, corpora: Path, folder: str) -> None:
    count = 0
    for path in sorted((corpora / folder).rglob("*")):
        if BY_SUFFIX.get(path.suffix) in ("text", "rst", "markdown"):
            count += 1
            expected = path.read_bytes().decode().removeprefix("\ufeff")
            assert read.file(path).text == expected, path
    assert count > 200


def test_the_python_documentation_has_text_under_headings(read, corpora: Path) -> None:
    for path in sorted((corpora / "pydoc" / "tutorial").glob("*.html")):
        found = read.file(path)
        assert found.text.strip()
        assert found.headings
        assert "title" in found.metadata


@pytest.mark.parametrize("folder", ["office", "hostile", "images", "encodings"])
@pytest.mark.parametrize("suffix", [None, ".md"])
def test_no_file_breaks_a_reader(read, corpora: Path, folder: str, suffix: str | None) -> None:
    opened = 0
    refused = []
    for path in sorted((corpora / folder).rglob("*")):
        if not path.is_file():
            continue
        try:
            found = read.file(path, None if suffix is None else f"a{suffix}")
        except DocumentError as error:
            refused.append((error.reason, error.message[-1], path))
        else:
            opened += 1
            found.text.encode()
            assert all(0 < len(block.text) <= MAX_BLOCK_CHARS for block in found.blocks)
            assert all(isinstance(block.kind, BlockKind) for block in found.blocks)
    assert opened + len(refused) > 50
    for reason, end, path in refused:
        assert reason in {"unsupported", "encrypted", "malformed"}, path
        assert end == ".", path


def test_no_office_document_is_silently_empty(read, corpora: Path) -> None:
    counts: Counter[str] = Counter()
    for path in sorted((corpora / "office").rglob("*")):
        if BY_SUFFIX.get(path.suffix) not in OFFICE:
            continue
        try:
            found = read.file(path)
        except DocumentError as error:
            counts[error.reason] += 1
            continue
        without = "no-text" in [warning.reason for warning in found.warnings]
        assert bool(found.text.strip()) != without, path
        counts["opened"] += not without
    assert counts["encrypted"] == 4
    assert counts["malformed"] == 1
    assert counts["opened"] > 60


def test_the_chapters_of_a_book_in_word_have_headings_and_code(read, corpora: Path) -> None:
    for path in sorted((corpora / "rust-book" / "nostarch" / "docx").glob("chapter*.docx")):
        found = read.file(path)
        assert len(found.headings) > 5, path
        assert any(block.kind is BlockKind.CODE for block in found.blocks), path
        assert found.warnings == [], path
