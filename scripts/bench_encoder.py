"""Measure the model alone, against sentence-transformers and the machine's own limit.

Everything is measured in turns, in one process, and the turns are repeated: what the machine does
meanwhile hits all of them. The limit is what the model's matrix products alone would take, at the
best rate that this machine gives for their shapes, one CPU thread a lane.

    python scripts/bench_encoder.py                     the default model on all cores
    python scripts/bench_encoder.py --rounds 5 --tokens 100000 --threads 1 2
"""

import argparse
import json
import os
import queue
import statistics
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from vecstream_cli.core.batching import pack
from vecstream_cli.errors import VecstreamError
from vecstream_cli.models.encoder import Encoder
from vecstream_cli.models.resolve import resolve
from vecstream_cli.models.spec import ModelSpec
from vecstream_cli.models.tokenizer import Tokenizer
from vecstream_cli.settings import PRECISIONS, cores

ROOT = Path(__file__).parents[1]
WINDOW = 512  # chunks sorted by length together, as in the ring


@dataclass(frozen=True, slots=True)
class Work:
    """The chunks, their ids, and what sentence-transformers makes of them."""

    texts: list[str]
    ids: list[torch.Tensor]
    lengths: np.ndarray

    @property
    def tokens(self) -> int:
        return int(self.lengths.sum())

    def batches(self, budget: int, *, padded: bool) -> list[np.ndarray]:
        windows = (
            np.arange(start, min(start + WINDOW, len(self.ids)))
            for start in range(0, len(self.ids), WINDOW)
        )
        return [
            window[places]
            for window in windows
            for places in pack(self.lengths[window], budget, padded=padded)
        ]


@dataclass(slots=True)
class Way:
    """A way to embed: `run` returns the vectors; `seconds` are those of each round."""

    name: str
    run: Callable[[], torch.Tensor]
    seconds: list[float] = field(default_factory=list)
    vectors: torch.Tensor | None = None


def main() -> None:
    options = _options()
    warnings.filterwarnings("ignore")
    spec = resolve(options.model)
    work = _work(spec, options.tokens)
    flops = _flops(spec, work.lengths) / work.tokens
    ways = [Way("sentence-transformers, one call", _theirs(spec, work, options.cores))]
    for precision in options.precisions:
        for threads in options.threads:
            lanes = max(1, options.cores // threads)
            name = f"vecstream {precision}, {lanes} x {threads}"
            ways.append(Way(name, _ours(spec, work, precision, lanes, threads)))
    ways.append(Way(f"padded fp32, 1 x {options.cores}", _padded(spec, work, options.cores)))
    limits: list[float] = []
    for turn in range(options.rounds + 1):  # the first warms up
        rate = _matmul_rate(spec, options.cores)
        if turn:
            limits.append(rate / flops)
        for way in ways:
            began = time.perf_counter()
            way.vectors = way.run()
            if turn:
                way.seconds.append(time.perf_counter() - began)
    _report(ways, work, limits, flops, options.json)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="minilm")
    parser.add_argument("--tokens", type=int, default=30_000, help="size of the work")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cores", type=int, default=cores())
    parser.add_argument("--threads", type=int, nargs="+", help="CPU threads a lane")
    parser.add_argument("--precisions", nargs="+", default=PRECISIONS, choices=PRECISIONS)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    options.threads = options.threads or sorted({1, options.cores})
    return options


def _work(spec: ModelSpec, tokens: int) -> Work:
    shared = ROOT.parent / "shared" / "corpora" / "peps"
    folder = shared if shared.is_dir() else ROOT / "examples" / "handbook"
    files = [path for path in sorted(folder.rglob("*")) if path.suffix in {".rst", ".md", ".txt"}]
    read = [path.read_text(encoding="utf-8", errors="replace") for path in files]
    tokenizer = Tokenizer.load(spec.tokenizer_file, max_tokens=spec.max_tokens)
    texts: list[str] = []
    ids: list[torch.Tensor] = []
    while sum(map(len, ids)) < tokens:  # the handbook is short: as often as it takes
        for text in read:
            for start in range(0, len(text), 700):
                part = text[start : start + 700]
                made = tokenizer.exact_ids(part)
                if part.strip() and len(made) <= spec.max_tokens:
                    texts.append(part)
                    ids.append(torch.tensor(made, dtype=torch.int32))
            if sum(map(len, ids)) >= tokens:
                break
    return Work(texts, ids, np.array([len(row) for row in ids]))


def _flops(spec: ModelSpec, lengths: np.ndarray) -> float:
    """What the products of these inputs take: of the layers, and of attention by length."""
    config = _config(spec)
    width, inner, layers = config["hidden_size"], config["intermediate_size"], _layers(config)
    linear = 2 * (4 * width * width + 2 * width * inner)
    squares = (lengths.astype(float) ** 2).sum()
    return layers * (linear * float(lengths.sum()) + 4 * width * float(squares))


def _matmul_rate(spec: ModelSpec, lanes: int, seconds: float = 0.5) -> float:
    """FLOP/s of all lanes together at the shapes of the model's layers; the best of row counts."""
    return max(_rate_at(spec, lanes, rows, seconds) for rows in (512, 1024, 2048))


