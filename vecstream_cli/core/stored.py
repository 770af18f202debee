"""What a row tells of its document when nothing else is known: which file, which chunk, the end."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from vecstream_cli.core.blocks import Position
from vecstream_cli.core.ids import ChunkKey, DocumentId, RowId, document_id, row_id

# Beyond so many chunks a document's repeated texts are told apart by ordinal instead of by
# occurrence: the table of occurrences would grow with the document.
OCCURRENCES_COUNTED = 1 << 16

_ESCAPED = re.compile(rb"\\x([89a-f][0-9a-f])")


def position(where: Position, *, last: bool) -> str | None:
    """A row's `position`, as JSON: where its chunk stands, and the mark of the last row.

    The mark is what proves that a document's rows are all there.
    """
    facts = {**where, "last": True} if last else dict(where)
    return json.dumps(facts, ensure_ascii=False) if facts else None


def is_last(stored: str | None) -> bool:
    """Whether a row's `position` marks it as its document's last."""
    if not stored:
        return False
    try:
        facts = json.loads(stored)
    except ValueError:
        return False
    return isinstance(facts, dict) and facts.get("last") is True


@dataclass(slots=True)
class DocumentRows:
    """What a document's rows say together; `last` is the ordinal of the row with the mark."""

    rows: int
    ordinals: int  # their sum
    highest: int
    last: int
    least_attempt: int
    attempt: int  # the newest
    same_content: bool

    @property
    def whole(self) -> bool:
        """They are one version's rows, from the first to the last."""
        return (
            self.last == self.highest == self.rows - 1
            and self.ordinals == self.rows * (self.rows - 1) // 2
            and self.least_attempt == self.attempt
            and self.same_content
        )


def named(document: DocumentId, source: str, path: str) -> tuple[str, bytes] | None:
    """The source and the path of a document from what its rows show of them.

    There, bytes that are not UTF-8 are escaped; the document's id tells whether they were. None
    where the row is not one of ours.
    """
    for name in _spellings(source):
        for relative in _spellings(path):
            text = name.decode("utf-8", "surrogateescape")
            if document_id(text, relative) == document:
                return text, relative
    return None


def occurrence(
    row: RowId, document: DocumentId, key: ChunkKey, ordinal: int, guess: int
) -> int | None:
    """Which of the document's chunks of this text the row is; None where the id is not its own.

    `guess` is tried first: how many of them came before.
    """
    for candidate in (guess, 0, OCCURRENCES_COUNTED + ordinal):
        if row_id(document, key, candidate) == row:
            return candidate
    others = range(1, min(ordinal + 1, OCCURRENCES_COUNTED))
    return next((each for each in others if row_id(document, key, each) == row), None)


def _spellings(shown: str) -> Iterator[bytes]:
    plain = shown.encode("utf-8", "surrogateescape")
    yield plain
    if _ESCAPED.search(plain):
        yield _ESCAPED.sub(lambda match: bytes([int(match[1], 16)]), plain)
