"""LlamaIndex's `IngestionPipeline` into its LanceDB store; its docstore makes reruns upsert."""

import json
import sys
import time
from pathlib import Path
from typing import Any

from llama_index.core import SimpleDirectoryReader
from llama_index.core.ingestion import DocstoreStrategy, IngestionPipeline
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.storage.docstore import SimpleDocumentStore
from llama_index.embeddings.huggingface import HuggingFaceEmbedding
from llama_index.readers.file import PDFReader
from llama_index.vector_stores.lancedb import LanceDBVectorStore

folder, database, model_folder = sys.argv[1], sys.argv[2], sys.argv[3]


class Store(LanceDBVectorStore):
    """Deletes with SQL's own quotes: the store of 0.6 writes ``doc_id = "…"``, in which LanceDB
    0.40 sees a column's name, so that the first changed document ends the run."""

    def delete(self, ref_doc_id: str, **_: Any) -> None:
        quoted = ref_doc_id.replace("'", "''")
        self.table.delete(f"{self.doc_id_key} = '{quoted}'")


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
    vector_store=Store(uri=database, table_name="documents", mode="create"),
    docstore=docstore,
    docstore_strategy=DocstoreStrategy.UPSERTS,
    disable_cache=True,
)
# Whole PDFs, and a name under a key that is not embedded: so the model sees the stored text alone.
reader = SimpleDirectoryReader(
    folder,
    recursive=True,
    filename_as_id=True,
    file_extractor={".pdf": PDFReader(return_full_document=True)},
    file_metadata=lambda path: {"file_name": path},
)
pipeline.run(documents=reader.load_data())
docstore.persist(str(docstore_file))
print(json.dumps({"model_ready": model_ready}))
