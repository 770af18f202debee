"""A file's content as a hash: what a reader would have hashed."""

from vecstream_cli.core.ids import ContentHash, content_hasher

_BLOCK = 1 << 20


def content_hash(path: bytes) -> ContentHash:
    """The hash of the file's bytes, read in blocks. Raises OSError."""
    hasher = content_hasher()
    with open(path, "rb", buffering=0) as file:
        while block := file.read(_BLOCK):
            hasher.update(block)
    return ContentHash(hasher.digest())
