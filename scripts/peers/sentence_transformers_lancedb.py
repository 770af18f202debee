"""The usual thirty lines: read all, split all, `encode` in one call, fill a LanceDB table."""

import json
import sys
import time
from pathlib import Path

import lancedb
from langchain_text_splitters import RecursiveCharacterTextSplitter
from pypdf import PdfReader
from sentence_transformers import SentenceTransformer

folder, database, model_folder = Path(sys.argv[1]), sys.argv[2], sys.argv[3]

model = SentenceTransformer(model_folder, device="cpu")
model_ready = time.time()

splitter = RecursiveCharacterTextSplitter.from_huggingface_tokenizer(
    model.tokenizer, chunk_size=254, chunk_overlap=0
)


def read(file: Path) -> str:
    if file.suffix == ".pdf":
        return "\n".join(page.extract_text() for page in PdfReader(file).pages)
    return file.read_text("utf-8")


rows = []
for file in sorted(path for path in folder.rglob("*") if path.is_file()):
    rows += [{"path": str(file), "text": text} for text in splitter.split_text(read(file))]

vectors = model.encode(
    [row["text"] for row in rows], batch_size=32, normalize_embeddings=True, show_progress_bar=False
)
for row, vector in zip(rows, vectors, strict=True):
    row["vector"] = vector

lancedb.connect(database).create_table("documents", rows, mode="overwrite")
print(json.dumps({"model_ready": model_ready}))
