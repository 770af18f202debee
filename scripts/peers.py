"""vecstream against what people use today: the same files and weights, into Lance, interleaved.

Each library gets a virtual environment of its own, made by this script and kept in the cache
folder, and a short program of the kind its own community would write (scripts/peers/). Every
measured run is a process of its own, watched from outside. docs/benchmarks.md holds results.

    .venv/bin/python scripts/peers.py --quick
    .venv/bin/python scripts/peers.py --repeat 3 --json runs.json --write docs/benchmarks.md
    .venv/bin/python scripts/peers.py --merge monday.json tuesday.json --write docs/benchmarks.md
"""

import argparse
import datetime
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import platformdirs
import psutil
from peers_harness import corpus, environments, weights
from peers_harness.contenders import (
    CONTENDERS,
    ON_REQUEST,
    REPOSITORY,
    SENTENCE_TRANSFORMERS,
    Contender,
    Place,
    cores,
    interpreter,
    named,
)
from peers_harness.inspecting import inspect
from peers_harness.measuring import Measured, measure
from peers_harness.results import AGAIN, CHANGED, FIRST, Record, Run, merge
from peers_harness.tables import put, render

SETTLING = 3.0  # seconds: a file that has just been written may yet change in the same instant
Sample = list[tuple[str, list[float]]]


class Bench:
    """One comparison: where everything is, and the runs so far."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.cache: Path = options.cache
        self.runs: list[Run] = []
        self.samples: dict[str, Sample] = {}
        self.changed = 0
        self.recorded: Callable[[], None] = lambda: None

    def prepare(self, contenders: list[Contender]) -> dict[str, dict[str, str]]:
        """Make the environments and the model's files; the versions that are installed."""
        self.cache.mkdir(parents=True, exist_ok=True)
        exporter = environments.make(SENTENCE_TRANSFORMERS, self.cache) / "bin" / "python"
        weights.lay_out(self.cache, exporter)
        for contender in contenders:
            if contender.environment is not None:
                environments.make(contender.environment, self.cache)
        return {c.name: environments.versions(interpreter(c, self.cache)) for c in contenders}

    def place(self, work: Path) -> Place:
        hub, model = weights.hub_home(self.cache), weights.snapshot(self.cache)
        return Place(work / "documents", work / "database", hub, model)

    def once(
        self, contender: Contender, phase: str, number: int, work: Path, *, keep: bool = True
    ) -> Run:
        """Measure one run in a process of its own, behind the prefix, and look at its table."""
        place = self.place(work)
        command = [str(interpreter(contender, self.cache)), *contender.command(place)]
        task = {
            "command": command,
            "variables": dict(contender.variables(place)),
            "database": str(place.database),
            "answer": str(work / "measured.json"),
        }
        prefix = shlex.split(self.options.prefix)
        itself = [sys.executable, __file__, "--one", json.dumps(task)]
        subprocess.run([*prefix, *itself], check=True)
        answer = Measured(**json.loads((work / "measured.json").read_text("utf-8")))
        run = Run(contender.name, phase, number, **asdict(answer))
        if run.done:
            held = inspect(place.database, place.snapshot)
            self.samples[contender.name] = [(text, list(vector)) for text, vector in held.sample]
            run = replace(
                run,
                **{n: getattr(held, n) for n in ("rows", "documents", "tokens", "longest")},
            )
        print(
            f"{phase:8}{contender.name:26}{run.seconds:8.1f} s{run.rows:8,} rows"
            f"{run.tokens / run.seconds:9,.0f} tokens/s{run.peak_bytes >> 20:7,} MiB  "
            f"{'' if run.done else run.complaint.strip()[-300:]}",
            flush=True,
        )
        if keep:
            self.runs.append(run)
            self.recorded()
        return run

    def round(self, number: int, contenders: list[Contender], files: corpus.Corpus) -> None:
        """Every contender once, one after the other; then again, and once more with changes."""
        with tempfile.TemporaryDirectory(prefix="vecstream-peers-") as name:
            works = {c.name: Path(name) / c.name for c in contenders}
            for work in works.values():
                files.stage(self.place(work).folder)
            time.sleep(SETTLING)
            done = [c for c in contenders if self.once(c, FIRST, number, works[c.name]).done]
            if number >= self.options.reruns:
                return
            done = [c for c in done if self.once(c, AGAIN, number, works[c.name]).done]
            for contender in done:
                self.changed = len(corpus.change(self.place(works[contender.name]).folder))
            time.sleep(SETTLING)
            for contender in done:
                self.once(contender, CHANGED, number, works[contender.name])

    def warm_up(self, contenders: list[Contender], files: corpus.Corpus) -> list[Contender]:
        """A run on two files each, not counted: fills the page cache; who fails is left out."""
        able = []
        small = replace(files, files=files.files[:2])
        for contender in contenders:
            with tempfile.TemporaryDirectory(prefix="vecstream-peers-") as name:
                small.stage(self.place(Path(name)).folder)
                if self.once(contender, "warm-up", 0, Path(name), keep=False).done:
                    able.append(contender)
        return able

    def agreement(self) -> dict[str, float]:
        """The smallest cosine of each one's stored vectors against sentence-transformers'."""
        python = self.cache / SENTENCE_TRANSFORMERS.name / "bin" / "python"
        script = REPOSITORY / "scripts" / "peers_harness" / "reference.py"
        answered = subprocess.run(
            [python, script, weights.snapshot(self.cache)],
            input=json.dumps(self.samples),
            capture_output=True,
            check=True,
            text=True,
        )
        return dict(json.loads(answered.stdout.splitlines()[-1]))


