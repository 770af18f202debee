"""Which documents a benchmark works on: the generated ones, or a fair sample of a folder."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from heapq import nsmallest
from itertools import islice
from pathlib import Path

from vecstream_cli.api.bench.corpus import GENERATED, digest_of, write_corpus
from vecstream_cli.api.bench.laps import laps
from vecstream_cli.api.bench.reading import Document
from vecstream_cli.core.benchmark import Corpus, Format, Lengths, Measure, StageAlone
from vecstream_cli.errors import UsageError
from vecstream_cli.readers.formats import suffixes
from vecstream_cli.readers.sniff import suffix
from vecstream_cli.settings import Settings
from vecstream_cli.state.roots import roots_of
from vecstream_cli.state.scan import ScannedFile, scan

_MOST_DOCUMENTS = 20_000
_SIZES = (5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000)
_FIRST_SIZE = 100  # generated documents for the stages alone
_MADE_PER_SECOND = 150
_SCANNED = 5_000  # files of the tree that scanning is measured on, where no folder was named


@dataclass(frozen=True, slots=True)
class Documents:
    """Documents below `folder`; `whole` where they are all that a run would take from it."""

    folder: Path
    documents: tuple[Document, ...]
    generated: bool
    whole: bool

    @property
    def bytes(self) -> int:
        """The size of the files."""
        return sum(document.stamp.size for document in self.documents)

    def described(self, lengths: Lengths) -> Corpus:
        """The record of it; reads every file, which leaves them in the page cache for everyone."""
        counts: Counter[str] = Counter()
        sizes: Counter[str] = Counter()
        for each in self.documents:
            name = suffix(each.relative).removeprefix(".") or "text"
            counts[name] += 1
            sizes[name] += each.stamp.size
        return Corpus(
            name=GENERATED if self.generated else str(self.folder),
            generated=self.generated,
            whole=self.whole,
            digest=digest_of(self.folder, [each.relative for each in self.documents]),
            documents=len(self.documents),
            bytes=self.bytes,
            formats=tuple(
                Format(name=name, documents=counts[name], bytes=sizes[name])
                for name in sorted(counts)
            ),
            lengths=lengths,
        )


def first_documents(settings: Settings, scratch: Path) -> Documents:
    """What the stages alone are measured on, in an order of no meaning.

    Raises UsageError where the folder is none, or has no document.
    """
    if not settings.paths:
        folder = scratch / "corpus"
        write_corpus(folder, min(settings.limit or _FIRST_SIZE, _FIRST_SIZE))
        found = sorted(_found(folder, settings), key=_order)
        return Documents(folder, tuple(found), generated=True, whole=True)
    folder = _folder(settings.paths)
    most = min(settings.limit or _MOST_DOCUMENTS, _MOST_DOCUMENTS)
    chosen = nsmallest(most + 1, _found(folder, settings), key=_order)
    if not chosen:
        raise UsageError(
            f"There is no document in {folder} that vecstream reads.",
            hint="docs/formats.md lists what is read; without a folder, bench makes its own.",
        )
    whole = len(chosen) <= most
    return Documents(folder, tuple(chosen[:most]), generated=False, whole=whole)


def documents_for(first: Documents, settings: Settings, size: int, seconds: float) -> Documents:
    """What the whole runs are measured on: about `size` bytes of documents, or `limit` of them.

    Generated ones are a round number of documents, so that runs can be compared, and no more
    than can be made in `seconds`.
    """
    if first.generated:
        wanted = size / (first.bytes / len(first.documents))
        number = settings.limit or _round_number(min(wanted, _MADE_PER_SECOND * seconds))
        if number > len(first.documents):
            write_corpus(first.folder, number, first=len(first.documents))
        for document in first.documents:
            if int(Path(os.fsdecode(document.relative)).stem) >= number:
                Path(os.fsdecode(document.absolute)).unlink()
        return replace(first, documents=tuple(_found(first.folder, settings)))
    if settings.limit is not None:
        return first
    taken, used = 0, 0
    while taken < len(first.documents) and (used < size or not taken):
        used += first.documents[taken].stamp.size
        taken += 1
    whole = first.whole and taken == len(first.documents)
    return replace(first, documents=first.documents[:taken], whole=whole)


def scan_alone(first: Documents, settings: Settings, scratch: Path, seconds: float) -> StageAlone:
    """Measure the scan: of the folder, or of a tree of empty files where none was named."""
    folder = first.folder
    if first.generated:
        folder = scratch / "tree"
        for number in range(_SCANNED):
            file = folder / f"{number // 100:03}" / f"{number:05}.md"
            if number % 100 == 0:
                file.parent.mkdir(parents=True)
            file.touch()
    found = 0

    def look() -> None:
        nonlocal found
        found = sum(1 for _ in islice(_found(folder, settings), settings.limit))

    look()
    times = laps(look, seconds)
    return StageAlone(
        stage="scan",
        of="",
        work=f"{found:,} files",
        measures=(Measure(name="files", unit="/s", values=tuple(found / t for t in times)),),
    )


def settings_for(chosen: Documents, settings: Settings, scratch: Path) -> Settings:
    """The settings of a run that takes exactly these documents."""
    plain = replace(settings, paths=(chosen.folder,), files_from=None, limit=None, source=None)
    if chosen.whole:
        return plain
    names = scratch / "documents"
    names.write_bytes(b"\0".join(each.relative for each in chosen.documents) + b"\0")
    return replace(plain, files_from=str(names))


def _found(folder: Path, settings: Settings) -> Iterator[Document]:
    found = scan(
        roots_of([folder]),
        suffixes=suffixes(settings.reading),
        include=settings.include,
        exclude=settings.exclude,
        hidden=settings.hidden,
        follow_links=settings.follow_links,
    )
    for each in found:
        if isinstance(each, ScannedFile):
            yield Document(each.absolute, each.relative, each.stamp)


def _folder(paths: Sequence[Path]) -> Path:
    if len(paths) > 1 or not paths[0].is_dir():
        shown = ", ".join(repr(str(path)) for path in paths)
        raise UsageError(
            f"{shown} is not a folder.", hint="Name one folder, or none for a generated corpus."
        )
    return paths[0].resolve()


def _order(document: Document) -> bytes:
    """The same every time, and not that of names: the first hundred are as mixed as all."""
    return blake2b(document.relative, digest_size=8).digest()


def _round_number(documents: float) -> int:
    return max((size for size in _SIZES if size <= documents), default=_SIZES[0])
