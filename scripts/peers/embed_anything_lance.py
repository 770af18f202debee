"""EmbedAnything's directory streaming ("vector streaming") with a LanceDB adapter of its interface.

Run with `HF_HOME` set to a hub cache that holds the model; the revision is found in it.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import lancedb
from embed_anything import EmbedData, EmbeddingModel, TextEmbedConfig, WhichModel, embed_directory
from embed_anything.vectordb import Adapter

MODEL = "sentence-transformers/all-MiniLM-L6-v2"
folder, database, backend, batch = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
cached = Path(os.environ["HF_HOME"]) / "hub" / f"models--{MODEL.replace('/', '--')}"
revision = (cached / "refs" / "main").read_text("utf-8")


class LanceAdapter(Adapter):
    """Rows into one LanceDB table, which the first rows make."""

    def __init__(self, uri: str) -> None:
        super().__init__(api_key="")
        self.connection = lancedb.connect(uri)
        self.table: Any = None

    def create_index(self, dimension: int, metric: str, index_name: str, **_: Any) -> None:
        self.index_name = index_name
        if index_name in self.connection.list_tables().tables:
            self.table = self.connection.open_table(index_name)

    def delete_index(self, index_name: str) -> None:
        self.connection.drop_table(index_name)

    def convert(self, embeddings: list[EmbedData]) -> list[dict[str, Any]]:
        return [
            {"path": data.metadata["file_name"], "text": data.text, "vector": data.embedding}
            for data in embeddings
        ]

    def upsert(self, data: list[EmbedData]) -> None:
        rows = self.convert(data)
        if self.table is None:
            self.table = self.connection.create_table(self.index_name, rows)
        else:
            self.table.add(rows)


if backend == "onnx":
    model = EmbeddingModel.from_pretrained_onnx(
        WhichModel.Bert, hf_model_id=MODEL, path_in_repo="onnx/model.onnx", revision=revision
    )
else:
    model = EmbeddingModel.from_pretrained_hf(model_id=MODEL, revision=revision)
model_ready = time.time()

adapter = LanceAdapter(database)
adapter.create_index(dimension=384, metric="cosine", index_name="documents")
# Its chunks are measured in characters: 1,000, its default, is close to 256 tokens of English.
config = TextEmbedConfig(chunk_size=1000, batch_size=batch, splitting_strategy="sentence")
embed_directory(
    folder, embedder=model, extensions=["md", "txt", "pdf"], config=config, adapter=adapter
)
print(json.dumps({"model_ready": model_ready}))
