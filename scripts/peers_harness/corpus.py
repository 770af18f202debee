"""The files that all contenders read: chosen the same way every time, copied fresh for each run."""

import hashlib
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from peers_harness.contenders import REPOSITORY

HANDBOOK = REPOSITORY / "examples" / "handbook"
SUFFIXES = {".md": ".md", ".txt": ".txt", ".rst": ".txt", ".pdf": ".pdf"}  # what all of them read
LARGEST = 8 << 10  # bytes of a text file, so that 1 % of the files is near 1 % of the text
# PDFs that no contender fails at. EmbedAnything 0.7.1 panics at some others, which ends its run.
PDFS = (
    "pypdf-samples/001-trivial/minimal-document.pdf",
    "pypdf-samples/002-trivial-libre-office-writer/002-trivial-libre-office-writer.pdf",
    "pypdf-samples/003-pdflatex-image/pdflatex-image.pdf",
    "pypdf-samples/004-pdflatex-4-pages/pdflatex-4-pages.pdf",
    "pypdf-samples/006-pdflatex-outline/pdflatex-outline.pdf",
    "pypdf-samples/011-google-doc-document/google-doc-document.pdf",
    "pypdf-samples/026-latex-multicolumn/multicolumn.pdf",
    "pdfminer-samples/samples/nonfree/f1040nr.pdf",
)


@dataclass(frozen=True, slots=True)
class Corpus:
    """`files` are (where it is now, the name of its copy); `description` is for a person."""

    description: str
    files: tuple[tuple[Path, str], ...]

    def stage(self, folder: Path) -> None:
        """Copy the files into a new folder."""
        for original, name in self.files:
            copy = folder / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(original, copy)

    def digest(self) -> str:
        """Names and contents, in short."""
        sha = hashlib.sha256()
        for original, name in self.files:
            sha.update(f"{name}\0{original.stat().st_size}\0".encode())
            sha.update(original.read_bytes())
        return sha.hexdigest()[:12]

    @property
    def size(self) -> int:
        return sum(original.stat().st_size for original, _ in self.files)


def choose(folder: Path | None, *, quick: bool) -> Corpus:
    """The user's own folder, or the test corpora where they are, or the example handbook."""
    given = os.environ.get("VECSTREAM_CORPORA")
    corpora = Path(given) if given else REPOSITORY.parent / "shared" / "corpora"
    if folder is not None:
        files = _named(folder, _readable(folder))
        return Corpus(f"{len(files)} files of a folder", tuple(_some(files, 12 if quick else None)))
    if not corpora.is_dir():
        return Corpus("the example handbook", tuple(_named(HANDBOOK, _readable(HANDBOOK))))
    texts, documents = (8, 2) if quick else (None, None)
    markdown = _some(_small(corpora, "kep", "*.md"), texts)
    plain = _some(_small(corpora, "peps", "pep-*.rst"), texts)[: 100 - len(markdown) - len(PDFS)]
    pdf = [(corpora / "pdf" / name, f"pdf/{Path(name).name}") for name in PDFS][:documents]
    words = f"{len(markdown)} Markdown design documents, {len(plain)} texts (PEPs), {len(pdf)} PDFs"
    return Corpus(words, tuple(markdown + plain + pdf))


def change(folder: Path, share: float = 0.01) -> list[Path]:
    """Add a paragraph to that share of the text files, spread evenly; at least to one."""
    texts = sorted(path for path in folder.rglob("*") if path.suffix in (".md", ".txt"))
    count = max(1, round(share * sum(1 for path in folder.rglob("*") if path.is_file())))
    changed = texts[:: max(1, len(texts) // count)][:count]
    for path in changed:
        with path.open("a", encoding="utf-8") as file:
            file.write("\n\nA paragraph that was added between two runs.\n")
    return changed


def _readable(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix in SUFFIXES)


def _named(folder: Path, files: Iterable[Path]) -> list[tuple[Path, str]]:
    return [
        (file, str(file.relative_to(folder).with_suffix(SUFFIXES[file.suffix]))) for file in files
    ]


def _small(corpora: Path, name: str, pattern: str) -> list[tuple[Path, str]]:
    found = sorted((corpora / name).rglob(pattern))
    small = [file for file in found if 1500 < file.stat().st_size <= LARGEST]
    return [(file, f"{name}/{copy}") for file, copy in _named(corpora / name, small)]


def _some(files: list[tuple[Path, str]], count: int | None) -> list[tuple[Path, str]]:
    """That many of them, spread evenly; all of them for None."""
    if count is None or count >= len(files):
        return files
    return files[:: len(files) // count][:count]
