"""The usual lines with fastembed: read all, split all, embed by ONNX Runtime, fill LanceDB."""

import json
import sys
import time
from pathlib import Path

import lancedb
from fastembed import TextEmbedding
from langchain_text_splitters import RecursiveCharacterTextSplitter
from pypdf import PdfReader
from tokenizers import Tokenizer

folder, database, model_folder = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
batch, threads = int(sys.argv[4]), int(sys.argv[5])

model = TextEmbedding(
    "sentence-transformers/all-MiniLM-L6-v2", specific_model_path=model_folder, threads=threads
)
model_ready = time.time()

tokenizer = Tokenizer.from_file(f"{model_folder}/tokenizer.json")
tokenizer.no_truncation()
tokenizer.no_padding()
splitter = RecursiveCharacterTextSplitter(
    length_function=lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids),
    chunk_size=254,
    chunk_overlap=0,
)


def read(file: Path) -> str:
    if file.suffix == ".pdf":
        return "\n".join(page.extract_text() for page in PdfReader(file).pages)
    return file.read_text("utf-8")


rows = []
for file in sorted(path for path in folder.rglob("*") if path.is_file()):
    rows += [{"path": str(file), "text": text} for text in splitter.split_text(read(file))]

vectors = model.embed([row["text"] for row in rows], batch_size=batch)
for row, vector in zip(rows, vectors, strict=True):
    row["vector"] = vector

lancedb.connect(database).create_table("documents", rows, mode="overwrite")
print(json.dumps({"model_ready": model_ready}))
