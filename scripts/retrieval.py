"""Measure what a precision costs a search: nDCG@10 on SciFact, side by side.

The training questions of SciFact (BEIR's cut) are asked of its abstracts. Documents are embedded
in each precision, questions in fp32, as `vecstream search` does it.

    python scripts/retrieval.py                          all documents, all precisions
    python scripts/retrieval.py --documents 1500         a smaller haystack
"""

import argparse
import csv
import json
import queue
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from vecstream_cli.core.batching import pack
from vecstream_cli.models.encoder import Encoder
from vecstream_cli.models.resolve import resolve
from vecstream_cli.models.spec import ModelSpec
from vecstream_cli.settings import PRECISIONS, cores

CORPUS = Path(__file__).parents[2] / "shared" / "corpora" / "scifact"
DEPTH = 10

Relevant = dict[str, dict[str, int]]


def main() -> None:
    options = _options()
    spec = resolve(options.model)
    documents, questions, relevant = _scifact(options.corpus, options.documents)
    asked = [key for key in questions if key in relevant]
    exact = Encoder.load(spec, device=options.device, threads=1)
    wanted = exact.embed(_ids(spec, [questions[key] for key in asked], spec.query_prompt))
    ids = _ids(spec, list(documents.values()), spec.document_prompt)
    print(f"{len(ids)} documents, {len(asked)} questions, {sum(map(len, ids)):,} tokens")
    print(f"{'':6}{'nDCG@10':>9}{'to fp32':>9}  mean and max 1-cos to fp32, same top 10")
    reference: torch.Tensor | None = None
    best: float | None = None
    for precision in options.precisions:
        vectors = _embedded(spec, ids, precision, options.device)
        ranking = _ranking(wanted, vectors)
        found = _ndcg(ranking, asked, list(documents), relevant)
        if reference is None or best is None:
            reference, best = vectors, found
        away = 1 - torch.cosine_similarity(vectors.double(), reference.double())
        same = _shared(ranking, _ranking(wanted, reference))
        print(
            f"{precision:6}{found:9.4f}{found - best:+9.4f}  "
            f"{away.mean():.1e}, {away.max():.1e}, {same:.1%}",
            flush=True,
        )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="minilm")
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="a BEIR folder")
    parser.add_argument("--documents", type=int, help="as many, those that are asked for first")
    parser.add_argument("--precisions", nargs="+", default=PRECISIONS, choices=PRECISIONS)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    if not (options.corpus / "corpus.jsonl").is_file():
        parser.error(f"there is no corpus.jsonl in {options.corpus}")
    return options


def _scifact(folder: Path, limit: int | None) -> tuple[dict[str, str], dict[str, str], Relevant]:
    """Documents, questions, and the grade of each relevant document of a question."""
    relevant: Relevant = {}
    with (folder / "qrels.train.tsv").open(encoding="utf-8") as file:
        for question, document, grade in csv.reader(file, delimiter="\t"):
            if grade.isdigit() and int(grade) > 0:
                relevant.setdefault(question, {})[document] = int(grade)
    documents = _texts(folder / "corpus.jsonl")
    asked_for = {document for grades in relevant.values() for document in grades}
    ordered = sorted(documents, key=lambda key: key not in asked_for)[:limit]
    with (folder / "queries.train.tsv").open(encoding="utf-8") as file:
        questions = {row[0]: row[1] for row in csv.reader(file, delimiter="\t")}
    return {key: documents[key] for key in ordered}, questions, relevant


def _texts(file: Path) -> dict[str, str]:
    lines = map(json.loads, file.read_text(encoding="utf-8").splitlines())
    return {line["_id"]: f"{line['title']} {line['text']}".strip() for line in lines}


def _ids(spec: ModelSpec, texts: Sequence[str], prompt: str) -> list[torch.Tensor]:
    """Cut off where the model ends, as such tests are run."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(spec.tokenizer_file))
    tokenizer.no_padding()
    tokenizer.enable_truncation(spec.max_tokens)
    made = tokenizer.encode_batch_fast([prompt + text for text in texts])
    return [torch.tensor(row.ids, dtype=torch.int32) for row in made]


def _embedded(
    spec: ModelSpec, ids: Sequence[torch.Tensor], precision: str, device: str
) -> torch.Tensor:
    encoder = Encoder.load(spec, device=device, threads=1, precision=precision)
    lengths = np.array([len(row) for row in ids])
    vectors = torch.empty((len(ids), encoder.dimension))
    waiting: queue.SimpleQueue[np.ndarray] = queue.SimpleQueue()
    for batch in pack(lengths, encoder.token_budget, padded=encoder.kind == "padded"):
        waiting.put(batch)

    def lane() -> None:
        while True:
            try:
                batch = waiting.get_nowait()
            except queue.Empty:
                return
            vectors[torch.from_numpy(batch)] = encoder.embed([ids[i] for i in batch])

    lanes = [threading.Thread(target=lane) for _ in range(cores() if device == "cpu" else 1)]
    for thread in lanes:
        thread.start()
    for thread in lanes:
        thread.join()
    return torch.nn.functional.normalize(vectors, dim=1)


def _ranking(questions: torch.Tensor, documents: torch.Tensor) -> torch.Tensor:
    return (questions @ documents.T).topk(min(DEPTH, len(documents)), dim=1).indices


def _ndcg(
    ranking: torch.Tensor, asked: Sequence[str], documents: Sequence[str], relevant: Relevant
) -> float:
    discounts = 1 / np.log2(np.arange(2, DEPTH + 2))
    scores = []
    for question, places in zip(asked, ranking.tolist(), strict=True):
        grades = relevant[question]
        gained = [grades.get(documents[place], 0) for place in places]
        ideal = sorted(grades.values(), reverse=True)[:DEPTH]
        scores.append(
            float(np.dot(gained, discounts[: len(gained)]))
            / float(np.dot(ideal, discounts[: len(ideal)]))
        )
    return float(np.mean(scores))


def _shared(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    same = [len(set(a) & set(b)) for a, b in zip(ours.tolist(), theirs.tolist(), strict=True)]
    return sum(same) / ours.numel()


if __name__ == "__main__":
    main()
