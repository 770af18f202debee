"""Identities: the same content always gets the same ids, so every write is idempotent.

All are BLAKE2b digests of 16 bytes (RFC 7693), kept apart by the `person` parameter;
in a database they stand as 32 lower-case hex digits.
"""

from hashlib import blake2b
from typing import NewType

DocumentId = NewType("DocumentId", bytes)
ChunkKey = NewType("ChunkKey", bytes)
RowId = NewType("RowId", bytes)
ContentHash = NewType("ContentHash", bytes)
Fingerprint = NewType("Fingerprint", bytes)

DIGEST_BYTES = 16
HEX_CHARS = 2 * DIGEST_BYTES


def document_id(source: str, relative_path: bytes) -> DocumentId:
    """hash(source name, relative path bytes)."""
    digest = blake2b(digest_size=DIGEST_BYTES, person=b"vecstream.doc")
    digest.update(_framed(source.encode("utf-8", "surrogateescape")))
    digest.update(relative_path)
    return DocumentId(digest.digest())


def chunk_key(text: bytes, vector_fingerprint: Fingerprint) -> ChunkKey:
    """hash(exact model input, vector fingerprint).

    `text` is the chunk's UTF-8 text; the prompt in front of it is part of the fingerprint.
    """
    digest = blake2b(vector_fingerprint, digest_size=DIGEST_BYTES, person=b"vecstream.chunk")
    digest.update(text)
    return ChunkKey(digest.digest())


def picture_key(pixels: bytes | memoryview, vector_fingerprint: Fingerprint) -> ChunkKey:
    """hash(exact model input, vector fingerprint) of an image: the pixels that the model gets."""
    digest = blake2b(vector_fingerprint, digest_size=DIGEST_BYTES, person=b"vecstream.pixel")
    digest.update(pixels)
    return ChunkKey(digest.digest())


def row_id(document: DocumentId, key: ChunkKey, occurrence: int) -> RowId:
    """hash(document_id, chunk_key, occurrence): the n-th chunk of this text in this document."""
    digest = blake2b(digest_size=DIGEST_BYTES, person=b"vecstream.row")
    digest.update(document)
    digest.update(key)
    digest.update(occurrence.to_bytes(8, "little"))
    return RowId(digest.digest())


def fingerprint(**facts: str | int | float | bool | None) -> Fingerprint:
    """A digest of named facts, independent of their order."""
    digest = blake2b(digest_size=DIGEST_BYTES, person=b"vecstream.print")
    for name in sorted(facts):
        digest.update(_framed(name.encode()))
        digest.update(_framed(repr(facts[name]).encode("utf-8", "surrogatepass")))
    return Fingerprint(digest.digest())


def content_hasher() -> "blake2b":
    """A fresh hasher for a document's bytes; its digest is a `ContentHash`."""
    return blake2b(digest_size=DIGEST_BYTES, person=b"vecstream.file")


def _framed(data: bytes) -> bytes:
    return len(data).to_bytes(8, "little") + data
