"""What a rerun does: nothing where nothing changed, and exactly what changed where it did."""

import os
import shutil
import time
from pathlib import Path

import pytest
from conftest import Vecstream, prose, wait_until, write_documents

FACTS = ("id", "path", "ordinal", "char_start", "char_end", "text", "chunk_key", "content_hash")
COUNTS = ("new", "changed", "unchanged", "removed", "failed")


def counts(summary: dict[str, object]) -> tuple[object, ...]:
    """(new, changed, unchanged, removed, failed)."""
    return tuple(summary[f"documents_{name}"] for name in COUNTS)


def test_every_chunk_lands_in_the_table_with_its_exact_place(
    vecstream: Vecstream, docs: Path
) -> None:
    done = vecstream.index(docs)

    assert done.code == 0, done.err
    assert counts(done.summary) == (20, 0, 0, 0, 0)
    assert (done.summary["padded_tokens"], done.summary["chunks_retokenized"]) == (0, 0)
    rows = vecstream.rows()
    assert len(rows) == done.summary["chunks_written"] == done.summary["chunks_embedded"]
    assert {row["path"] for row in rows} == {path.name for path in docs.iterdir()}
    for row in rows:
        document = (docs / row["path"]).read_text()
        assert document[row["char_start"] : row["char_end"]] == row["text"]
        assert row["source"] == str(docs.resolve())
        assert sum(x * x for x in row["vector"]) == pytest.approx(1, abs=1e-5)
    for path in docs.iterdir():
        ordinals = [row["ordinal"] for row in rows if row["path"] == path.name]
        assert ordinals == list(range(len(ordinals)))
        words = {w for row in rows if row["path"] == path.name for w in row["text"].split()}
        assert words == set(path.read_text().replace("# ", "# ").split())


def test_a_second_run_embeds_nothing_and_changes_nothing(vecstream: Vecstream, docs: Path) -> None:
    first = vecstream.index(docs)
    before = vecstream.rows()

    again = vecstream.index(docs)

    assert (first.code, again.code) == (0, 0)
    assert counts(again.summary) == (0, 0, 20, 0, 0)
    assert again.summary["chunks_embedded"] == again.summary["chunks_written"] == 0
    assert vecstream.rows() == before


def test_a_folder_whose_name_is_not_utf8_is_known_again(
    vecstream: Vecstream, tmp_path: Path
) -> None:
    folder = tmp_path / os.fsdecode(b"docs-\xff")
    write_documents(folder, 3)
    first = vecstream.index(folder)
    (folder / "doc-0001.md").unlink()

    again = vecstream.index(folder)

    assert (first.code, counts(first.summary)) == (0, (3, 0, 0, 0, 0)), first.err
    assert (again.code, counts(again.summary)) == (0, (0, 0, 2, 1, 0)), again.err
    assert {row["path"] for row in vecstream.rows("path")} == {"doc-0000.md", "doc-0002.md"}


def test_touching_editing_renaming_and_removing_do_what_they_say(
    vecstream: Vecstream, docs: Path
) -> None:
    vecstream.index(docs)
    time.sleep(0.05)
    os.utime(docs / "doc-0000.md")
    (docs / "doc-0001.md").write_text("# Edited\n\nAll of it is new.\n")
    (docs / "doc-0002.md").rename(docs / "renamed.md")
    (docs / "doc-0003.md").unlink()
    (docs / "added.txt").write_text(prose(40, 99))

    done = vecstream.index(docs)

    assert done.code == 0, done.err
    assert counts(done.summary) == (2, 1, 17, 2, 0)
    paths = {row["path"] for row in vecstream.rows("path")}
    assert paths == {path.name for path in docs.iterdir()}
    edited = [row["text"] for row in vecstream.rows() if row["path"] == "doc-0001.md"]
    assert "All of it is new." in edited[-1]
    assert not any("document 1" in text for text in edited)


def test_the_end_is_the_same_as_of_one_clean_run(vecstream: Vecstream, docs: Path) -> None:
    vecstream.index(docs)
    (docs / "doc-0004.md").write_text("# Short now\n")
    write_documents(docs / "more", 5, words=90)
    vecstream.index(docs)
    grown = vecstream.rows(*FACTS)

    vecstream.database = vecstream.folder / "clean.lance"
    vecstream.index(docs)

    assert vecstream.rows(*FACTS) == grown


def test_another_source_leaves_the_first_alone(vecstream: Vecstream) -> None:
    a, b = vecstream.folder / "a", vecstream.folder / "b"
    write_documents(a, 3)
    write_documents(b, 2)

    vecstream.index(a)
    done = vecstream.index(b)

    assert counts(done.summary) == (2, 0, 0, 0, 0)
    assert {row["source"] for row in vecstream.rows("source")} == {str(a), str(b)}


