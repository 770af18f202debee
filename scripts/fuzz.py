"""Break documents and read them: nothing but a DocumentError may come of it, and soon.

    python scripts/fuzz.py --seconds 60 --seed 1

Each input is a whole document of some format, changed in a few places, and read by a process under
a parser's limits. A crash, a hang, any other exception, a block that is none, and a document that
is lost without a word are failures; each is saved to a folder, to be read again. The same seed
makes the same inputs, as long as the folder of real documents is the same.
"""

import argparse
import hashlib
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from readers_harness.child import Document, Outcome, Reader
from readers_harness.mutations import broken
from readers_harness.seeds import seeds

from vecstream_cli.pixels import ImageInput

_BATCH = 40  # inputs of a suffix, then the next one's turn
_DEADLINE = 30.0


@dataclass(slots=True)
class Found:
    """What came of the inputs."""

    inputs: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[Document, str]] = field(default_factory=list)

    def add(self, document: Document, outcome: Outcome) -> None:
        """One more input."""
        self.inputs += 1
        self.reasons[outcome.reason or ("read" if not outcome.empty else "empty, and said so")] += 1
        problem = outcome.problem or ("lost without a word" if outcome.silent else None)
        if problem is not None:
            self.failures.append((document, problem))


def fuzz(
    corpora: Path | None, seed: int, *, seconds: float = 1e9, inputs: int = 1 << 62,
    suffixes: Sequence[str] = (),
) -> Found:  # fmt: skip
    """Read broken documents for so long, or so many."""
    by_suffix = seeds(corpora)
    names = sorted(by_suffix)
    wanted = [name for name in names if not suffixes or name in suffixes]
    found, until, turn = Found(), time.monotonic() + seconds, 0
    options = {"archives": True, "image": ImageInput(224, 224, 224), "embedded_images": True}
    with Reader(_DEADLINE, options) as reader:
        while time.monotonic() < until and found.inputs < inputs:
            suffix = wanted[turn % len(wanted)]

            @seeded(int.from_bytes(hashlib.sha256(f"{seed}/{turn}".encode()).digest()[:8]))
            @settings(
                max_examples=min(_BATCH, inputs - found.inputs), database=None, deadline=None,
                phases=[Phase.generate], suppress_health_check=list(HealthCheck),
            )  # fmt: skip
            @given(broken(by_suffix[suffix], names))
            def read(document: Document) -> None:
                if time.monotonic() < until:
                    found.add(document, reader.read(document))

            read()
            turn += 1
    return found


def main() -> int:
    """Print what was found; 1 where anything was."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--suffix", action="append", default=[], help="only these, such as .docx")
    parser.add_argument("--save", type=Path, default=Path("fuzz-failures"))
    given_ = parser.parse_args()
    seed = random.SystemRandom().randrange(1 << 32) if given_.seed is None else given_.seed
    corpora = Path(os.environ.get("VECSTREAM_CORPORA", "../shared/corpora"))
    found = fuzz(
        corpora if corpora.is_dir() else None, seed, seconds=given_.seconds, suffixes=given_.suffix
    )
    for document, problem in found.failures:
        given_.save.mkdir(exist_ok=True)
        digest = hashlib.sha256(document.data or b"").hexdigest()[:12]
        saved = given_.save / f"{digest}-{os.fsdecode(document.name)}"
        saved.write_bytes(document.data or b"")
        print(f"{saved}: {problem}")
    print(", ".join(f"{reason} {count}" for reason, count in found.reasons.most_common()))
    print(f"{found.inputs:,} inputs, {len(found.failures)} failures, seed {seed}")
    return int(bool(found.failures))


if __name__ == "__main__":
    sys.exit(main())
