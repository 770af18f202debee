"""What `check` can find wrong: every kind by its name, and what mends it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from vecstream_cli.errors import ExitCode

EXAMPLES = 5  # that are named of each kind

BOUNDS = {"fp32": 0.9999, "bf16": 0.999, "int8": 0.99}
"""The least cosine of a stored vector with the one its text gives again, by precision."""


class Mending(Enum):
    """What `check --repair` does about a kind."""

    RESTORE = "made anew from the rows"
    DELETE = "deleted"
    READ_AGAIN = "read again by the next index"
    REWRITE = "embedded again"
    NOTHING = "left as it is"


class Kind(Enum):
    """A kind of difference: its name, what it means, what mends it."""

    meaning: str
    mending: Mending

    MANIFEST_MISSING = "manifest-missing", "there is no manifest", Mending.RESTORE
    MANIFEST_DAMAGED = "manifest-damaged", "the manifest cannot be read", Mending.RESTORE
    MANIFEST_VOID = (
        "manifest-void",
        "the manifest describes another state of the collection",
        Mending.RESTORE,
    )
    ROWS_UNKNOWN = "rows-unknown", "rows of documents nobody knows", Mending.DELETE
    ROWS_EXTRA = "rows-extra", "rows that their document never had", Mending.DELETE
    ROWS_DUPLICATE = "rows-duplicate", "rows that stand there more than once", Mending.DELETE
    ROWS_MISSING = "rows-missing", "rows that are gone", Mending.READ_AGAIN
    ATTEMPT_DIFFERS = "attempt-differs", "rows of another attempt", Mending.READ_AGAIN
    CONTENT_DIFFERS = "content-differs", "rows of another version", Mending.READ_AGAIN
    CHUNKS_MISCOUNTED = (
        "chunks-miscounted",
        "chunks that the manifest counted and does not list, or the reverse",
        Mending.READ_AGAIN,
    )
    TEXT_DIFFERS = "text-differs", "rows whose text is not what was embedded", Mending.READ_AGAIN
    VECTOR_DIFFERS = "vector-differs", "rows whose vector is not their text's", Mending.REWRITE
    FILE_CHANGED = "file-changed", "files with other content now", Mending.READ_AGAIN
    FILE_GONE = "file-gone", "documents whose file is gone", Mending.NOTHING
    FILE_UNREADABLE = "file-unreadable", "files that cannot be read", Mending.NOTHING

    def __new__(cls, name: str, meaning: str, mending: Mending) -> "Kind":
        kind = object.__new__(cls)
        kind._value_ = name
        kind.meaning = meaning
        kind.mending = mending
        return kind


@dataclass(frozen=True, slots=True)
class Tally:
    """A document's rows in the database beside those that the manifest lists of it.

    `listed` are the manifest's, of its good version, and `missing` those of them that are not
    there; `distinct` and `rows` count what is there, repeated ids once and as often as they
    stand. `counted` is what the manifest says it listed. Of the rows that both have, so many are
    of another attempt or another content. `torn`: a later attempt failed and left its number.
    """

    listed: int
    missing: int
    distinct: int
    rows: int
    counted: int
    other_attempt: int
    other_content: int
    torn: bool


def differences(tally: Tally) -> Iterator[tuple[Kind, int]]:
    """What is wrong with the document, each with the number of rows it concerns."""
    found = {
        Kind.ROWS_MISSING: tally.missing,
        Kind.ROWS_EXTRA: tally.distinct - (tally.listed - tally.missing),
        Kind.ROWS_DUPLICATE: tally.rows - tally.distinct,
        Kind.ATTEMPT_DIFFERS: 0 if tally.torn else tally.other_attempt,
        Kind.CONTENT_DIFFERS: 0 if tally.torn else tally.other_content,
        Kind.CHUNKS_MISCOUNTED: abs(tally.counted - tally.listed),
    }
    return ((kind, count) for kind, count in found.items() if count)


@dataclass(frozen=True, slots=True)
class Where:
    """A document by its source and path, as they are shown."""

    source: str
    path: str


@dataclass(slots=True)
class Difference:
    """All of one kind: of `count` rows or files, in so many documents, a few of them by name."""

    kind: Kind
    count: int = 0
    documents: int = 0
    examples: list[Where] = field(default_factory=list)
    mended: bool = False


@dataclass(slots=True)
class Findings:
    """What was found so far, by kind."""

    _by_kind: dict[Kind, Difference] = field(default_factory=dict)

    def add(
        self, kind: Kind, count: int, where: Where | None = None, *, mended: bool = False
    ) -> None:
        """A document with `count` differences of this kind; it need not be known which."""
        found = self._by_kind.setdefault(kind, Difference(kind))
        found.count += count
        found.mended = mended
        if where is not None:
            found.documents += 1
            if len(found.examples) < EXAMPLES:
                found.examples.append(where)

    def all(self) -> list[Difference]:
        """The differences, in the order of the kinds."""
        return [self._by_kind[kind] for kind in Kind if kind in self._by_kind]


@dataclass(slots=True)
class Sampled:
    """How many of the rows were embedded again, and the one that came out worst.

    `bound` is the least cosine that passes. `skipped` of them are images whose files are not
    there to be read again as they were.
    """

    rows: int
    bound: float
    worst_cosine: float | None = None
    worst: Where | None = None
    skipped: int = 0


@dataclass(slots=True)
class Report:
    """What was compared and what was found.

    `unfinished` documents are left to the next run, which reads them. `restored` tells how the
    manifest was made anew. Of the files, `files` were compared; of so many `unplaced` documents
    it is not known where they lie.
    """

    differences: list[Difference]
    rows: int
    documents: int = 0
    unfinished: int = 0
    restored: str | None = None
    sample: Sampled | None = None
    files: int | None = None
    unplaced: int = 0

    @property
    def compared(self) -> bool:
        """There was a manifest to compare the rows with, or there is one now."""
        lacking = (each.kind.mending is Mending.RESTORE for each in self.differences)
        return self.restored is not None or not any(lacking)

    @property
    def exit_code(self) -> ExitCode:
        """FAILED as long as anything is not as it should be."""
        whole = all(difference.mended for difference in self.differences)
        return ExitCode.DONE if whole else ExitCode.FAILED
