"""Floor 0: one frozen, validated object that says what a run does."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vecstream_cli.errors import UsageError

MIB = 1 << 20
DEFAULT_COLLECTION = "documents"
DEFAULT_MODEL = "minilm"
MOST_PARSERS = 60
PRECISIONS = ("fp32", "bf16", "int8")

_SIZE = re.compile(r"(?i)^\s*([0-9]+(?:\.[0-9]+)?)\s*([kmgt]?)(i?)b?\s*$")
_UNIT = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


def parse_size(text: str) -> int:
    """Bytes from ``512MiB``, ``2G``, ``1.5g`` or a plain number; units are powers of 1024.

    Raises UsageError where `text` is not a size.
    """
    match = _SIZE.match(text)
    if match is None:
        raise UsageError(
            f"{text!r} is not a size.", hint="Write a number and a unit, such as 512M or 2G."
        )
    return int(float(match.group(1)) * _UNIT[match.group(2).lower()])


@dataclass(frozen=True, slots=True)
class Buffer:
    """The ring's size: a number of slots, or bytes to be divided into slots. None: chosen."""

    slots: int | None = None
    bytes: int | None = None

    @classmethod
    def parse(cls, text: str) -> "Buffer":
        """``64`` is 64 slots; anything with a unit, such as ``64M``, is a size."""
        if text.strip().isdigit():
            slots = int(text)
            if slots < 2:
                raise UsageError("--buffer needs at least 2 slots.", hint="Try --buffer 16.")
            return cls(slots=slots)
        return cls(bytes=parse_size(text))


class Secret:
    """A text that nobody shows by accident: `reveal` gives it to who needs it, all else hides it.

    Not a dataclass, since `asdict` would open it.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself: not to be stored, logged or put into a message."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash((Secret, self._text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything an operation needs to know, validated; the layers that make it live elsewhere.

    Sizes are bytes, times seconds. `paths` and `files_from` are as given on the command line.
    `max_memory`, `parsers` and `chunk_size` of None mean: chosen from the machine or the model.
    """

    paths: tuple[Path, ...] = ()
    files_from: str | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    hidden: bool = False
    follow_links: bool = False
    limit: int | None = None
    source: str | None = None

    db: str = "lance"
    db_uri: str | None = None
    collection: str = DEFAULT_COLLECTION

    model: str = DEFAULT_MODEL
    revision: str | None = None
    device: str = "auto"
    precision: str = "fp32"
    chunk_size: int | None = None
    chunk_overlap: int = 0

    max_memory: int | None = None
    buffer: Buffer = Buffer()
    parsers: int | None = None
    document_timeout: float = 300.0

    checksum: bool = False
    strict: bool = False
    allow_mass_delete: bool = False
    lock_wait: float = 0.0
    debug: bool = False

    def __post_init__(self) -> None:
        if self.limit is not None and self.limit < 1:
            raise UsageError("--limit must be at least 1.")
        if self.parsers is not None and not 1 <= self.parsers <= MOST_PARSERS:
            raise UsageError(f"--parsers must be from 1 to {MOST_PARSERS}, or auto.")
        if self.max_memory is not None and self.max_memory < 1:
            raise UsageError("--max-memory must be more than nothing.", hint="Try --max-memory 2G.")
        if not self.document_timeout > 0:
            raise UsageError("--document-timeout must be more than 0 seconds.")
        if self.chunk_size is not None and self.chunk_size < 8:
            raise UsageError("--chunk-size must be at least 8 tokens.")
        if self.chunk_overlap < 0:
            raise UsageError("--chunk-overlap cannot be negative.")
        if self.chunk_size is not None and self.chunk_overlap * 2 > self.chunk_size:
            raise UsageError("--chunk-overlap can be at most half of --chunk-size.")
        if self.precision not in PRECISIONS:
            raise UsageError(
                f"--precision {self.precision!r} is not known.",
                hint=f"Use {', '.join(PRECISIONS[:-1])} or {PRECISIONS[-1]}.",
            )
        if not re.fullmatch(r"auto|(cpu|cuda(:[0-9]+)?)(,(cpu|cuda(:[0-9]+)?)){0,15}", self.device):
            raise UsageError(
                f"--device {self.device!r} is not known.",
                hint="Use auto, cpu, cuda or cuda:0, or several such as cuda:0,cuda:1.",
            )
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", self.collection):
            raise UsageError(
                f"{self.collection!r} cannot name a collection.",
                hint="Use letters, digits, '.', '_' and '-', starting with a letter or digit.",
            )
        if self.source is not None and (not self.source or len(self.paths) > 1):
            raise UsageError(
                "--source names one folder, but several paths are given.",
                hint="Index each folder by its own command, with its own --source.",
            )


def devices(device: str) -> list[str]:
    """The devices that ``--device`` names; each is served by an inference process of its own."""
    return device.split(",")


def nearest(name: str, known: Sequence[str]) -> str | None:
    """The known name that `name` was probably meant to be."""
    from difflib import get_close_matches

    found = get_close_matches(name, known, n=1, cutoff=0.5)
    return found[0] if found else None


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
