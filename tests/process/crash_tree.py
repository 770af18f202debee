"""A tree of documents that is edited at random, and the exact rows that it must end in.

Every document's content comes from a fixed stock. One undisturbed run over the stock tells the
rows of each, so the rows of any tree are known without another run: only ids depend on the path.
"""

import os
import random
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conftest import WORDS, Vecstream

from vecstream_cli.core.ids import ChunkKey, document_id, row_id

BAD = -1
"""A document that is an image under a text's name: it fails, whoever reads it."""

FACTS = (
    "id", "document_id", "source", "path", "ordinal", "char_start", "char_end", "page", "heading",
    "text", "chunk_key", "content_hash", "position", "metadata",
)  # fmt: skip
SIZES = (64, 40)  # of chunks: a rebuild goes from one to the other
_IMAGE = b"\x89PNG\r\n\x1a\n" + bytes(99)
_FAMILIES, _VARIANTS = 24, 4
_LONG = (1800, 3600)  # words: some slots each

Row = dict[str, Any]


class Stock:
    """The contents a document may have, and the rows of each by chunk size."""

    def __init__(self, vecstream: Vecstream, folder: Path) -> None:
        dice = random.Random(1)
        self.contents = [each for _ in range(_FAMILIES) for each in _family(dice)]
        self.contents += [_paragraphs(dice, words).encode() for words in _LONG]
        folder.mkdir()
        for number, content in enumerate(self.contents):
            (folder / f"{number}.md").write_bytes(content)
        kept = vecstream.database
        self._rows: dict[int, dict[str, list[Row]]] = {}
        for size in SIZES:
            vecstream.database = vecstream.folder / f"stock-{size}.lance"
            done = vecstream.index(folder, "--chunk-size", str(size))
            assert done.code == 0, done.err
            self._rows[size] = {}
            for row in vecstream.rows(*FACTS, "vector"):
                self._rows[size].setdefault(row["path"], []).append(row)
            shutil.rmtree(vecstream.database)
        vecstream.database = kept
        shutil.rmtree(folder)

    def rows(self, source: str, path: str, content: int, size: int) -> list[Row]:
        """The rows of a document of this content at this path."""
        document = document_id(source, os.fsencode(path))
        seen: Counter[str] = Counter()
        rows = []
        for row in self._rows[size][f"{content}.md"]:
            key = row["chunk_key"]
            own = row_id(document, ChunkKey(bytes.fromhex(key)), seen[key]).hex()
            seen[key] += 1
            rows.append(
                row | {"id": own, "document_id": document.hex(), "source": source, "path": path}
            )
        return rows


@dataclass(frozen=True, slots=True)
class Expected:
    """What the table holds once a run over the tree has ended well: path → content."""

    stock: Stock
    source: str
    contents: dict[str, int]
    size: int

    def rows(self) -> dict[str, list[Row]]:
        """The rows of each document."""
        return {
            path: self.stock.rows(self.source, path, content, self.size)
            for path, content in self.contents.items()
        }


