"""Compare pypdfium2, pdfminer.six, pypdf and vecstream's own reader on a folder of PDFs.

    python scripts/pdf_readers.py ../shared/corpora/pdf

Prints, for each, how many files it opened, how many pages with text and how many characters it
found, and its speed; then every file in which one finds text where PDFium finds none. Each works
in a process of its own, file after file, with a limit of a minute for each.
"""

import argparse
import logging
import os
import re
import resource
import signal
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

SECONDS_A_FILE = 60
_LEFT = {
    "ligatures": re.compile("[\ufb00-\ufb06]"),
    "(cid:)": re.compile(r"\(cid:\d+\)"),
    "cut words": re.compile(r"[^\W\d_]-\n[a-z]"),
}


@dataclass
class File:
    """What one library made of a file; `pages` are the characters on each."""

    seconds: float = 0.0
    pages: list[int] = field(default_factory=list)
    failed: str | None = None
    left: dict[str, int] = field(default_factory=dict)

    @property
    def has_text(self) -> bool:
        return any(self.pages)


def pypdfium2(path: Path) -> Iterator[str]:
    import pypdfium2

    with pypdfium2.PdfDocument(path, password="") as document:
        for page in document:
            yield page.get_textpage().get_text_bounded()


def pdfminer(path: Path) -> Iterator[str]:
    from pdfminer.high_level import extract_pages
    from pdfminer.layout import LTTextContainer

    for page in extract_pages(path):
        yield "".join(each.get_text() for each in page if isinstance(each, LTTextContainer))


def pypdf(path: Path) -> Iterator[str]:
    from pypdf import PdfReader

    for page in PdfReader(path).pages:
        yield page.extract_text()


def vecstream(path: Path) -> Iterator[str]:
    from vecstream_cli.readers.registry import open_document
    from vecstream_cli.readers.source import SourceFile

    fd = os.open(path, os.O_RDONLY)
    try:
        source = SourceFile(fd, path.stat().st_size, path.name.encode())
        _, document = open_document(source, progress=lambda: None)
        pages: dict[int, list[str]] = {}
        for block in document.blocks:
            pages.setdefault(block.page or 0, []).append(block.text)
        for number in range(1, int(str(document.metadata.get("pages", max(pages, default=0)))) + 1):
            yield "".join(pages.get(number, ()))
    finally:
        os.close(fd)


READERS: dict[str, Callable[[Path], Iterator[str]]] = {
    "pypdfium2": pypdfium2,
    "pdfminer.six": pdfminer,
    "pypdf": pypdf,
    "vecstream": vecstream,
}


class _TooLong(Exception):
    pass


def _read(reader: Callable[[Path], Iterator[str]], path: Path) -> File:
    def late(signum: int, frame: object) -> None:
        raise _TooLong

    signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS_A_FILE)
    found, started = File(), time.perf_counter()
    try:
        for text in reader(path):
            found.pages.append(len(text.strip()))
            for name, pattern in _LEFT.items():
                found.left[name] = found.left.get(name, 0) + len(pattern.findall(text))
    except Exception as error:  # noqa: BLE001  what it raises is what is compared
        found.failed = type(error).__name__
    finally:
        signal.alarm(0)
    found.seconds = time.perf_counter() - started
    return found


def _all(name: str, paths: list[Path]) -> tuple[dict[Path, File], int]:
    """Each file by one library, and the process's largest size in bytes."""
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    files = {path: _read(READERS[name], path) for path in paths}
    return files, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def _line(name: str, files: dict[Path, File], rss: int) -> str:
    opened = [file for file in files.values() if file.failed is None]
    pages = sum(len(file.pages) for file in files.values())
    seconds = sum(file.seconds for file in files.values())
    left = " / ".join(str(sum(file.left.get(kind, 0) for file in files.values())) for kind in _LEFT)
    cells = (
        name,
        f"{len(opened)} of {len(files)}",
        f"{sum(file.has_text for file in files.values())}",
        f"{sum(bool(chars) for file in files.values() for chars in file.pages)} of {pages}",
        f"{sum(sum(file.pages) for file in files.values()):,}",
        f"{pages / seconds:.0f}" if seconds else "",
        left,
        f"{rss >> 20}",
    )
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() == ".pdf")
    found: dict[str, dict[Path, File]] = {}
    print(f"{len(paths)} files\n")
    print(f"| | opened | files with text | pages with text | characters | pages/s | "
          f"{' / '.join(_LEFT)} left | MB |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|")
    for name in READERS:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as one:
            found[name], rss = one.submit(_all, name, paths).result()
        print(_line(name, found[name], rss), flush=True)
    print("\nFiles that PDFium finds no text in, and others do (characters):\n")
    for path in paths:
        counts = {name: sum(files[path].pages) for name, files in found.items()}
        if not counts["pypdfium2"] and any(counts.values()):
            why = found["pypdfium2"][path].failed or "empty"
            others = ", ".join(f"{name} {count}" for name, count in counts.items() if count)
            print(f"- {path.relative_to(folder)} ({why}): {others}")
    print("\nFiles that fail:\n")
    for path in paths:
        told = [f"{name} {why}" for name, files in found.items() if (why := files[path].failed)]
        if told:
            print(f"- {path.relative_to(folder)}: {', '.join(told)}")


if __name__ == "__main__":
    main()
