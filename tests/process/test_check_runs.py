"""check after real runs: what is spoiled is named, mended, and one more index does nothing."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import lancedb
import pyarrow as pa
import pytest
from conftest import Finished, Vecstream, finished, write_documents

FACTS = ("id", "path", "ordinal", "char_start", "char_end", "text", "chunk_key", "content_hash")


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Vecstream:
    """A collection as a run leaves it; tests work on copies of its database."""
    vecstream = Vecstream(tmp_path_factory.mktemp("checked"), tiny_model)
    write_documents(vecstream.folder / "docs", 6)
    assert vecstream.index("docs").code == 0
    return vecstream


@pytest.fixture
def copy(indexed: Vecstream, tmp_path: Path) -> Vecstream:
    shutil.copytree(indexed.folder / "docs", tmp_path / "docs")
    mine = Vecstream(indexed.folder, indexed.model)
    mine.database = tmp_path / "db.lance"
    shutil.copytree(indexed.database, mine.database)
    return mine


def verb(vecstream: Vecstream, name: str, *options: str) -> Finished:
    """Run a verb on the database, with JSON lines."""
    done = subprocess.run(
        [sys.executable, "-m", "vecstream_cli", name, "--db-uri", str(vecstream.database),
         "--json", *options],
        cwd=vecstream.folder, capture_output=True, text=True, timeout=100, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return finished(done.returncode, done.stdout, done.stderr)


def kinds(done: Finished) -> dict[str, int]:
    return {line["kind"]: line["count"] for line in done.lines if line["type"] == "difference"}


def table(vecstream: Vecstream) -> Any:
    return lancedb.connect(str(vecstream.database)).open_table("documents")


def rows_of(vecstream: Vecstream, name: str) -> pa.Table:
    found = table(vecstream).to_arrow()
    return found.filter(pa.compute.equal(found["path"], name)).sort_by("ordinal")


def test_a_spoiled_table_is_mended_by_repair_and_one_run(
    copy: Vecstream, indexed: Vecstream
) -> None:
    # given rows that are gone, doubled, foreign and of another attempt
    spoiled = table(copy)
    few = rows_of(copy, "doc-0002.md").slice(0, 1)
    spoiled.delete("path = 'doc-0000.md' AND ordinal >= 1")
    spoiled.update(where="path = 'doc-0001.md'", values={"attempt": 3})
    spoiled.add(few)
    foreign = few.to_pylist()[0] | {"id": "0f" * 16, "document_id": "f0" * 16, "path": "x"}
    spoiled.add(pa.Table.from_pylist([foreign], schema=few.schema))
    gone = len(rows_of(indexed, "doc-0000.md")) - 1
    expected = {
        "rows-unknown": 1,
        "rows-duplicate": 1,
        "rows-missing": gone,
        "attempt-differs": len(rows_of(indexed, "doc-0001.md")),
    }

    told = verb(copy, "check")
    mended = verb(copy, "check", "--repair")
    done = copy.index("docs")
    after = verb(copy, "check", "--sample", "100%", "--read-source", "--model", str(copy.model))
    again = copy.index("docs")

    assert (told.code, kinds(told)) == (1, expected), told.err
    assert (mended.code, kinds(mended)) == (0, expected), mended.err
    assert (done.code, done.summary["documents_changed"]) == (0, 2), done.err
    assert (after.code, kinds(after)) == (0, {}), after.err
    assert after.summary["rows_sampled"] == after.summary["rows"] == len(indexed.rows("id"))
    assert after.summary["worst_cosine"] > 0.99999
    assert after.summary["files_read"] == 6
    assert again.summary["documents_unchanged"] == 6
    assert again.summary["chunks_written"] == again.summary["chunks_deleted"] == 0
    assert copy.rows(*FACTS) == indexed.rows(*FACTS)


def test_a_sample_finds_a_vector_and_a_text_that_are_not_what_was_embedded(
    copy: Vecstream, indexed: Vecstream
) -> None:
    spoiled = table(copy)
    wrong = [1.0] + [0.0] * 31
    spoiled.update(where="path = 'doc-0003.md' AND ordinal = 0", values={"vector": wrong})
    spoiled.update(where="path = 'doc-0004.md' AND ordinal = 0", values={"text": "not it"})
    everything = ("--sample", "100%", "--model", str(copy.model))

    told = verb(copy, "check", *everything)
    mended = verb(copy, "check", "--repair", *everything)
    done = copy.index("docs")
    after = verb(copy, "check", *everything)

    assert (told.code, kinds(told)) == (1, {"vector-differs": 1, "text-differs": 1}), told.err
    assert told.summary["worst_path"] == "doc-0003.md"
    assert told.summary["worst_cosine"] < 0.9
    assert mended.code == 0, mended.err
    assert (done.code, done.summary["documents_changed"]) == (0, 1), done.err
    assert (after.code, kinds(after)) == (0, {}), after.err
    assert copy.rows(*FACTS) == indexed.rows(*FACTS)


def test_a_lost_manifest_is_repaired_and_then_a_run_embeds_nothing(copy: Vecstream) -> None:
    (copy.database / ".vecstream" / "documents.sqlite3").unlink()
    before = copy.rows()

    told = verb(copy, "check")
    mended = verb(copy, "check", "--repair")
    done = copy.index("docs")

    assert (told.code, kinds(told)) == (1, {"manifest-missing": 1})
    assert (mended.code, mended.summary["manifest_restored"]) == (0, True), mended.err
    assert (done.code, done.summary["documents_unchanged"]) == (0, 6), done.err
    assert done.summary["chunks_embedded"] == 0
    assert copy.rows() == before
    assert (verb(copy, "check").code, copy.index("docs").summary["documents_unchanged"]) == (0, 6)


def test_files_that_changed_or_went_away_are_named(tmp_path: Path, tiny_model: Path) -> None:
    vecstream = Vecstream(tmp_path, tiny_model)
    docs = tmp_path / "docs"
    write_documents(docs, 3)
    vecstream.index(docs)
    (docs / "doc-0000.md").write_text("# Another\n")
    (docs / "doc-0001.md").unlink()

    told = verb(vecstream, "check", "--read-source")

    assert (told.code, kinds(told)) == (1, {"file-changed": 1, "file-gone": 1}), told.err
    named = {line["kind"]: line["examples"][0]["path"] for line in told.lines[:-1]}
    assert named == {"file-changed": "doc-0000.md", "file-gone": "doc-0001.md"}


def test_what_failed_is_listed_and_tried_again_when_asked(tmp_path: Path, tiny_model: Path) -> None:
    # given a document that fails and is quarantined, in a collection of its own chunk size
    vecstream = Vecstream(tmp_path, tiny_model)
    docs = tmp_path / "docs"
    write_documents(docs, 2)
    (docs / "broken.pdf").write_bytes(b"%PDF-1.7\nnothing of it can be read")
    assert vecstream.index(docs, "--chunk-size", "32").code == 3
    quarantined = vecstream.index(docs, "--chunk-size", "32")
    assert (quarantined.code, quarantined.summary["documents_quarantined"]) == (0, 1)

    listed = verb(vecstream, "status", "--failed")
    again = verb(vecstream, "retry")
    elsewhere = verb(vecstream, "retry", str(docs / "doc-0000.md"))

    assert [(line["path"], line["outcome"]) for line in listed.lines[:-1]] == [
        ("broken.pdf", "failed")
    ]
    # then only it was read, with the chunks that the collection was made with
    assert (again.code, again.summary["documents_failed"]) == (3, 1), again.err
    assert again.summary["documents_unchanged"] == 0
    assert (elsewhere.code, elsewhere.summary["documents_failed"]) == (0, 0), elsewhere.err


def test_prune_removes_the_sources_that_a_configuration_no_longer_names(
    tmp_path: Path, tiny_model: Path
) -> None:
    vecstream = Vecstream(tmp_path, tiny_model)
    for name in ("a", "b"):
        write_documents(tmp_path / name, 2)
        assert vecstream.index(name).code == 0
    config = tmp_path / "vecstream.toml"
    config.write_text('paths = ["a"]\n')

    dry = verb(vecstream, "prune", "--config", str(config), "--dry-run")
    assert {row["source"] for row in vecstream.rows("source")} == {
        str(tmp_path / "a"),
        str(tmp_path / "b"),
    }
    done = verb(vecstream, "prune", "--config", str(config), "--yes")
    again = verb(vecstream, "prune", "a", "--yes")
    checked = verb(vecstream, "check")

    assert (dry.code, dry.summary["documents_to_remove"]) == (0, 2), dry.err
    assert [line["source"] for line in dry.lines[:-1]] == [str(tmp_path / "b")]
    assert (done.code, done.summary["documents_removed"]) == (0, 2), done.err
    assert {row["source"] for row in vecstream.rows("source")} == {str(tmp_path / "a")}
    assert (again.code, again.summary["documents_removed"]) == (0, 0), again.err
    assert (checked.code, checked.summary["rows"]) == (0, len(vecstream.rows("id")))


def test_compact_does_what_a_run_does_at_its_end(copy: Vecstream) -> None:
    loose = table(copy)
    for _ in range(3):
        loose.update(where="ordinal = 0", values={"heading": "again"})
    pieces = table(copy).stats()["fragment_stats"]["num_fragments"]

    done = verb(copy, "compact")
    after = verb(copy, "compact")

    assert (done.code, done.summary["compacted"]) == (0, True), done.err
    assert (after.code, after.summary["compacted"]) == (0, False), after.err
    assert pieces > 1
    assert table(copy).stats()["fragment_stats"]["num_fragments"] == 1
