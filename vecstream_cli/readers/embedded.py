"""The images inside of a document, each once, without the small ones that only decorate."""

from collections.abc import Callable, Iterator
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from vecstream_cli.core.blocks import Picture, Position, ReaderWarning
from vecstream_cli.errors import DocumentError

MOST_PICTURES = 2000
_LEAST_SIDE = 48
_LEAST_AREA = 96 * 96
_MOST_TIMES_LONGER = 12

_FATAL = frozenset({"changed-while-reading", "unreadable", "out-of-memory"})
_MOST_WARNINGS = 20

Pixels = NDArray[np.uint8]


def decorates(width: int, height: int) -> bool:
    """Whether an image of this size is a bullet, a rule or an icon, which says nothing."""
    short, long = sorted((width, height))
    return short < _LEAST_SIDE or short * long < _LEAST_AREA or long > _MOST_TIMES_LONGER * short


class Album:
    """The pictures of one document as they are found; those that cannot be read are warned of."""

    def __init__(self, warnings: list[ReaderWarning]) -> None:
        self._warnings = warnings
        self._seen: set[bytes] = set()
        self._told = 0

    @property
    def full(self) -> bool:
        """There are as many as are taken of one document."""
        return len(self._seen) >= MOST_PICTURES

    def take(
        self, read: Callable[[], Pixels | None], page: int | None, position: Position
    ) -> Iterator[Picture]:
        """The picture that `read` gives; none where it gives None or the document had it before.

        Raises DocumentError where the document itself cannot be read on.
        """
        try:
            pixels = read()
        except DocumentError as error:
            if error.reason in _FATAL:
                raise
            self.warn(error.message, page)
            return
        if pixels is None:
            return
        digest = blake2b(pixels.data, digest_size=16).digest()
        if digest in self._seen:
            return
        self._seen.add(digest)
        if self.full:
            self.warn(f"it has more than {MOST_PICTURES:,} images; the rest is left out", page)
        yield Picture(pixels, page=page, position=position)

    def warn(self, message: str, page: int | None = None) -> None:
        """An image is lost; beyond a few, nobody wants to hear of each."""
        self._told += 1
        if self._told <= _MOST_WARNINGS:
            self._warnings.append(ReaderWarning("image", f"an image: {message}", page))
        elif self._told == _MOST_WARNINGS + 1:
            self._warnings.append(ReaderWarning("image", "and more images", page))
