"""How large chunks can be, and which version of the chunker makes them; light to import."""

CHUNKER_VERSION = "1"
"""Goes up whenever the same blocks and settings would give other chunks."""


def max_chunk_chars(size: int) -> int:
    """The most characters a chunk of `size` tokens may have: 16 a token, where text has 4 or 5."""
    return max(1024, 16 * size)