def test_one_file_named_by_itself_is_updated_without_touching_its_neighbours(
    vecstream: Vecstream, docs: Path
) -> None:
    vecstream.index(docs)
    (docs / "doc-0005.md").write_text("# Alone\n")
    (docs / "doc-0006.md").unlink()

    done = vecstream.index(docs / "doc-0005.md")

    assert counts(done.summary) == (0, 1, 0, 0, 0)
    assert "doc-0006.md" in {row["path"] for row in vecstream.rows("path")}


def test_a_folder_inside_an_indexed_one_is_not_stored_twice(
    vecstream: Vecstream, docs: Path
) -> None:
    write_documents(docs / "guide", 3)
    vecstream.index(docs)
    (docs / "guide" / "doc-0000.md").unlink()
    (docs / "guide" / "doc-0001.md").write_text("# Edited in the guide\n")
    (docs / "doc-0000.md").unlink()

    done = vecstream.index(docs / "guide")

    assert counts(done.summary) == (0, 1, 1, 1, 0)
    rows = vecstream.rows("source", "path")
    assert {row["source"] for row in rows} == {str(docs)}
    paths = {row["path"] for row in rows}
    assert "guide/doc-0000.md" not in paths
    assert "doc-0000.md" in paths  # which only the whole folder's listing may remove


def test_a_dropped_table_is_noticed_and_filled_again(vecstream: Vecstream, docs: Path) -> None:
    import lancedb

    vecstream.index(docs)
    before = vecstream.rows(*FACTS)
    lancedb.connect(str(vecstream.database)).drop_table("documents")

    done = vecstream.index(docs)

    assert counts(done.summary) == (20, 0, 0, 0, 0)
    assert vecstream.rows(*FACTS) == before


def test_a_table_restored_from_a_copy_is_noticed(vecstream: Vecstream, docs: Path) -> None:
    table, copy = vecstream.database / "documents.lance", vecstream.folder / "copy"
    vecstream.index(docs)
    shutil.copytree(table, copy)
    (docs / "doc-0000.md").write_text("# Written after the copy was made\n")
    vecstream.index(docs)
    after = vecstream.rows(*FACTS)
    shutil.rmtree(table)
    shutil.copytree(copy, table)

    done = vecstream.index(docs)

    assert done.code == 0, done.err
    assert done.summary["chunks_written"] == 1  # the copy's other rows are what they should be
    assert vecstream.rows(*FACTS) == after


def test_a_run_that_changes_nothing_makes_no_version_of_the_table(
    vecstream: Vecstream, docs: Path
) -> None:
    vecstream.index(docs)
    versions = sorted(vecstream.database.glob("documents.lance/_versions/*"))

    vecstream.index(docs)

    assert sorted(vecstream.database.glob("documents.lance/_versions/*")) == versions


def test_deletions_of_everything_are_held_back_until_allowed(
    vecstream: Vecstream, docs: Path
) -> None:
    vecstream.index(docs)
    kept = len(vecstream.rows("id"))
    for path in docs.iterdir():
        path.unlink()

    held = vecstream.index(docs)
    assert (held.code, held.summary["deletions_held"]) == (25, 20)
    assert len(vecstream.rows("id")) == kept

    allowed = vecstream.index(docs, "--allow-mass-delete")
    assert (allowed.code, counts(allowed.summary)) == (0, (0, 0, 0, 20, 0))
    assert vecstream.rows("id") == []


def test_another_chunk_size_is_refused_with_both_side_by_side(
    vecstream: Vecstream, docs: Path
) -> None:
    vecstream.index(docs)
    before = sorted((vecstream.database / "documents.lance" / "_versions").iterdir())

    done = vecstream.index(docs, "--chunk-size", "32")

    assert done.code == 13
    assert sorted((vecstream.database / "documents.lance" / "_versions").iterdir()) == before
    assert "chunk size is 64, now 32" in done.err


def test_a_run_under_way_locks_the_collection(vecstream: Vecstream, docs: Path) -> None:
    first = vecstream.start(docs)
    lock = vecstream.database / ".vecstream" / "documents.lock"
    wait_until(lambda: lock.exists() and lock.read_text())

    second = vecstream.index(docs)

    assert second.code == 11
    assert f"(process {first.pid}) holds the collection since 20" in second.err
    assert first.finish().code == 0
    ids = [row["id"] for row in vecstream.rows("id")]
    assert len(ids) == len(set(ids)) > 0
