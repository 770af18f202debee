"""`vecstream search --where` on a real collection: only what matches, and where it stands."""

import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import Finished, Vecstream

from vecstream_cli import search


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Vecstream:
    """Three documents with front matter, one without."""
    vecstream = Vecstream(tmp_path_factory.mktemp("where"), tiny_model)
    docs = vecstream.folder / "docs"
    docs.mkdir()
    for name, author, created in (("a", "Ann", "2023-12-31"), ("b", "Bob", "2024-01-31"),
                                  ("c", "Ann", "2024-03-01")):  # fmt: skip
        (docs / f"{name}.md").write_text(
            f"---\ntitle: Keys of {name}\nauthor: {author}\ncreated: {created}\n---\n"
            "# Keys\n\nkeys rotate once a quarter\n"
        )
    (docs / "plain.md").write_text("one\n\nkeys rotate once a quarter\n")
    done = vecstream.index(docs)
    assert done.code == 0, done.err
    return vecstream


def asked(library: Vecstream, where: str, *options: str) -> Finished:
    """A search for words that all of them have."""
    command = [sys.executable, "-m", "vecstream_cli", "search", "keys rotate", "--where", where]
    return library.run([*command, "--db-uri", str(library.database), "-k", "20", *options])


def hits(done: Finished) -> list[dict[str, Any]]:
    assert done.code == 0, done.err
    return [line for line in done.lines if line["type"] == "hit"]


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ('author = "Ann"', {"a.md", "c.md"}),
        ('author != "Ann"', {"b.md", "plain.md"}),
        ("created >= 2024-01-01", {"b.md", "c.md"}),
        ('author = "Ann" and created < 2024-01-01', {"a.md"}),
        ("author is null or metadata.title like '%b'", {"b.md", "plain.md"}),
        ("path in ('a.md', 'plain.md') and ordinal = 0", {"a.md", "plain.md"}),
    ],
)
def test_only_what_matches_is_found(library: Vecstream, where: str, found: set[str]) -> None:
    assert {hit["path"] for hit in hits(asked(library, where, "--json"))} == found


def test_a_hit_tells_its_lines(library: Vecstream) -> None:
    (hit,) = hits(asked(library, "path = 'b.md'", "--json"))
    shown = asked(library, "path = 'b.md'").out

    assert hit["position"]["line_end"] == 8
    assert f"b.md:{hit['position']['line']}-8\n" in shown


def test_python_takes_the_same_filter(library: Vecstream) -> None:
    found = search("keys rotate", where="author = 'Bob'", db_uri=str(library.database))

    assert [hit.path for hit in found] == ["b.md"]


def test_what_is_no_filter_is_told_with_its_place(library: Vecstream) -> None:
    done = asked(library, "author = Ann")

    assert done.code == 2
    what, hint = done.err.splitlines()
    assert what == (
        "Error: The filter cannot be read at character 10 (Ann): text stands in quotes, as in"
        ' "Ann".'
    )
    assert "page >= 3" in hint


def test_where_nothing_matches_that_is_said(library: Vecstream) -> None:
    done = asked(library, "author = 'Nobody'")

    assert (done.code, done.out) == (0, "Nothing found: nothing matches the filter.\n")


def test_hybrid_puts_the_document_with_the_rare_word_first(
    tmp_path: Path, tiny_model: Path
) -> None:
    for option in ([], ["--db-option", "full_text=true"]):
        vecstream = Vecstream(tmp_path / str(len(option)), tiny_model)
        docs = vecstream.folder / "docs"
        docs.mkdir(parents=True)
        for number in range(30):
            word = "zzqx" if number == 17 else "plain"
            (docs / f"{number}.md").write_text(f"the ring holds slots of {word} text {number}\n")
        assert vecstream.index(docs, *option).code == 0
        command = [sys.executable, "-m", "vecstream_cli", "search", "zzqx", "--json"]
        done = vecstream.run([*command, "--db-uri", str(vecstream.database), "--hybrid"])
        assert hits(done)[0]["path"] == "17.md"
        assert hits(done)[0]["score"] <= 1


def test_hybrid_by_an_image_is_refused(library: Vecstream) -> None:
    command = [sys.executable, "-m", "vecstream_cli", "search", "--image", "x.png", "--hybrid"]
    done = library.run([*command, "--db-uri", str(library.database)])
    assert done.code == 2
    assert "--hybrid" in done.err
