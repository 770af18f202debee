"""How many tokens a run will read and how long it will take, from what earlier runs took."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple


class Read(NamedTuple):
    """What a reader has read in all: bytes of files, and the tokens they came to."""

    bytes: int
    tokens: int


class Past(NamedTuple):
    """A run that embedded something: its tokens, the seconds from the first batch to the last,
    and those of the whole run."""

    tokens: int
    embed_seconds: float
    seconds: float


@dataclass(frozen=True, slots=True)
class History:
    """What is known of a collection: by the reader's name what it has read, and earlier runs."""

    readers: Mapping[str, Read]
    runs: Sequence[Past]

    def tokens(self, sizes: Mapping[str, int]) -> int | None:
        """The tokens of files of so many bytes, by reader; None where nothing was ever read.

        A reader that has read nothing yet is taken for the mean of the others.
        """
        if not any(sizes.values()):
            return 0
        known = self.readers.values()
        everything = Read(sum(read.bytes for read in known), sum(read.tokens for read in known))
        if not everything.bytes:
            return None
        return round(
            sum(
                size * _density(self.readers.get(reader), everything)
                for reader, size in sizes.items()
            )
        )

    def seconds(self, tokens: int | None) -> float | None:
        """The time to embed so many tokens, beside what a run takes without; None: not known."""
        embedding = sum(run.embed_seconds for run in self.runs)
        if tokens is None or not embedding:
            return None
        return tokens * embedding / sum(run.tokens for run in self.runs)

    @property
    def overhead(self) -> float:
        """The seconds that a run takes beside embedding: to start, to look around, to end."""
        return median(run.seconds - run.embed_seconds for run in self.runs) if self.runs else 0.0


def history(
    readers: Iterable[tuple[str, int, int]], runs: Iterable[Mapping[str, object]]
) -> History:
    """From (reader's version, bytes, tokens) and the summaries of runs."""
    read: dict[str, Read] = {}
    for version, size, tokens in readers:
        before = read.get(name := version.partition("/")[0], Read(0, 0))
        read[name] = Read(before.bytes + size, before.tokens + tokens)
    return History(read, [run for run in map(_past, runs) if run.tokens and run.embed_seconds])


def _past(summary: Mapping[str, object]) -> Past:
    tokens, embed, whole = (summary.get(name) for name in ("tokens", "embed_seconds", "seconds"))
    return Past(
        tokens if isinstance(tokens, int) else 0,
        embed if isinstance(embed, float) else 0.0,
        whole if isinstance(whole, float) else 0.0,
    )


def _density(read: Read | None, everything: Read) -> float:
    known = read if read is not None and read.bytes else everything
    return known.tokens / known.bytes
