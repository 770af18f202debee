"""Manifests and documents that the tests of the manifest share."""

from vecstream_cli.core.ids import ChunkKey, ContentHash, DocumentId, document_id
from vecstream_cli.core.plan import Stamp
from vecstream_cli.core.record import CollectionRecord
from vecstream_cli.state.entries import CommittedDocument, PendingDocument
from vecstream_cli.state.manifest import Manifest

SOURCE = "/docs"
STAMP = Stamp(size=1, mtime_ns=2, ctime_ns=3, inode=4)
KEYS = [ChunkKey(bytes([n]) * 16) for n in range(5)]
RECORD = CollectionRecord(
    uuid="0f",
    vector_fingerprint="aa",
    chunk_fingerprint="bb",
    facts={"model": "minilm"},
    dimension=384,
    created_at="2026-01-01T00:00:00+00:00",
)


def pending(name: bytes, source: str = SOURCE) -> PendingDocument:
    return PendingDocument(document_id(source, name), source, name)


def committed(document: DocumentId, attempt: int, stamp: Stamp = STAMP) -> CommittedDocument:
    return CommittedDocument(
        id=document,
        attempt=attempt,
        stamp=stamp,
        content_hash=ContentHash(b"c" * 16),
        reader="text/1",
        chunks=2,
        tokens=30,
        warnings=("page 3 is lost",),
    )


def store(manifest: Manifest, *names: bytes, source: str = SOURCE) -> list[DocumentId]:
    """Documents that are whole in the database."""
    documents = [pending(name, source) for name in names]
    attempts = manifest.reserve_attempts(documents)
    manifest.commit([committed(d.id, a.number) for d, a in zip(documents, attempts, strict=True)])
    return [document.id for document in documents]
