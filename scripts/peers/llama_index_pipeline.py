"""LlamaIndex's `IngestionPipeline` into its LanceDB store; its docstore makes reruns upsert."""

import json
import sys
import time
from pathlib import Path

from llama_index.core import SimpleDirectoryReader
from llama_index.core.ingestion import DocstoreStrategy, IngestionPipeline
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.storage.docstore import SimpleDocumentStore
from llama_index.embeddings.huggingface import HuggingFaceEmbedding
from llama_index.vector_stores.lancedb import LanceDBVectorStore

folder, database, model_folder = sys.argv[1], sys.argv[2], sys.argv[3]

model = HuggingFaceEmbedding(model_folder, device="cpu", embed_batch_size=32)
model_ready = time.time()

docstore_file = Path(database) / "docstore.json"
docstore = (
    SimpleDocumentStore.from_persist_path(str(docstore_file))
    if docstore_file.exists()
    else SimpleDocumentStore()
)
pipeline = IngestionPipeline(
    transformations=[
        SentenceSplitter(
            chunk_size=254, chunk_overlap=0, tokenizer=model._model.tokenizer.tokenize
        ),
        model,
    ],
    vector_store=LanceDBVectorStore(uri=database, table_name="documents", mode="create"),
    docstore=docstore,
    docstore_strategy=DocstoreStrategy.UPSERTS,
    disable_cache=True,
)
# A name under a key that is not embedded keeps the model's input the stored text alone.
reader = SimpleDirectoryReader(
    folder, recursive=True, filename_as_id=True, file_metadata=lambda path: {"file_name": path}
)
pipeline.run(documents=reader.load_data())
docstore.persist(str(docstore_file))
print(json.dumps({"model_ready": model_ready}))
