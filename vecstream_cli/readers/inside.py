"""A document that lies in another: its blocks, marked with where in the outer one they stand."""

from collections.abc import Iterator
from dataclasses import replace

from vecstream_cli.core.blocks import Block, BlockKind, OpenDocument, Picture, Position
from vecstream_cli.core.windows import line_ends
from vecstream_cli.readers.silence import Losses, says


def inside(
    document: OpenDocument, label: str, heading: tuple[str, ...], position: Position
) -> Iterator[Block | Picture]:
    """`label`, if any, as a heading; then the document's blocks under `heading`, at `position`.

    They end with a line end. Lines are told where the document's text is its file's.
    """
    line, last = 1, "\n"
    for block in document.blocks:
        if label and says(block):  # a name alone would be taken for text
            yield Block(f"{label}\n\n", BlockKind.HEADING, heading, position=position)
            label = ""
        where = {**position, **block.position}
        if "member" in position and "member" in block.position:
            where["member"] = f"{position['member']}/{block.position['member']}"
        if isinstance(block, Block):
            if document.lines:
                where.setdefault("line", line)
                line += line_ends(block.text)
            last = block.text[-1:]
        yield replace(block, heading=(*heading, *block.heading), position=where)
    if last not in ("\n", "\r"):
        yield Block("\n", heading=heading, position=position, joined=True)


def lost(document: OpenDocument, label: str, losses: Losses) -> None:
    """What a document inside another lost, told with its name."""
    for warning in document.warnings:
        losses.add(warning.reason, f"{label}: {warning.message}")