class Tree:
    """The folder itself; `files` says what is in it: path → number of its content, or BAD."""

    def __init__(self, folder: Path, stock: Stock, dice: random.Random) -> None:
        self.folder = folder
        self.files: dict[str, int] = {}
        self._stock = stock
        self.dice = dice
        self._named = 0
        for _ in range(14):
            self.add()
        self._write("long.md", len(stock.contents) - 1)

    def expected(self, before: Expected | None, size: int) -> Expected:
        """A document that fails keeps the good version that was there `before`, if any."""
        contents = {}
        for path, content in self.files.items():
            if content != BAD:
                contents[path] = content
            elif before is not None and path in before.contents:
                contents[path] = before.contents[path]
        return Expected(self._stock, str(self.folder.resolve()), contents, size)

    @property
    def any_bad(self) -> bool:
        """Whether a run over it may end with a failed document."""
        return BAD in self.files.values()

    def edit(self, *, spoiling: bool = True) -> None:
        """One of each kind of change that a run has a path of its own for, then some at random."""
        self.add()
        self.change()
        self.touch()
        if len(self.files) > 10:
            self.delete()
        kinds = [
            self.add, self.change, self.rename, self.duplicate, self.touch, self.swap,
            self.change_unseen, self.delete, *([self.spoil] if spoiling else []),
        ]  # fmt: skip
        for kind in self.dice.choices(kinds, k=self.dice.randint(1, 5)):
            if kind != self.delete or len(self.files) > 10:
                kind()
        while len(self.files) > 22:
            self.delete()

    def add(self) -> None:
        """A new document of a content that no other has."""
        self._write(self._new_path(), self._fresh())

    def change(self) -> None:
        """Another content, mostly one that shares paragraphs with the old one."""
        path = self._any()
        old, many = self.files[path], _FAMILIES * _VARIANTS
        near = 0 <= old < many and self.dice.random() < 0.7
        family = old - old % _VARIANTS
        self._write(path, family + self.dice.randrange(_VARIANTS) if near else self._fresh())

    def change_unseen(self) -> None:
        """Another content, with the time of modification put back."""
        path = self._any()
        place = self.folder / path
        before = place.stat()
        self._write(path, self._fresh())
        os.utime(place, ns=(before.st_atime_ns, before.st_mtime_ns))

    def rename(self) -> None:
        """Another name, perhaps in another folder."""
        path, new = self._any(), self._new_path()
        (self.folder / path).rename(self.folder / new)
        self.files[new] = self.files.pop(path)

    def swap(self) -> None:
        """Two documents take each other's names."""
        one, other = self._any(), self._any()
        if one == other:
            return
        aside = self.folder / "aside"
        (self.folder / one).rename(aside)
        (self.folder / other).rename(self.folder / one)
        aside.rename(self.folder / other)
        self.files[one], self.files[other] = self.files[other], self.files[one]

    def duplicate(self) -> None:
        """The same content once more."""
        self._write(self._new_path(), self.files[self._any()])

    def touch(self) -> None:
        """A new time, or a strange one: long ago, or in a year."""
        year = 365 * 24 * 3600
        shift = self.dice.choice([0, -20 * year, year])
        now = (self.folder / self._any()).stat().st_ctime + shift
        os.utime(self.folder / self._any(), (now, now))

    def spoil(self) -> None:
        """A document that cannot be read, new or where a good one was; never more than two."""
        if list(self.files.values()).count(BAD) < 2:
            self._write(self._new_path() if self.dice.random() < 0.5 else self._any(), BAD)

    def delete(self) -> None:
        """One document less."""
        path = self._any()
        (self.folder / path).unlink()
        del self.files[path]

    def mend(self) -> None:
        """Replace every document that cannot be read."""
        for path, content in list(self.files.items()):
            if content == BAD:
                self._write(path, self._fresh())

    def _any(self) -> str:
        return self.dice.choice(sorted(self.files))

    def _fresh(self) -> int:
        used = set(self.files.values())
        return self.dice.choice([n for n in range(len(self._stock.contents)) if n not in used])

    def _new_path(self) -> str:
        self._named += 1
        return self.dice.choice(["", "a/", "a/b/", "é/"]) + f"{self._named:04}.md"

    def _write(self, path: str, content: int) -> None:
        place = self.folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(_IMAGE if content == BAD else self._stock.contents[content])
        self.files[path] = content


def _family(dice: random.Random) -> list[bytes]:
    """Documents that differ in one section each; one section stands twice in all of them."""
    sections = [f"## Part {n}\n\n{_paragraphs(dice, 30)}" for n in range(dice.randint(2, 6))]
    variants = []
    for number in range(_VARIANTS):
        own = list(sections)
        own[number % len(own)] = f"## Only here {number}\n\n{_paragraphs(dice, 30)}"
        title = f"# Document of {dice.choice(WORDS)}\n\n"
        variants.append((title + "".join([*own, sections[0]])).encode())
    return variants


def _paragraphs(dice: random.Random, words: int) -> str:
    picked = dice.choices(WORDS, k=words)
    lines = [" ".join(picked[at : at + 12]) for at in range(0, words, 12)]
    return ".\n".join(lines) + ".\n\n"
