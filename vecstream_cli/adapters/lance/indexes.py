"""The indexes that a Lance table is given."""

from typing import Any

# Tantivy's stemmers, which LanceDB has.
LANGUAGES = (
    *("simple", "arabic", "danish", "dutch", "english", "finnish", "french", "german", "greek"),
    *("hungarian", "italian", "norwegian", "portuguese", "romanian", "russian", "spanish"),
    *("swedish", "tamil", "turkish"),
)
LOOKUP = "document_id_idx"
_ROWS_PER_PARTITION = 2048
_SAMPLE_RATE = 64


def make_lookup(table: Any) -> None:
    """An index of the documents' rows."""
    from lancedb.index import BTree

    table.create_index("document_id", config=BTree(), name=LOOKUP)


def rows_beside_lookup(table: Any, rows: int) -> int:
    """How many of the table's rows that index does not have: all where it was never made."""
    facts = table.index_stats(LOOKUP)
    return facts.num_unindexed_rows if facts else rows


def make_index(table: Any, rows: int) -> None:
    """An index of the vectors, for cosines.

    IVF_SQ (IVF_PQ took minutes to build): 0.05 ms and up to 0.8 kB a row to make, recall@10 above
    0.99 with the probes of a search.
    """
    from lancedb.index import IvfSq

    config = IvfSq(
        distance_type="cosine",
        num_partitions=max(1, rows // _ROWS_PER_PARTITION),
        sample_rate=_SAMPLE_RATE,
    )
    table.create_index("vector", config=config)


def language(text: str) -> str:
    """A language of `LANGUAGES`; ``true`` is ``simple``. Raises ValueError."""
    wanted = {"true": "simple"}.get(text.lower(), text.lower())
    if wanted not in LANGUAGES:
        raise ValueError(text)
    return wanted


def make_words(table: Any, language: str) -> None:
    """An index of the words of the texts: as they stand, or by their stems in a language.

    It is there before the first row: LanceDB searches rows that came later by the same rules, and
    without it by poorer ones.
    """
    from lancedb.index import FTS

    stemmed = language != "simple"
    config = FTS(
        language=language.capitalize() if stemmed else "English",
        stem=stemmed,
        remove_stop_words=stemmed,
        max_token_length=None,
    )
    table.create_index("text", config=config)