def _rate_at(spec: ModelSpec, lanes: int, rows: int, seconds: float) -> float:
    config = _config(spec)
    width, inner = config["hidden_size"], config["intermediate_size"]
    shapes = [(width, 3 * width), (width, width), (width, inner), (inner, width)]
    done = [0] * lanes
    until = time.perf_counter() + seconds

    def lane(place: int) -> None:
        torch.set_num_threads(1)
        operations = torch.ops.mkldnn
        layers = []
        for inputs, outputs in shapes:
            weight = operations._reorder_linear_weight(torch.randn(outputs, inputs), rows)
            layers.append((torch.randn(rows, inputs), weight, torch.randn(outputs)))
        with torch.inference_mode():
            while time.perf_counter() < until:
                for values, weight, bias in layers:
                    operations._linear_pointwise(values, weight, bias, "none", [], "")
                done[place] += sum(2 * rows * inputs * outputs for inputs, outputs in shapes)

    began = time.perf_counter()
    _in_lanes(lane, lanes)
    return sum(done) / (time.perf_counter() - began)


def _config(spec: ModelSpec) -> dict[str, int]:
    config: dict[str, int] = json.loads((spec.transformer / "config.json").read_bytes())
    return config


def _layers(config: dict[str, int]) -> int:
    return config["num_hidden_layers"]


def _theirs(spec: ModelSpec, work: Work, threads: int) -> Callable[[], torch.Tensor]:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(spec.folder), device="cpu")

    def run() -> torch.Tensor:
        torch.set_num_threads(threads)
        vectors: torch.Tensor = model.encode(
            work.texts, batch_size=32, convert_to_tensor=True, show_progress_bar=False
        )
        return vectors

    return run


def _ours(
    spec: ModelSpec, work: Work, precision: str, lanes: int, threads: int
) -> Callable[[], torch.Tensor]:
    encoder = Encoder.load(spec, device="cpu", threads=threads, precision=precision)
    padded = encoder.kind == "padded"
    batches = work.batches(encoder.token_budget, padded=padded)

    def run() -> torch.Tensor:
        vectors = torch.empty((len(work.ids), encoder.dimension))
        waiting: queue.SimpleQueue[np.ndarray] = queue.SimpleQueue()
        for batch in batches:
            waiting.put(batch)

        def lane(_: int) -> None:
            torch.set_num_threads(threads)
            while True:
                try:
                    batch = waiting.get_nowait()
                except queue.Empty:
                    return
                vectors[torch.from_numpy(batch)] = encoder.embed([work.ids[i] for i in batch])

        _in_lanes(lane, lanes)
        return vectors

    return run


def _padded(spec: ModelSpec, work: Work, threads: int) -> Callable[[], torch.Tensor]:
    """transformers' own forward, on batches sorted by length."""
    from unittest import mock

    with mock.patch("vecstream_cli.models.encoder.can_pack", return_value=False):
        return _ours(spec, work, "fp32", 1, threads)


def _in_lanes(lane: Callable[[int], None], lanes: int) -> None:
    threads = [threading.Thread(target=lane, args=(place,)) for place in range(lanes)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _report(
    ways: Sequence[Way], work: Work, limits: Sequence[float], flops: float, as_json: bool
) -> None:
    limit, base = statistics.median(limits), statistics.median(ways[0].seconds)
    reference = ways[0].vectors
    rows = []
    for way in ways:
        assert way.vectors is not None
        assert reference is not None
        rates = [work.tokens / seconds for seconds in way.seconds]
        cosine = torch.cosine_similarity(way.vectors.double(), reference.double())
        rows.append(
            {
                "way": way.name,
                "tokens_per_second": round(statistics.median(rates)),
                "lowest": round(min(rates)),
                "highest": round(max(rates)),
                "ratio": round(base / statistics.median(way.seconds), 2),
                "share_of_fp32_limit": round(statistics.median(rates) / limit, 2),
                "one_minus_cosine": float(1 - cosine.min()),
            }
        )
    if as_json:
        found = {"tokens": work.tokens, "fp32_limit": limit, "flop_per_token": flops, "ways": rows}
        print(json.dumps(found, indent=1))
        return
    print(
        f"{len(work.ids)} chunks of {work.tokens / len(work.ids):.0f} tokens on average, "
        f"{len(limits)} rounds, {os.uname().machine}, torch {torch.__version__}, "
        f"{torch.backends.cpu.get_cpu_capability()}"
    )
    print(
        f"fp32 limit: {limit:,.0f} tokens/s ({min(limits):,.0f} to {max(limits):,.0f}), "
        f"{limit * flops / 1e9:.0f} GFLOP/s at {flops / 1e6:.1f} MFLOP a token"
    )
    head = f"{'':34}{'tokens/s':>9}  {'lowest to highest':^17} {'x':>5} {'limit':>6}  max 1-cos"
    print(head)
    for row in rows:
        print(
            f"{row['way']:34}{row['tokens_per_second']:9,}  "
            f"{row['lowest']:>7,} to {row['highest']:>6,}  {row['ratio']:5.2f} "
            f"{row['share_of_fp32_limit']:6.0%}  {row['one_minus_cosine']:.1e}"
        )


if __name__ == "__main__":
    try:
        main()
    except VecstreamError as error:
        raise SystemExit(str(error)) from error
