"""Measure what running again costs when little or nothing has changed: ``bench_rerun.py``.

Small files are made in a tmpfs and indexed by a real run with a tiny random model; then the whole
command is timed, from its start to its end, for several rounds of each case. Files/s count all of
that: the interpreter, the imports, the scan, the manifest.

    python scripts/bench_rerun.py                      100,000 files
    python scripts/bench_rerun.py --files 5000 --rounds 3
    python scripts/bench_rerun.py --folder DOCS        a folder of yours, with the default model
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[1]
PER_FOLDER = 100
RACY_SECONDS = 2.5  # a file as new as its scan is hashed again, once
IGNORED = "*.log\nbuild/\n/drafts/\n!keep.log\n"


def main() -> None:
    """Make the files, index them, and print a line for each case."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--files", type=int, default=100_000, metavar="N")
    parser.add_argument("--rounds", type=int, default=5, metavar="N")
    parser.add_argument("--folder", type=Path, metavar="DOCS")
    parser.add_argument("--package", type=Path, default=REPOSITORY, help="another source tree")
    given = parser.parse_args()
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as place:
        bench = Bench(Path(place), given.package)
        if given.folder is not None:
            bench.case(given.folder.name, given.folder, [], given.rounds)
            return
        docs, model = bench.place / "docs", bench.place / "model"
        make_files(docs, given.files)
        make_model(model)
        options = ["--model", str(model)]
        bench.case("nothing changed", docs, options, given.rounds)
        (docs / ".gitignore").write_text(IGNORED)
        (docs / ".vecstreamignore").write_text("*.tmp\n")
        bench.case("nothing changed, with ignore files", docs, options, given.rounds)
        files = sorted(docs.rglob("*.md"))
        for path in files[::100]:
            path.write_text(f"{path.read_text()}It was edited.\n")
        bench.run("1 % changed", docs, options, 1)


class Bench:
    """Runs the command of a source tree into a database of its own."""

    def __init__(self, place: Path, package: Path) -> None:
        self.place = place
        self.environment = {**os.environ, "PYTHONPATH": str(package.resolve())}

    def case(self, name: str, docs: Path, options: Sequence[str], rounds: int) -> None:
        """Index until nothing is left to do, then time runs that find nothing."""
        time.sleep(RACY_SECONDS)
        self.run(f"{name}: before", docs, options, 1)
        self.run(name, docs, options, rounds)

    def run(self, name: str, docs: Path, options: Sequence[str], rounds: int) -> None:
        """Time the command, and print a line."""
        command = [sys.executable, "-m", "vecstream_cli", "index", str(docs), "--json", "--quiet"]
        command += ["--db-uri", str(self.place / "db.lance"), *options]
        taken, summary = [], dict[str, Any]()
        for _ in range(rounds):
            began = time.perf_counter()
            done = subprocess.run(
                command, env=self.environment, cwd=self.place, capture_output=True, check=False
            )
            taken.append(time.perf_counter() - began)
            if done.returncode not in (0, 3):
                sys.exit(done.stderr.decode())
            summary = json.loads(done.stdout.splitlines()[-1])
        files = sum(summary[f"documents_{kind}"] for kind in ("new", "changed", "unchanged"))
        middle = statistics.median(taken)
        print(
            f"{name:40} {files:8,} files {middle:8.2f} s ({min(taken):.2f}-{max(taken):.2f})"
            f" {files / middle:9,.0f} files/s, {summary['peak_memory_bytes'] / 2**20:6.0f} MiB",
            flush=True,
        )


def make_files(folder: Path, count: int) -> None:
    """`count` files of a line, a hundred to a folder, twenty folders to another."""
    for number in range(count):
        at = number // PER_FOLDER
        here = folder / f"area-{at // 20:03}" / f"topic-{at:04}"
        if number % PER_FOLDER == 0:
            here.mkdir(parents=True)
        (here / f"note-{number:06}.md").write_text(f"# Note {number}\n\nA line on it.\n")


def make_model(folder: Path) -> None:
    """A BERT of one narrow layer with random weights: embedding costs next to nothing."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertModel

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *"0123456789#.", "Note", "A", "line", "on", "it"]
    tokenizer = Tokenizer(models.WordLevel({w: n for n, w in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    folder.mkdir()
    tokenizer.save(str(folder / "tokenizer.json"))
    config = BertConfig(
        vocab_size=len(words), hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=16, max_position_embeddings=64,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)


if __name__ == "__main__":
    main()
