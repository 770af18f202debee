"""What a finished table holds, counted the same way for every contender."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peers_harness.contenders import TABLE

MOST_TOKENS = 512  # what the model has positions for: no contender embeds more of a chunk
SAMPLE = 48


@dataclass(frozen=True, slots=True)
class Contents:
    """`tokens` are the model's own, of the stored texts, with the two special ones a chunk.

    `sample` is some (text, vector) pairs, spread over the table.
    """

    rows: int
    documents: int
    tokens: int
    longest: int  # tokens of the longest chunk
    sample: tuple[tuple[str, tuple[float, ...]], ...]


def inspect(database: Path, model_folder: Path) -> Contents:
    """Read the table that a contender made."""
    import lancedb
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(model_folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    rows = lancedb.connect(database).open_table(TABLE).to_arrow().to_pylist()
    sizes = [len(e.ids) for e in tokenizer.encode_batch_fast([row["text"] for row in rows])]
    spread = rows[:: max(1, len(rows) // SAMPLE)][:SAMPLE]
    return Contents(
        rows=len(rows),
        documents=len({_document(row) for row in rows}),
        tokens=sum(min(size, MOST_TOKENS) for size in sizes),
        longest=max(sizes, default=0),
        sample=tuple((row["text"], tuple(row["vector"])) for row in spread),
    )


def _document(row: dict[str, Any]) -> str:
    """The file a row came from, whatever the contender calls it."""
    metadata = row.get("metadata")
    path = row.get("path") or (metadata["file_name"] if isinstance(metadata, dict) else None)
    return path.decode() if isinstance(path, bytes) else str(path)
