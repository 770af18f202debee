"""Fixtures for the readers: a document is written to a real file and read through a descriptor."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from vecstream_cli.core.blocks import Block, BlockKind, OpenDocument, ReaderWarning
from vecstream_cli.readers.registry import open_document
from vecstream_cli.readers.source import SourceFile
from vecstream_cli.settings import ReadingOptions


@dataclass(frozen=True)
class Read:
    """A document read to its end."""

    version: str
    metadata: dict[str, object]
    blocks: list[Block]
    warnings: list[ReaderWarning]
    beats: int

    @property
    def text(self) -> str:
        return "".join(block.text for block in self.blocks)

    def at(self, start: str) -> dict[str, str | int]:
        """The position of the block that starts with `start`."""
        return dict(next(b.position for b in self.blocks if b.text.startswith(start)))

    @property
    def reasons(self) -> list[str]:
        return [warning.reason for warning in self.warnings]

    @property
    def headings(self) -> list[tuple[str, ...]]:
        return [block.heading for block in self.blocks if block.kind is BlockKind.HEADING]

    def under(self, start: str) -> tuple[str, ...]:
        """The heading path of the block that starts with `start`."""
        return next(block.heading for block in self.blocks if block.text.startswith(start))

    def kind(self, start: str) -> BlockKind:
        return next(block.kind for block in self.blocks if block.text.startswith(start))


class Reader:
    """Reads files the way a parser does: by descriptor, size and name."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "document"

    def __call__(self, name: str, content: str | bytes, **options: object) -> Read:
        data = content.encode() if isinstance(content, str) else content
        self._path.write_bytes(data)
        return self.file(self._path, name, **options)

    def file(self, path: Path, name: str | None = None, **options: object) -> Read:
        beats = 0

        def progress() -> None:
            nonlocal beats
            beats += 1

        with self.opened(path, name or path.name, progress, **options) as (version, document):
            blocks = list(document.blocks)
            return Read(version, dict(document.metadata), blocks, document.warnings, beats)

    @contextmanager
    def opened(
        self, path: Path, name: str, progress: Callable[[], None] = lambda: None, **options: object
    ) -> Iterator[tuple[str, OpenDocument]]:
        with source(path, name) as file:
            told = ReadingOptions(**options)  # type: ignore[arg-type]
            yield open_document(file, progress=progress, options=told)


@contextmanager
def source(path: Path, name: str | None = None, size: int | None = None) -> Iterator[SourceFile]:
    fd = os.open(path, os.O_RDONLY)
    try:
        length = os.fstat(fd).st_size if size is None else size
        yield SourceFile(fd, length, os.fsencode(name or path.name))
    finally:
        os.close(fd)


@pytest.fixture
def read(tmp_path: Path) -> Reader:
    return Reader(tmp_path)


@pytest.fixture
def open_source() -> Callable[..., object]:
    return source
