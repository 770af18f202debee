"""What a reader is given besides its file."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from vecstream_cli.core.blocks import OpenDocument
from vecstream_cli.errors import DocumentError
from vecstream_cli.readers.source import Progress, SourceFile
from vecstream_cli.settings import ReadingOptions

MAX_DEPTH = 4
MAX_UNPACKED_BYTES = 2 << 30


@dataclass(slots=True)
class Budget:
    """How many bytes may still be unpacked for one document, however deep they lie in it."""

    bytes: int = MAX_UNPACKED_BYTES

    def spend(self, count: int) -> None:
        """Raises DocumentError ``too-large`` where more is unpacked than there was."""
        self.bytes -= count
        if self.bytes < 0:
            raise DocumentError(
                "too-large", f"More than {MAX_UNPACKED_BYTES >> 30} GiB would be unpacked."
            )


@dataclass(frozen=True, slots=True)
class Reading:
    """One document's reading: `progress` is called once a page, or for every 64 KiB, or more often.

    `depth` is how many documents this one lies in.
    """

    progress: Progress
    options: ReadingOptions
    open: "Callable[[SourceFile, Reading], OpenDocument]"
    depth: int = 0
    unpacking: Budget = field(default_factory=Budget)

    def inner(self, file: SourceFile) -> OpenDocument:
        """Open a document that lies in the one being read, such as an attachment.

        Raises DocumentError, ``nested-too-deep`` where it lies in more than `MAX_DEPTH`.
        """
        if self.depth >= MAX_DEPTH:
            raise DocumentError("nested-too-deep", f"It lies in more than {MAX_DEPTH} documents.")
        return self.open(file, replace(self, depth=self.depth + 1))
