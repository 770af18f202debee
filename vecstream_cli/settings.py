"""Floor 0: one frozen, validated object that says what a run does."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vecstream_cli.endpoint import Endpoint
from vecstream_cli.errors import UsageError
from vecstream_cli.pixels import ImageInput
from vecstream_cli.secret import Secret, parted

MIB = 1 << 20
DEFAULT_COLLECTION = "documents"
BUILD = "--build"  # how the name of a collection that is being rebuilt ends
DEFAULT_MODEL = "minilm"
MOST_PARSERS = 60
PRECISIONS = ("fp32", "bf16", "int8")

_SIZE = re.compile(r"(?i)^\s*([0-9]+(?:\.[0-9]+)?)\s*([kmgt]?)(i?)b?\s*$")
_POINTER = re.compile(r"(?:/(?:[^~/]|~[01])*)+")  # RFC 6901
_NUMBER = r"([0-9]+(?:\.[0-9]+)?)"
_DURATION = re.compile(
    rf"(?i)^\s*(?:{_NUMBER}\s*d)?\s*(?:{_NUMBER}\s*h)?\s*(?:{_NUMBER}\s*m(?:in)?)?\s*"
    rf"(?:{_NUMBER}\s*s)?\s*$"
)
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


def parse_duration(text: str) -> float:
    """Seconds from ``90``, ``90s``, ``30m``, ``2h``, ``1h30m`` or ``1d``.

    Raises UsageError where `text` is not a length of time.
    """
    if re.fullmatch(_NUMBER, text.strip()):
        return float(text)
    match = _DURATION.match(text)
    if match is None or not text.strip():
        raise UsageError(
            f"{text!r} is not a length of time.", hint="Write seconds, or a time such as 30m or 2h."
        )
    parts = zip((86_400, 3600, 60, 1), match.groups(), strict=True)
    return float(sum(unit * float(number) for unit, number in parts if number))


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


@dataclass(frozen=True, slots=True)
class ReadingOptions:
    """What decides, besides a file's bytes, what its reader makes of it; a field for each flag.

    The model decides two: `text`, whether text is read at all, and `image`, how images are wanted
    (None: not at all). `embedded_images`: those inside of documents, too.
    `ocr`: Tesseract's languages, such as ``eng+deu``; empty: pictures of text are left.
    `json_text` is the JSON pointer that --json-text gives.
    """

    text: bool = True
    image: ImageInput | None = None
    embedded_images: bool = False
    ocr: str = ""
    pdf_password: Secret | None = None
    json_text: str | None = None
    archives: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything an operation needs to know, validated; the layers that make it live elsewhere.

    Sizes are bytes, times seconds. `paths` and `files_from` are as given on the command line.
    `max_memory`, `parsers` and `chunk_size` of None mean: chosen from the machine or the model;
    `max_duration`, `max_load` and `nice` of None: not limited.
    A password in `db_uri` moves to `db_password`. `db_option` has texts such as ``timeout=30``.
    """

    paths: tuple[Path, ...] = ()
    files_from: str | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    hidden: bool = False
    follow_links: bool = False
    limit: int | None = None
    source: str | None = None
    require: tuple[Path, ...] = ()
    json_text: str | None = None
    archives: bool = False

    db: str = "lance"
    db_uri: str | None = None
    db_password: Secret | None = None
    db_option: tuple[str, ...] = ()
    collection: str = DEFAULT_COLLECTION

    ocr: str | None = None
    pdf_password: Secret | None = None

    model: str = DEFAULT_MODEL
    revision: str | None = None
    device: str = "auto"
    precision: str = "fp32"
    chunk_size: int | None = None
    chunk_overlap: int = 0
    embedded_images: bool = False

    max_memory: int | None = None
    buffer: Buffer = Buffer()
    parsers: int | None = None
    document_timeout: float = 300.0
    max_duration: float | None = None
    max_load: float | None = None
    nice: int | None = None

    checksum: bool = False
    strict: bool = False
    allow_mass_delete: bool = False
    rebuild: bool = False
    lock_wait: float = 0.0
    debug: bool = False

    log_file: Path | None = None
    metrics_file: Path | None = None
    ping_url: Secret | None = None

    def __post_init__(self) -> None:
        self._take_the_password_out()
        if len({_option(text)[0] for text in self.db_option}) < len(self.db_option):
            raise UsageError("--db-option gives the same option twice.", hint="Keep one of them.")
        if self.limit is not None and self.limit < 1:
            raise UsageError("--limit must be at least 1.")
        if self.json_text is not None and not _POINTER.fullmatch(self.json_text):
            raise UsageError(
                f"--json-text {self.json_text!r} is not a JSON pointer.",
                hint="Write the keys down to the text, as in --json-text /body/text.",
            )
        if self.parsers is not None and not 1 <= self.parsers <= MOST_PARSERS:
            raise UsageError(f"--parsers must be from 1 to {MOST_PARSERS}, or auto.")
        if self.max_memory is not None and self.max_memory < 1:
            raise UsageError("--max-memory must be more than nothing.", hint="Try --max-memory 2G.")
        if not self.document_timeout > 0:
            raise UsageError("--document-timeout must be more than 0 seconds.")
        if self.max_duration is not None and not self.max_duration > 0:
            raise UsageError(
                "--max-duration must be more than 0 seconds.", hint="Try --max-duration 2h."
            )
        if self.max_load is not None and not self.max_load > 0:
            raise UsageError("--max-load must be more than 0.", hint=f"Try --max-load {cores()}.")
        if self.nice is not None and not 0 <= self.nice <= 19:
            raise UsageError("--nice must be from 0 to 19.")
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
        if self.collection.endswith(BUILD):
            raise UsageError(
                f"{self.collection!r} is the name of a collection that is being rebuilt.",
                hint=f"Name the collection itself: {self.collection.removesuffix(BUILD)}.",
            )
        if self.source is not None and (not self.source or len(self.paths) > 1):
            raise UsageError(
                "--source names one folder, but several paths are given.",
                hint="Index each folder by its own command, with its own --source.",
            )

    @property
    def endpoint(self) -> Endpoint:
        """The database, for `Adapter.open`."""
        options = dict(_option(text) for text in self.db_option)
        return Endpoint(name=self.db, uri=self.db_uri, password=self.db_password, options=options)

    @property
    def reading(self) -> ReadingOptions:
        """What the readers are told, but for what the model decides."""
        return ReadingOptions(
            embedded_images=self.embedded_images,
            ocr=self.ocr or "",
            pdf_password=self.pdf_password,
            json_text=self.json_text,
            archives=self.archives,
        )

    def _take_the_password_out(self) -> None:
        uri, password = parted(self.db_uri or "")
        if password is None:
            return
        if self.db_password is not None:
            raise UsageError(
                "The database's password is given twice: in its URI, and by itself.",
                hint="Take it out of the URI.",
            )
        object.__setattr__(self, "db_uri", uri)
        object.__setattr__(self, "db_password", password)


def _option(text: str) -> tuple[str, str]:
    """``name=value`` as a pair. Raises UsageError."""
    name, equals, value = text.partition("=")
    if not (equals and re.fullmatch(r"[a-z][a-z0-9_]*", name)):
        raise UsageError(
            f"--db-option {text!r} is not an option with a value.",
            hint="Write it as in --db-option timeout=30; `vecstream adapters NAME` lists them.",
        )
    return name, value


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
