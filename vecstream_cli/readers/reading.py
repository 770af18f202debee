"""What a reader is given besides its file."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from vecstream_cli.core.blocks import OpenDocument
from vecstream_cli.errors import DocumentError
from vecstream_cli.readers.source import Progress, SourceFile
from vecstream_cli.settings import ReadingOptions

MAX_DEPTH = 4


@dataclass(frozen=True, slots=True)
class Reading:
    """One document's reading: `progress` is called once a page, or for every 64 KiB, or more often.

    `depth` is how many documents this one lies in.
    """

    progress: Progress
    options: ReadingOptions
    open: "Callable[[SourceFile, Reading], OpenDocument]"
    depth: int = 0

    def inner(self, file: SourceFile) -> OpenDocument:
        """Open a document that lies in the one being read, such as an attachment.

        Raises DocumentError, ``nested-too-deep`` where it lies in more than `MAX_DEPTH`.
        """
        if self.depth >= MAX_DEPTH:
            raise DocumentError("nested-too-deep", f"It lies in more than {MAX_DEPTH} documents.")
        return self.open(file, replace(self, depth=self.depth + 1))
