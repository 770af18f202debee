"""Measure the ring on real folders and print the figures: ``make bench``.

Each folder is indexed into a new table and then once more, by the installed command. Memory is
measured from outside: the PSS of the process tree, and each role's own memory (unique pages, the
arena apart). Figures are of this machine and of this moment; compare only what was measured side
by side.

    make bench ARGS='--limit 0 kep pdf'         all documents of two of the corpora
    make bench ARGS='--alone --rounds 3 pdf'    tokens/s with and without parsing beside it
"""

import argparse
import importlib.metadata
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

REPOSITORY = Path(__file__).parents[1]
ALONE = Path(__file__).parent / "bench_alone.py"
CORPORA = ("kep", "peps", "rust-book", "pydoc", "pdf")
ROLES = ("supervisor", "parser", "inference", "writer")
MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Run:
    """A run's own summary, its peak of memory as seen from outside, and that of each role."""

    summary: dict[str, Any]
    peak: int
    roles: dict[str, int]
    cpu: dict[str, float]


class Watch(threading.Thread):
    """Samples the memory of a process and its descendants until it ends."""

    def __init__(self, process: psutil.Process, every: float) -> None:
        super().__init__(daemon=True)
        self.process = process
        self.every = every
        self.peak = 0
        self.roles: dict[str, int] = defaultdict(int)
        self.cpu: dict[str, dict[int, float]] = defaultdict(dict)

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
                role = process.name().removeprefix("vs-")
                role = role if role in ROLES else "supervisor"
                if process.pid != self.process.pid and role == "supervisor":
                    continue  # multiprocessing's own helper
                times = process.cpu_times()
                self.cpu[role][process.pid] = times.user + times.system
                pss, own = sizes_of(process.pid)
            except (psutil.Error, OSError):
                continue
            self.roles[role] = max(self.roles[role], own)
            yield pss


def sizes_of(pid: int) -> tuple[int, int]:
    """(PSS, unique bytes without the arena's)."""
    pss = own = 0
    arena = False
    for line in Path(f"/proc/{pid}/smaps").read_text("utf-8", "replace").splitlines():
        key, _, rest = line.partition(":")
        if "-" in key:
            arena = "vecstream-arena" in line
        elif key == "Pss":
            pss += int(rest.split()[0]) << 10
        elif key.startswith("Private_") and not arena:
            own += int(rest.split()[0]) << 10
    return pss, own


def index(folder: Path, uri: Path, options: argparse.Namespace) -> Run:
    """Index `folder` by the command line; exits when the run fails as a whole."""
    command = [sys.executable, "-m", "vecstream_cli", "index", str(folder)]
    command += ["--db", "lance", "--db-uri", str(uri), "--json"]
    command += ["--limit", str(options.limit)] if options.limit else []
    command += ["--max-memory", options.max_memory] if options.max_memory else []
    tree = options.tree or str(REPOSITORY)  # Python looks into its working folder first
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tree)
    watch = Watch(psutil.Process(process.pid), options.every)
    watch.start()
    printed, _ = process.communicate()
    watch.join()
    lines = [json.loads(line) for line in printed.splitlines()]
    summary = next((line for line in reversed(lines) if line["type"] == "summary"), None)
    # Exit code 3 is a finished run: the corpora hold documents that are broken on purpose.
    if process.returncode not in (0, 3) or summary is None:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}")
    cpu = {role: sum(times.values()) for role, times in watch.cpu.items()}
    return Run(summary, watch.peak, dict(watch.roles), cpu)


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


def figures(name: str, folder: Path, first: Run, again: Run) -> dict[str, str]:
    """The columns of a folder's line, by their titles."""
    s, seconds = first.summary, first.summary["seconds"]
    busy = [s.get(f"{stage}_busy", 0.0) for stage in ("parsers", "inference", "writer")]
    own = [first.roles.get(role, 0) / MIB for role in ROLES]
    return {
        "folder": name,
        "MB": f"{size_of(folder) / 1e6:.2f}",
        "docs": str(s["documents_new"]),
        "failed": str(s["documents_failed"]),
        "chunks": str(s["chunks_written"]),
        "seconds": f"{seconds:.1f}",
        "load s": shown(s.get("model_load_seconds")),
        "1st batch": shown(s.get("first_batch_seconds")),
        "1st rows": shown(s["first_write_seconds"]),
        "tokens/s": f"{s['tokens'] / seconds:,.0f}",
        "embedding": f"{s['tokens'] / (s.get('embed_seconds') or seconds):,.0f}",
        "busy p/i/w %": " ".join(f"{share * 100:.0f}" for share in busy),
        "peak MiB": f"{s['peak_memory_bytes'] / MIB:.0f}",
        "outside": f"{first.peak / MIB:.0f}",
        "own s/p/i/w MiB": " ".join(f"{size:.0f}" for size in own),
        "again s": f"{again.summary['seconds']:.1f}",
    }


