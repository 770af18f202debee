"""Measure the model on a GPU: tokens/s, share of the card's bf16 rate, and sentence-transformers.

Two models with random weights, shaped as MiniLM and as BERT-large, on random words of the lengths
that real chunks have. All ways take turns, and the turns are repeated.

    python scripts/bench_gpu.py                          on the GPU
    python scripts/bench_gpu.py --device cpu --tiny      the same steps at toy size, on any machine
"""

import argparse
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vecstream_cli.core.batching import pack
from vecstream_cli.models.encoder import Encoder
from vecstream_cli.models.spec import read_spec

WORDS = 1000
SHAPES = {"MiniLM": (384, 6, 12, 1536, 256), "BERT-large": (1024, 24, 16, 4096, 512)}
TINY = {"tiny": (32, 2, 4, 64, 64)}


def main() -> None:
    options = _options()
    warnings.filterwarnings("ignore")
    device = torch.device(options.device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    rate = _matmul_rate(device, 256 if options.tiny else 8192)
    print(f"{name}, torch {torch.__version__}, bf16 product: {rate / 1e12:.2f} TFLOP/s")
    for title, shape in (TINY if options.tiny else SHAPES).items():
        with tempfile.TemporaryDirectory() as folder:
            _measure(title, shape, Path(folder), device, rate, options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--chunks", type=int, help="default: 8,192, and 64 with --tiny")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--budgets", type=int, nargs="+", default=[16_384, 65_536])
    parser.add_argument("--tiny", action="store_true")
    options = parser.parse_args()
    options.chunks = options.chunks or (64 if options.tiny else 8_192)
    return options


def _measure(
    title: str,
    shape: tuple[int, ...],
    folder: Path,
    device: torch.device,
    rate: float,
    options: argparse.Namespace,
) -> None:
    width, layers, _, inner, longest = shape
    _make_model(folder, shape)
    texts, ids = _work(options.chunks, longest)
    lengths = np.array([len(row) for row in ids])
    tokens = int(lengths.sum())
    flops = layers * (
        2 * tokens * (4 * width * width + 2 * width * inner)
        + 4 * width * float((lengths.astype(float) ** 2).sum())
    )
    ways: dict[str, Callable[[], torch.Tensor]] = {}
    for dtype, batch in ((torch.float32, 32), (torch.bfloat16, 32), (torch.bfloat16, 256)):
        label = f"sentence-transformers {str(dtype).removeprefix('torch.')}, {batch} a batch"
        ways[label] = _theirs(folder, texts, device, dtype, batch)
    for precision in ("fp32", "bf16"):
        for budget in options.budgets:
            ways[f"vecstream {precision}, {budget:,} tokens"] = _ours(
                folder, ids, lengths, device, precision, budget
            )
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    vectors = {way: run() for way, run in ways.items()}  # warms up
    for _ in range(options.rounds):
        for way, run in ways.items():
            began = time.perf_counter()
            run()
            seconds[way].append(time.perf_counter() - began)
    exact = next(iter(vectors.values())).double()
    base = statistics.median(next(iter(seconds.values())))
    print(f"{title}: {len(ids)} chunks of {tokens / len(ids):.0f} tokens on average")
    print(f"{'':42}{'tokens/s':>10}  {'spread':>6} {'x':>6} {'of bf16':>8}  max 1-cos")
    for way, took in seconds.items():
        middle = statistics.median(took)
        cosine = torch.cosine_similarity(vectors[way].double(), exact).min()
        print(
            f"{way:42}{tokens / middle:10,.0f}  {(max(took) - min(took)) / middle:6.0%} "
            f"{base / middle:6.2f} {flops / middle / rate:8.1%}  {1 - cosine:.1e}"
        )


def _make_model(folder: Path, shape: tuple[int, ...]) -> None:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Normalize, Pooling, Transformer
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    width, layers, heads, inner, longest = shape
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=WORDS + 4,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=inner,
        max_position_embeddings=512,
    )
    plain = folder / "plain"
    BertModel(config).save_pretrained(plain)
    names = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", *(f"w{place}" for place in range(WORDS))]
    tokenizer = Tokenizer(
        models.WordLevel({word: place for place, word in enumerate(names)}, unk_token="[UNK]")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    special = {"pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    wrapped: Any = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_max_length=longest, unk_token="[UNK]", **special
    )
    wrapped.save_pretrained(plain)
    parts = [Transformer(str(plain)), Pooling(width, pooling_mode="mean"), Normalize()]
    SentenceTransformer(modules=parts, device="cpu").save(str(folder), create_model_card=False)


def _work(chunks: int, longest: int) -> tuple[list[str], list[torch.Tensor]]:
    """Words, and the ids that they are: lengths as of real chunks, which fill most of the model."""
    random = np.random.default_rng(1)
    lengths = (random.beta(3, 1.6, size=chunks) * (longest - 2)).astype(int).clip(1)
    words = [random.integers(0, WORDS, size=length) for length in lengths]
    texts = [" ".join(f"w{word}" for word in row) for row in words]
    ids = [torch.tensor([1, *(row + 4), 2], dtype=torch.int32) for row in words]
    return texts, ids


def _theirs(
    folder: Path, texts: list[str], device: torch.device, dtype: torch.dtype, batch: int
) -> Callable[[], torch.Tensor]:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), device=str(device)).to(dtype)

    def run() -> torch.Tensor:
        made: torch.Tensor = model.encode(
            texts, batch_size=batch, convert_to_tensor=True, show_progress_bar=False
        )
        return made.float().cpu()

    return run


def _ours(
    folder: Path,
    ids: list[torch.Tensor],
    lengths: np.ndarray,
    device: torch.device,
    precision: str,
    budget: int,
) -> Callable[[], torch.Tensor]:
    encoder = Encoder.load(read_spec(folder), device=str(device), precision=precision)
    batches = pack(lengths, budget, padded=encoder.kind == "padded")

    def run() -> torch.Tensor:
        vectors = torch.empty((len(ids), encoder.dimension), device=device)
        for batch in batches:
            made = torch.empty((len(batch), encoder.dimension), device=device)
            encoder.embed([ids[place] for place in batch], made)
            vectors[torch.from_numpy(batch).to(device)] = made
        return vectors.cpu()

    return run


def _matmul_rate(device: torch.device, size: int) -> float:
    """FLOP/s of one large bf16 product: what the card gives when nothing is in its way."""
    left = torch.randn(size, size, device=device).bfloat16()
    right = torch.randn(size, size, device=device).bfloat16()

    def wait() -> None:
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    for _ in range(3):
        left @ right
    wait()
    began = time.perf_counter()
    for _ in range(10):
        left @ right
    wait()
    return 10 * 2 * size**3 / (time.perf_counter() - began)


if __name__ == "__main__":
    main()
