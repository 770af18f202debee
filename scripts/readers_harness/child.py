"""A process that reads documents under a parser's limits, and says what became of each."""

import multiprocessing
import os
import resource
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

MIB = 1 << 20
ALLOWANCE = 350 * MIB  # what a parser may take after its imports, where memory is plenty
_CONTEXT = multiprocessing.get_context("spawn")


@dataclass(frozen=True, slots=True)
class Document:
    """What to read: bytes, or a file; `name` decides what it seems to be."""

    name: bytes
    data: bytes | None = None
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a document. `problem` is what no reader may do; then the rest is not known.

    `peak` is the most memory the process ever had, in bytes; `beats` the calls of progress.
    """

    format: str = ""
    reason: str | None = None
    message: str = ""
    chars: int = 0
    blocks: int = 0
    pages: int = 0
    pictures: int = 0
    warnings: tuple[tuple[str, str], ...] = ()
    seconds: float = 0.0
    peak: int = 0
    beats: int = 0
    problem: str | None = None

    @property
    def empty(self) -> bool:
        """It was opened, and nothing came of it."""
        return not (self.reason or self.problem or self.chars or self.pictures)

    @property
    def silent(self) -> bool:
        """Nothing came of it, and nothing was said."""
        return self.empty and not self.warnings


@dataclass(slots=True)
class Reader:
    """Reads one document after another in a process of its own, which it replaces when it died.

    A document that takes more than `deadline` seconds has hung.
    """

    deadline: float
    options: Mapping[str, Any] = field(default_factory=dict)
    allowance: int = ALLOWANCE
    _process: Any = None
    _pipe: Any = None

    def read(self, document: Document) -> Outcome:
        """What became of it."""
        if self._process is None:
            self._start()
        try:
            self._pipe.send(document)
            if self._pipe.poll(self.deadline):
                outcome: Outcome = self._pipe.recv()
                if outcome.reason == "out-of-memory":
                    self.close()  # as a parser does: what is left of it would count
                return outcome
            problem = f"no answer after {self.deadline:.0f} s"
        except (EOFError, OSError):
            self._process.join(10)
            problem = f"its reader ended with {self._process.exitcode}"
        self.close()
        return Outcome(problem=problem)

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._pipe.close()
            self._process = None

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start(self) -> None:
        self._pipe, theirs = _CONTEXT.Pipe()
        self._process = _CONTEXT.Process(
            target=_serve, args=(theirs, dict(self.options), self.allowance), daemon=True
        )
        self._process.start()
        theirs.close()


def _serve(pipe: Connection, options: Mapping[str, Any], allowance: int) -> None:
    from vecstream_cli.pipeline.parser import limit_data
    from vecstream_cli.pipeline.sandbox import confine
    from vecstream_cli.settings import ReadingOptions

    folder = os.memfd_create("document")
    limit_data(allowance)
    confine()
    told = ReadingOptions(**options)
    while True:
        try:
            document: Document = pipe.recv()
        except EOFError:
            return
        if document.path is not None:
            fd = os.open(document.path, os.O_RDONLY | os.O_NONBLOCK)
            pipe.send(_read(fd, document.name, told))
            os.close(fd)
            continue
        assert document.data is not None
        os.ftruncate(folder, 0)
        os.pwrite(folder, document.data, 0)
        pipe.send(_read(folder, document.name, told))


def _read(fd: int, name: bytes, options: Any) -> Outcome:
    from vecstream_cli.core.blocks import MAX_BLOCK_CHARS, Block
    from vecstream_cli.errors import DocumentError
    from vecstream_cli.readers.registry import open_document
    from vecstream_cli.readers.source import SourceFile

    started, beats = time.monotonic(), 0

    def progress() -> None:
        nonlocal beats
        beats += 1

    chars = blocks = pictures = 0
    pages: set[int] = set()
    version, reason, message, problem = "", None, "", None
    warnings: list[tuple[str, str]] = []
    try:
        file = SourceFile(fd, os.fstat(fd).st_size, name)
        version, document = open_document(file, progress=progress, options=options)
        _check_metadata(document.metadata)
        for block in document.blocks:
            if block.page is not None:
                pages.add(block.page)
            if not isinstance(block, Block):
                pictures += 1
                continue
            assert 0 < len(block.text) <= MAX_BLOCK_CHARS, f"a block of {len(block.text)}"
            block.text.encode()
            blocks += 1
            chars += len(block.text.strip())
        warnings = [(each.reason, each.message) for each in document.warnings]
        if file.size <= 65_536 and not file.at(0, file.size).strip(
            b" \t\r\n\0\xef\xbb\xbf\xff\xfe"
        ):
            warnings.append(("blank", "the file is empty"))  # a run says so of every such file
    except DocumentError as error:
        reason, message = error.reason, error.message
    except BaseException as error:  # noqa: BLE001 (what none may raise is what is looked for)
        problem = f"{type(error).__name__}: {error}"[:500]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
    return Outcome(
        version.partition("/")[0], reason, message, chars, blocks, len(pages), pictures,
        tuple(warnings[:50]), time.monotonic() - started, peak, beats, problem,
    )  # fmt: skip


def _check_metadata(metadata: Mapping[str, object]) -> None:
    import json

    from vecstream_cli.readers.metadata import MAX_METADATA_BYTES

    text = json.dumps(dict(metadata), ensure_ascii=False, allow_nan=False)
    assert len(text.encode()) <= MAX_METADATA_BYTES, f"{len(text)} characters of metadata"