def shown(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.1f}"


def print_line(cells: Sequence[str], widths: Sequence[int]) -> None:
    print("".join(cell.rjust(width) for cell, width in zip(cells, widths, strict=True)), flush=True)


def table(folders: dict[str, Path], options: argparse.Namespace) -> None:
    """Each folder indexed, and once more."""
    print("MB is the whole folder; embedding: tokens/s between the first and the last batch;")
    print("own: each role's unique memory, the arena apart\n")
    widths: list[int] = []
    for name, folder in folders.items():
        with scratch() as uri:
            first, again = index(folder, uri, options), index(folder, uri, options)
        cells = figures(name, folder, first, again)
        if not widths:
            widths = [max(10, len(title) + 2, len(cell) + 3) for title, cell in cells.items()]
            print_line(list(cells), widths)
        print_line(list(cells.values()), widths)
        cpu = ", ".join(f"{role} {seconds:.1f}" for role, seconds in first.cpu.items())
        print(f"{'':10}CPU seconds: {cpu}")


def alone(folders: dict[str, Path], options: argparse.Namespace) -> None:
    """The ring, then the model alone on the very chunks the ring made: round after round."""
    ways = ["limit", "encoder", "sentence-transformers"]
    print("tokens/s; ring: between the first and the last batch; limit: what the machine's matrix")
    print("multiply allows; encoder: the ring's lanes with nothing beside them; in brackets the")
    print("ring's part of it, median of the rounds\n")
    for name, folder in folders.items():
        rates: dict[str, list[float]] = defaultdict(list)
        for _ in range(options.rounds):
            with scratch() as uri:
                ring = index(folder, uri, options)
                s = ring.summary
                rates["ring"].append(s["tokens"] / s["embed_seconds"])
                rates["ring, with start and end"].append(s["tokens"] / s["seconds"])
                printed = subprocess.run(
                    [sys.executable, ALONE, uri, *ways],
                    check=True,
                    stdout=subprocess.PIPE,
                    text=True,
                ).stdout
                for way, rate in json.loads(printed.splitlines()[-1]).items():
                    rates[way].append(rate)
            busy = [s[f"{stage}_busy"] for stage in ("parsers", "inference", "writer")]
            shares = "/".join(f"{share:.0%}" for share in busy)
            print(f"{name}: {s['chunks_written']} chunks, busy {shares}, {s['limited_by']} limits")
        for way, seen in rates.items():
            part = statistics.median(a / b for a, b in zip(rates["ring"], seen, strict=True))
            spread = " ".join(f"{rate:,.0f}" for rate in seen)
            print(
                f"  {way:<26} {statistics.median(seen):8,.0f}  ({part:.2f})   {spread}", flush=True
            )


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure the ring on real folders.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="handbook, or names of corpora")
    parser.add_argument("--limit", type=int, default=50, help="documents of each; 0 for all")
    parser.add_argument("--max-memory", help="the ceiling to run under")
    parser.add_argument("--every", type=float, default=0.5, help="seconds between samples")
    parser.add_argument("--alone", action="store_true", help="compare with the model by itself")
    parser.add_argument("--rounds", type=int, default=1, help="how often, with --alone")
    parser.add_argument("--tree", help="measure the source tree at this path instead")
    options = parser.parse_args()

    given = os.environ.get("VECSTREAM_CORPORA")
    corpora = Path(given) if given else REPOSITORY.parent / "shared" / "corpora"
    folders = {"handbook": REPOSITORY / "examples" / "handbook"}
    folders |= {name: corpora / name for name in options.names or CORPORA if name != "handbook"}
    if options.names:
        folders = {name: folders[name] for name in options.names}
    for name, folder in list(folders.items()):
        if not folder.is_dir():
            print(f"{name} is not measured: no folder {folder}")
            del folders[name]
    print(machine())
    print(f"at most {options.limit} documents of each" if options.limit else "all documents")
    (alone if options.alone else table)(folders, options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
