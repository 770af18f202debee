"""--precision in real runs: part of what the collection is, never mixed, and searched like any."""

import sys
from pathlib import Path

import pytest
from conftest import Vecstream


@pytest.mark.parametrize("precision", ["bf16", "int8"])
def test_a_precision_belongs_to_the_collection_for_good(
    vecstream: Vecstream, docs: Path, precision: str
) -> None:
    made = vecstream.index(docs, "--precision", precision)
    again = vecstream.index(docs, VECSTREAM_PRECISION=precision)
    other = vecstream.index(docs)

    assert (made.code, made.summary["documents_new"]) == (0, 20)
    assert (again.code, again.summary["documents_unchanged"]) == (0, 20)
    assert other.code == 13
    assert f"precision is {precision}, now fp32" in other.err


def test_a_collection_in_int8_is_searched_with_an_exact_question(
    vecstream: Vecstream, docs: Path
) -> None:
    vecstream.index(docs, "--precision", "int8")
    row = vecstream.rows("path", "text")[0]

    search = [sys.executable, "-m", "vecstream_cli", "search", row["text"], "--json"]
    found = vecstream.run([*search, "--db-uri", str(vecstream.database)])

    assert found.code == 0
    assert found.lines[0]["text"] == row["text"]
    assert 0.97 < found.lines[0]["score"] <= 1
