"""The model by itself on the chunks of a table that the ring made; a part of bench_ring.py.

Prints one line of JSON: tokens/s by the ways that are asked for. `limit` is the rate at which the
machine's own matrix multiply could do the model's arithmetic.
"""

import json
import sys
import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue

import numpy as np
import torch

from vecstream_cli.core.batching import pack
from vecstream_cli.models.encoder import Encoder
from vecstream_cli.models.resolve import resolve
from vecstream_cli.models.tokenizer import Tokenizer
from vecstream_cli.settings import cores

WINDOW = 512


def texts_of(uri: str) -> list[str]:
    import lancedb

    table = lancedb.connect(uri).open_table("documents").search().select(["text"])
    return list(table.limit(None).to_arrow()["text"].to_pylist())


def encoder(texts: list[str], lengths: list[int], ids: list[torch.Tensor]) -> Callable[[], None]:
    """The ring's lanes over the ring's windows, and nothing beside them."""
    lanes = cores()
    model = Encoder.load(resolve("minilm"), threads=1)
    sizes = np.array(lengths)

    def run() -> None:
        waiting: SimpleQueue[list[int]] = SimpleQueue()
        for start in range(0, len(ids), WINDOW):
            for batch in pack(sizes[start : start + WINDOW], model.token_budget, padded=False):
                waiting.put((batch + start).tolist())

        def lane() -> None:
            while True:
                try:
                    batch = waiting.get_nowait()
                except Empty:
                    return
                model.embed([ids[each] for each in batch])

        threads = [threading.Thread(target=lane) for _ in range(lanes)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    return run


def sentence_transformers(
    texts: list[str], lengths: list[int], ids: list[torch.Tensor]
) -> Callable[[], None]:
    """All texts in one call, as its documentation does it."""
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(cores())
    model = SentenceTransformer(str(resolve("minilm").folder), device="cpu")

    def run() -> None:
        model.encode(texts, batch_size=32, show_progress_bar=False)

    return run


def matrix_rate(seconds: float = 1.0) -> float:
    """Floating point operations a second of a large fp32 matrix multiply on all cores."""
    torch.set_num_threads(cores())
    a, b = torch.randn(2048, 1536), torch.randn(1536, 1536)
    a @ b
    done, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        a @ b
        done += 1
    return done * 2 * 2048 * 1536 * 1536 / (time.perf_counter() - began)


def operations(lengths: list[int]) -> float:
    """What all these sequences cost the model: its linear layers, and attention by length."""
    config = json.loads((resolve("minilm").transformer / "config.json").read_bytes())
    width, inner = config["hidden_size"], config["intermediate_size"]
    layers = config["num_hidden_layers"]
    linear = 2 * (4 * width * width + 2 * width * inner)
    return float(sum(n * layers * (linear + 4 * n * width) for n in lengths))


def main() -> int:
    uri, *ways = sys.argv[1:]
    spec = resolve("minilm")
    texts = texts_of(uri)
    tokenizer = Tokenizer.load(spec.tokenizer_file, max_tokens=spec.max_tokens)
    ids = [torch.from_numpy(np.asarray(tokenizer.exact_ids(t), dtype=np.int32)) for t in texts]
    lengths = [len(each) for each in ids]
    tokens = sum(lengths)
    known = {"encoder": encoder, "sentence-transformers": sentence_transformers}
    rates = {}
    for way in ways:
        if way == "limit":
            rates[way] = tokens / (operations(lengths) / matrix_rate())
            continue
        warm = max(1, len(texts) // 20)
        run = known[way](texts, lengths, ids)
        known[way](texts[:warm], lengths[:warm], ids[:warm])()
        began = time.perf_counter()
        run()
        rates[way] = tokens / (time.perf_counter() - began)
    print(json.dumps(rates))
    return 0


if __name__ == "__main__":
    sys.exit(main())
