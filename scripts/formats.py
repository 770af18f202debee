"""What the readers make of folders of real files: a table by format.

    python scripts/formats.py FOLDER…           # every file below them
    python scripts/formats.py --json FOLDER…    # the same, and a line for each file
    python scripts/formats.py --images --option archives=true FOLDER…

A file is opened (text or pictures came of it), reported (an error or a warning says what was lost),
or silently empty, which must not be. Each format has a process of its own, under a parser's
limits; its peak memory is the process's, imports included.
"""

import argparse
import json
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from readers_harness.child import MIB, Document, Outcome, Reader

from vecstream_cli.errors import DocumentError
from vecstream_cli.pixels import ImageInput
from vecstream_cli.readers.sniff import reader_name
from vecstream_cli.readers.source import SourceFile
from vecstream_cli.settings import ReadingOptions

_DEADLINE = 120.0
_HEADS = ("format", "files", "opened", "reported", "silent", "pages/s", "docs/s", "MB/s", "peak MB")


@dataclass(slots=True)
class Tally:
    """The files of one format."""

    files: int = 0
    opened: int = 0
    reported: int = 0
    silent: int = 0
    problems: int = 0
    pages: int = 0
    bytes: int = 0
    seconds: float = 0.0
    peak: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    def add(self, outcome: Outcome, size: int) -> None:
        """One more file."""
        self.files += 1
        self.bytes += size
        self.pages += outcome.pages
        self.seconds += outcome.seconds
        self.peak = max(self.peak, outcome.peak)
        if outcome.problem is not None:
            self.problems += 1
            self.reasons["PROBLEM"] += 1
        elif outcome.reason is not None:
            self.reported += 1
            self.reasons[outcome.reason] += 1
        elif outcome.silent:
            self.silent += 1
        elif outcome.empty:
            self.reported += 1
            self.reasons[outcome.warnings[0][0]] += 1
        else:
            self.opened += 1

    def cells(self, name: str) -> tuple[str, ...]:
        """A row of the table."""
        seconds = max(self.seconds, 1e-9)
        pages = f"{self.pages / seconds:,.0f}" if self.pages else ""
        return (
            name, str(self.files), str(self.opened), str(self.reported), str(self.silent), pages,
            f"{self.files / seconds:,.0f}", f"{self.bytes / seconds / 1e6:.1f}",
            f"{self.peak / MIB:.0f}",
        )  # fmt: skip


def main() -> int:
    """Print the table; 1 where a file was silently empty, or a reader failed as none may."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--json", action="store_true", help="a line for each file as well")
    parser.add_argument("--option", action="append", default=[], metavar="NAME=VALUE",
                        help="one of ReadingOptions, such as archives=true")  # fmt: skip
    parser.add_argument("--images", action="store_true", help="images too, at 224 × 224 pixels")
    given = parser.parse_args()
    by_format: dict[str, list[Path]] = defaultdict(list)
    for path in _files(given.folders):
        by_format[_format(path)].append(path)
    options = _options(given.option)
    if given.images:
        options["image"] = ImageInput(224, 224, 224)
    tallies: dict[str, Tally] = {}
    for name, paths in sorted(by_format.items()):
        with Reader(_DEADLINE, options) as reader:
            tally = tallies[name] = Tally()
            for path in paths:
                outcome = reader.read(Document(os.fsencode(path.name), path=path))
                tally.add(outcome, path.stat().st_size)
                if given.json:
                    print(json.dumps({"path": str(path), "as": name} | asdict(outcome)))
                if outcome.problem or outcome.silent:
                    print(f"{path}: {outcome.problem or 'silently empty'}", file=sys.stderr)
    _print(tallies)
    return int(any(tally.silent or tally.problems for tally in tallies.values()))


def _files(folders: Iterable[Path]) -> Iterator[Path]:
    for folder in folders:
        if folder.is_file():
            yield folder
        yield from (path for path in sorted(folder.rglob("*")) if path.is_file())


def _format(path: Path) -> str:
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        try:
            return reader_name(SourceFile(file.fileno(), size, os.fsencode(path.name)))
        except DocumentError:
            return "(none)"


def _options(given: Iterable[str]) -> dict[str, object]:
    known = {each.name for each in fields(ReadingOptions)}
    options: dict[str, object] = {}
    for each in given:
        name, _, value = each.partition("=")
        if name not in known:
            sys.exit(f"{name} is none of {', '.join(sorted(known))}")
        options[name] = {"true": True, "false": False}.get(value, value)
    return options


def _print(tallies: dict[str, Tally]) -> None:
    total = Tally()
    for tally in tallies.values():
        for name in (
            "files",
            "opened",
            "reported",
            "silent",
            "problems",
            "pages",
            "bytes",
            "seconds",
        ):
            setattr(total, name, getattr(total, name) + getattr(tally, name))
        total.peak = max(total.peak, tally.peak)
    rows = [_HEADS, *(tally.cells(name) for name, tally in tallies.items()), total.cells("all")]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADS))]
    for row in rows:
        first, *rest = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        print(f"| {first.strip().ljust(widths[0])} | " + " | ".join(rest) + " |")
        if row is _HEADS:
            print(
                "|"
                + "|".join(["-" * (widths[0] + 2), *("-" * (w + 1) + ":" for w in widths[1:])])
                + "|"
            )
    for name, tally in tallies.items():
        if tally.reasons:
            told = ", ".join(f"{reason} {count}" for reason, count in tally.reasons.most_common())
            print(f"{name}: {told}")


if __name__ == "__main__":
    sys.exit(main())
