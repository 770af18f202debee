"""Measure the ring on real folders and print the figures: ``make bench``.

Each folder is indexed into a new table and then once more, by the installed command. Memory is
measured twice: by the run itself, and from outside as the sum of PSS of the process tree. Figures
are of this machine and of this moment; compare only what was measured side by side.

    make bench ARGS='--limit 0 kep pdf'     all documents of two of the corpora
"""

import argparse
import importlib.metadata
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

REPOSITORY = Path(__file__).parents[1]
VECSTREAM = Path(sys.executable).parent / "vecstream"
CORPORA = ("kep", "peps", "rust-book", "pydoc", "pdf")
MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Run:
    """A run's own summary, and its peak of memory in bytes as seen from outside."""

    summary: dict[str, Any]
    peak: int


class Watch(threading.Thread):
    """Samples the memory of a process and its descendants until it ends."""

    def __init__(self, process: psutil.Process, every: float) -> None:
        super().__init__(daemon=True)
        self.process = process
        self.every = every
        self.peak = 0

    def run(self) -> None:
        while self.process.is_running() and self.process.status() != psutil.STATUS_ZOMBIE:
            self.peak = max(self.peak, sum(self.sizes()))
            time.sleep(self.every)

    def sizes(self) -> Iterator[int]:
        try:
            tree = [self.process, *self.process.children(recursive=True)]
        except psutil.NoSuchProcess:
            return
        for process in tree:
            # Processes come and go between the listing and the look.
            try:
                yield process.memory_full_info().pss
            except psutil.Error:
                continue


def index(folder: Path, uri: Path, options: argparse.Namespace) -> Run:
    """Index `folder` by the command line; exits when the run fails as a whole."""
    command = [VECSTREAM, "index", folder, "--db", "lance", "--db-uri", uri, "--json"]
    command += ["--limit", str(options.limit)] if options.limit else []
    command += ["--max-memory", options.max_memory] if options.max_memory else []
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    watch = Watch(psutil.Process(process.pid), options.every)
    watch.start()
    printed, _ = process.communicate()
    watch.join()
    lines = [json.loads(line) for line in printed.splitlines()]
    summary = next((line for line in reversed(lines) if line["type"] == "summary"), None)
    # Exit code 3 is a finished run: the corpora hold documents that are broken on purpose.
    if process.returncode not in (0, 3) or summary is None:
        sys.exit(f"{' '.join(map(str, command))} ended with {process.returncode}")
    return Run(summary, watch.peak)


def size_of(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


@contextmanager
def scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="vecstream-bench-") as name:
        yield Path(name) / "bench.lance"


def machine() -> str:
    versions = ", ".join(f"{n} {importlib.metadata.version(n)}" for n in ("torch", "lancedb"))
    cpu = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines()
            if line.startswith("model name")
        ),
        "unknown processor",
    )
    memory = psutil.virtual_memory().total / (1 << 30)
    load = os.getloadavg()[0]
    return (
        f"{len(os.sched_getaffinity(0))} cores of {cpu}, {memory:.0f} GiB, "
        f"Python {sys.version.split()[0]}, {versions}; load {load:.1f} before the start"
    )


def row(name: str, folder: Path, first: Run, again: Run) -> list[str]:
    s, seconds = first.summary, first.summary["seconds"]
    first_write = s["first_write_seconds"]
    return [
        name,
        f"{size_of(folder) / 1e6:.2f}",
        str(s["documents_new"]),
        str(s["documents_failed"]),
        str(s["chunks_written"]),
        f"{seconds:.1f}",
        "-" if first_write is None else f"{first_write:.1f}",
        f"{s['tokens'] / seconds:,.0f}",
        f"{s['peak_memory_bytes'] / MIB:.0f}",
        f"{first.peak / MIB:.0f}",
        f"{s['max_memory_bytes'] / MIB:.0f}",
        f"{again.summary['seconds']:.1f}",
        str(again.summary["chunks_embedded"]),
    ]


HEAD = [
    *("folder", "MB", "docs", "failed", "chunks", "seconds", "first rows", "tokens/s"),
    *("peak MiB", "outside", "ceiling", "again s", "embedded"),
]


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure the ring on real folders.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="handbook, or names of corpora")
    parser.add_argument("--limit", type=int, default=50, help="documents of each; 0 for all")
    parser.add_argument("--max-memory", help="the ceiling to run under")
    parser.add_argument("--every", type=float, default=0.2, help="seconds between samples")
    options = parser.parse_args()

    given = os.environ.get("VECSTREAM_CORPORA")
    corpora = Path(given) if given else REPOSITORY.parent / "shared" / "corpora"
    folders = {"handbook": REPOSITORY / "examples" / "handbook"}
    folders |= {name: corpora / name for name in options.names or CORPORA if name != "handbook"}
    print(machine())
    print(f"at most {options.limit} documents of each" if options.limit else "all documents")
    print("MB is the whole folder; memory includes the model and the database client\n")
    widths = [max(10, len(title) + 2) for title in HEAD]
    print("".join(title.rjust(width) for title, width in zip(HEAD, widths, strict=True)))
    for name, folder in folders.items():
        if options.names and name not in options.names:
            continue
        if not folder.is_dir():
            print(f"{name.rjust(widths[0])}  not measured: no folder {folder}")
            continue
        with scratch() as uri:
            first = index(folder, uri, options)
            again = index(folder, uri, options)
        cells = row(name, folder, first, again)
        print("".join(cell.rjust(width) for cell, width in zip(cells, widths, strict=True)))
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
