"""No document is silently empty: one without text says so in a warning."""

from collections.abc import Iterator

from vecstream_cli.core.blocks import Block, BlockKind, Picture, ReaderWarning

MAX_WARNINGS = 50


def noticed(
    blocks: Iterator[Block | Picture],
    warnings: list[ReaderWarning],
    what: str = "The document",
) -> Iterator[Block | Picture]:
    """The blocks again; where none of them has text, `warnings` gets a ``no-text``."""
    spoken = False
    for block in blocks:
        spoken = spoken or says(block)
        yield block
    if not spoken:
        warnings.append(ReaderWarning("no-text", f"{what} has no text."))


def says(block: Block | Picture) -> bool:
    """Whether a block is worth embedding."""
    if isinstance(block, Picture):
        return True
    return block.kind is not BlockKind.SKIPPED and not block.text.isspace()


class Losses:
    """Warnings that may come in any number: the first are told, the rest are counted."""

    def __init__(self, warnings: list[ReaderWarning]) -> None:
        self._warnings = warnings
        self.count = 0
        self._told = 0
        self._more = -1

    def add(self, reason: str, message: str) -> None:
        """One more; beyond `MAX_WARNINGS`, the last warning says how many there are besides."""
        self.count += 1
        if self._told < MAX_WARNINGS:
            self._told += 1
            self._warnings.append(ReaderWarning(reason, message))
            return
        more = ReaderWarning("more", f"and {self.count - self._told} more")
        if self._more < 0:
            self._more = len(self._warnings)
            self._warnings.append(more)
        else:
            self._warnings[self._more] = more
