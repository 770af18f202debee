"""The generated corpus: the same everywhere, readable by every reader, of natural lengths."""

from collections import Counter
from pathlib import Path

from vecstream_cli.api.bench.corpus import digest_of, document, write_corpus
from vecstream_cli.readers.registry import open_document
from vecstream_cli.readers.source import SourceFile


def read(path: Path) -> tuple[str, str, int]:
    """(reader, text, pages) of a file."""
    with path.open("rb") as file:
        source = SourceFile(file.fileno(), path.stat().st_size, path.name.encode())
        reader, opened = open_document(source, progress=lambda: None)
        blocks = list(opened.blocks)
    assert not opened.warnings
    return reader.split("/")[0], "".join(b.text for b in blocks), max(b.page or 0 for b in blocks)


def test_the_same_number_gives_the_same_document_everywhere(tmp_path: Path) -> None:
    # given the first forty documents, whose digest is known
    write_corpus(tmp_path, 40)
    files = [bytes(file.relative_to(tmp_path)) for file in tmp_path.rglob("*.*")]
    # then it is the same here
    assert digest_of(tmp_path, files) == "8fadeb857add0c82"


def test_a_small_corpus_is_the_beginning_of_a_large_one(tmp_path: Path) -> None:
    write_corpus(tmp_path / "large", 12)
    write_corpus(tmp_path / "small", 5)
    write_corpus(tmp_path / "small", 12, first=5)
    for file in (tmp_path / "large").rglob("*.*"):
        twin = tmp_path / "small" / file.relative_to(tmp_path / "large")
        assert twin.read_bytes() == file.read_bytes()


def test_every_document_is_read_whole_by_the_reader_of_its_format(tmp_path: Path) -> None:
    write_corpus(tmp_path, 60)
    readers: Counter[str] = Counter()
    for file in sorted(tmp_path.rglob("*.*")):
        reader, text, pages = read(file)
        readers[reader] += 1
        assert len(text.split()) > 15
        assert (pages > 0) is (reader == "pdf")
    assert readers == {"markdown": 30, "html": 12, "text": 9, "pdf": 9}


def test_no_text_of_a_pdf_is_lost_on_its_way_through_the_writer(tmp_path: Path) -> None:
    # given a PDF of several pages
    number = next(n for n in range(400) if n % 20 == 5 and len(document(n)[1]) > 40_000)
    suffix, data = document(number)
    assert suffix == ".pdf"
    (tmp_path / "a.pdf").write_bytes(data)
    # when it is read
    _, text, pages = read(tmp_path / "a.pdf")
    # then its pages are there, and words stand apart
    assert pages > 3
    words = text.split()
    assert sum(map(len, words)) / len(words) < 7


def test_lengths_differ_as_those_of_real_documents_do() -> None:
    sizes = sorted(len(document(n)[1]) for n in range(0, 400, 2))
    assert sizes[len(sizes) * 9 // 10] > 8 * sizes[len(sizes) // 10]


def test_no_two_documents_are_alike() -> None:
    assert len({document(n)[1] for n in range(100)}) == 100