def one(task: dict[str, Any]) -> None:
    """Measure one run: what the prefix is put before."""
    found = measure(task["command"], task["variables"], Path(task["database"]))
    Path(task["answer"]).write_text(json.dumps(asdict(found)), "utf-8")


def machine() -> str:
    """The machine in words, without its name."""
    lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    memory = psutil.virtual_memory().total / (1 << 30)
    python = sys.version.split()[0]
    return f"{cores()} cores of {models[0]}, {memory:.0f} GiB, no GPU used, Python {python}"


def commit() -> str:
    git = ["git", "-C", str(REPOSITORY), "rev-parse", "--short", "HEAD"]
    found = subprocess.run(git, capture_output=True, text=True) if shutil.which("git") else None
    return found.stdout.strip() if found and found.returncode == 0 else "unknown"


def compare(options: argparse.Namespace) -> Record:
    """Measure, and save what is known after every run: hours of work may be cut short."""
    contenders = [named(name) for name in options.only]
    bench = Bench(options)
    versions = bench.prepare(contenders)
    files = corpus.choose(options.folder, quick=options.quick)
    print(f"{machine()}\n{files.description}, {files.size / 1e6:.2f} MB, {files.digest()}\n")
    able = bench.warm_up(contenders, files) if options.warm_up else contenders

    def record(agreement: dict[str, float]) -> Record:
        return Record(
            date=datetime.date.today().isoformat(),
            machine=machine(),
            commit=options.commit or commit(),
            corpus=files.description,
            digest=files.digest(),
            files=len(files.files),
            changed_files=bench.changed,
            size=files.size,
            runs=tuple(bench.runs),
            versions=versions,
            agreement=agreement,
        )

    bench.recorded = lambda: record({}).save(options.json)
    for number in range(options.repeat):
        bench.round(number, able, files)
    return record(bench.agreement())


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure vecstream against others.")
    usual = [c.name for c in CONTENDERS if c.name not in ON_REQUEST]
    parser.add_argument("--only", type=lambda text: text.split(","), default=usual, metavar="NAMES")
    parser.add_argument("--quick", action="store_true", help="a few files, once")
    parser.add_argument("--repeat", type=int, default=3, metavar="N", help="rounds (3)")
    parser.add_argument("--reruns", type=int, default=1, metavar="N", help="rounds with reruns (1)")
    parser.add_argument("--folder", type=Path, help="your own folder of .md, .txt, .rst and .pdf")
    parser.add_argument(
        *("--cache", "-c"),
        type=Path,
        default=Path(platformdirs.user_cache_dir("vecstream-peers")),
        help="where the virtual environments and the model's files are kept",
    )
    parser.add_argument(
        "--no-warm-up", dest="warm_up", action="store_false", help="the page cache is full already"
    )
    parser.add_argument("--prefix", default="", help="put before the command of every measured run")
    parser.add_argument(
        "--json", type=Path, default=Path("peers.json"), help="all runs (peers.json)"
    )
    parser.add_argument("--commit", help="the commit to name, where this is no git checkout")
    parser.add_argument("--merge", type=Path, nargs="+", help="measure nothing; join these records")
    parser.add_argument("--write", type=Path, metavar="FILE.md", help="put the tables into it")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.quick:
        options.repeat = 1
    return options


def main() -> int:
    options = arguments()
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    if options.one:
        one(json.loads(options.one))
        return 0
    record = merge(map(Record.load, options.merge)) if options.merge else compare(options)
    record.save(options.json)
    rendered = render(record)
    print(f"\n{rendered}")
    if options.write:
        put(options.write, rendered)
    return 0


if __name__ == "__main__":
    sys.exit(main())
