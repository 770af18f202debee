"""A dry run says what the run then does, and leaves everything as it was."""

import os
import random
import shutil
import signal
import sqlite3
import time
from pathlib import Path

import pytest
from conftest import WORDS, Finished, Vecstream, prose, wait_until, write_documents
from hardship import powerless

from vecstream_cli.core.plan import RACY_NS
from vecstream_cli.state.schema import MIGRATIONS

BROKEN = b"%PDF-1.7 and nothing that a PDF has"


def everything(folder: Path) -> dict[str, tuple[int, ...]]:
    """Each file and folder below, with all that would tell that it was written to."""
    stats = {str(path): path.lstat() for path in [folder, *folder.rglob("*")]}
    return {name: (s.st_ino, s.st_mode, s.st_size, s.st_mtime_ns) for name, s in stats.items()}


def dry(vecstream: Vecstream, *arguments: str | Path, code: int = 0) -> Finished:
    """A dry run that has left everything as it was."""
    before = everything(vecstream.folder)
    done = vecstream.index(*arguments, "--dry-run")
    assert done.code == code, done.err
    assert everything(vecstream.folder) == before
    return done


def planned(done: Finished) -> dict[str, str]:
    """What is said of each document, by its path."""
    return {line["path"]: line["action"] for line in done.lines if line["type"] == "planned"}


def plan(done: Finished) -> dict[str, object]:
    """The counts that are not 0."""
    (line,) = (line for line in done.lines if line["type"] == "plan")
    kept = {"exists", "run_under_way"}
    return {
        name.removeprefix("documents_"): value
        for name, value in line.items()
        if (name.startswith(("documents_", "deletions_", "scan_")) and value) or name in kept
    }


def reasons(done: Finished) -> list[str]:
    return [line["reason"] for line in done.lines if line["type"] == "notice"]


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Vecstream:
    """Documents as a run left them, to be copied."""
    vecstream = Vecstream(tmp_path_factory.mktemp("settled"), tiny_model)
    docs = vecstream.folder / "docs"
    write_documents(docs, 20)
    write_documents(docs / "guide", 3)
    (docs / "broken.pdf").write_bytes(BROKEN)
    newest = max(path.stat().st_ctime_ns for path in docs.rglob("*"))
    time.sleep(max(0.0, (newest + RACY_NS - time.time_ns()) / 1e9 + 0.1))
    assert vecstream.index(docs, "--source", "docs").code == 3
    return vecstream


@pytest.fixture
def indexed(settled: Vecstream, tmp_path: Path) -> Vecstream:
    """A copy of them to be changed, whose manifest is told the stamps of the copied files."""
    vecstream = Vecstream(tmp_path, settled.model)
    shutil.copytree(settled.folder / "docs", tmp_path / "docs")
    shutil.copytree(settled.database, vecstream.database)
    with sqlite3.connect(vecstream.database / ".vecstream" / "documents.sqlite3") as db:
        for path in (tmp_path / "docs").rglob("*.*"):
            found, name = path.stat(), os.fsencode(path.relative_to(tmp_path / "docs"))
            for table, key in (("documents", "number"), ("failures", "document")):
                db.execute(
                    f"UPDATE {table} SET mtime_ns = ?, ctime_ns = ?, inode = ? WHERE {key} ="
                    " (SELECT number FROM documents WHERE path = ?)",
                    (found.st_mtime_ns, found.st_ctime_ns, found.st_ino, name),
                )
        db.execute("UPDATE documents SET seen_ns = seen_ns + 3600000000000")
    db.close()
    return vecstream


def test_where_there_is_nothing_yet_every_document_is_new_and_nothing_is_made(
    vecstream: Vecstream, docs: Path
) -> None:
    done = dry(vecstream, docs)

    assert plan(done) == {"exists": False, "run_under_way": False, "new": 20}
    assert set(planned(done).values()) == {"new"}
    (line,) = (line for line in done.lines if line["type"] == "plan")
    assert line["bytes_new"] == sum(path.stat().st_size for path in docs.iterdir())
    assert (line["tokens"], line["seconds"]) == (None, None)
    assert done.summary["documents_new"] == 0


def test_a_run_does_what_the_dry_run_said(indexed: Vecstream) -> None:
    docs = indexed.folder / "docs"
    (docs / "doc-0001.md").write_text("# All of it is new\n")
    os.utime(docs / "doc-0002.md")
    (docs / "doc-0003.md").unlink()
    (docs / "added.txt").write_text(" ".join(random.Random(77).choices(WORDS, k=200)))
    (docs / "broken.pdf").write_bytes(BROKEN + b" but something else")

    done = dry(indexed, docs, "--source", "docs")
    ran = indexed.index(docs, "--source", "docs")

    assert planned(done) == {
        "doc-0001.md": "maybe-changed",
        "doc-0002.md": "maybe-changed",
        "doc-0003.md": "removed",
        "added.txt": "new",
        "broken.pdf": "retried",
    }
    assert plan(done) == {
        "exists": True, "run_under_way": False, "unchanged": 20, "maybe_changed": 2, "new": 1,
        "retried": 1, "removed": 1,
    }  # fmt: skip
    names = ("new", "changed", "unchanged", "removed", "failed")
    assert [ran.summary[f"documents_{name}"] for name in names] == [1, 1, 21, 1, 1]
    (line,) = (line for line in done.lines if line["type"] == "plan")
    # Words of the same length as ever, in an order that no other document has: the estimate is
    # near what was then embedded.
    assert line["tokens"] == pytest.approx(ran.summary["tokens"], rel=0.3)
    assert 0 < line["tokens_maybe"] < line["tokens"] + 1000
    assert line["seconds"] > 0


def test_a_person_reads_how_much_and_the_first_of_each_kind(indexed: Vecstream) -> None:
    docs = indexed.folder / "docs"
    write_documents(docs / "more", 12)
    (docs / "doc-0003.md").unlink()
    command = indexed.command(docs, "--source", "docs", "--dry-run", json_lines=False)

    done = indexed.run(command)

    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("Would index 12 documents (")
    assert "and remove 1. Nothing was done.\n" in done.out
    assert "  documents  12 new (" in done.out
    assert done.out.count("\n  new            docs:more/doc-00") == 10
    assert "\n  removed        docs:doc-0003.md\n" in done.out
    assert "… and 2 more; --json lists them all" in done.out
    assert "  estimate   about " in done.out
    assert indexed.run([*command, "--quiet"]).out == ""


def test_it_can_be_asked_while_a_run_goes_on(vecstream: Vecstream, docs: Path) -> None:
    vecstream.index(docs)
    for number in range(8):
        (docs / f"long-{number}.txt").write_text(prose(12_000, number))
    run = vecstream.start(docs)
    wait_until(lambda: run.lines("document"))
    run.send(signal.SIGSTOP)  # or it may be over before the question is asked

    done = vecstream.index(docs, "--dry-run")
    run.send(signal.SIGCONT)

    assert done.code == 0, done.err
    assert plan(done)["run_under_way"]
    assert {path for path in planned(done) if path.startswith("long")} <= {
        f"long-{number}.txt" for number in range(8)
    }
    assert run.finish().code == 0
    assert not plan(vecstream.index(docs, "--dry-run"))["run_under_way"]


def test_a_dropped_a_restored_and_an_unknown_collection_are_told_apart(indexed: Vecstream) -> None:
    import lancedb

    docs, manifest = indexed.folder / "docs", indexed.database / ".vecstream"
    shutil.copytree(manifest, indexed.folder / "kept")
    shutil.rmtree(manifest)
    lost = dry(indexed, docs, "--source", "docs")
    shutil.copytree(indexed.folder / "kept", manifest)
    with sqlite3.connect(manifest / "documents.sqlite3") as db:
        db.execute("UPDATE collection SET record = json_set(record, '$.last_run', 'another')")
    db.close()
    void = dry(indexed, docs, "--source", "docs")
    lancedb.connect(indexed.database).drop_table("documents")
    dropped = dry(indexed, docs, "--source", "docs")

    for done in (lost, void):
        assert plan(done) == {"exists": True, "run_under_way": False, "maybe_changed": 24}
        assert reasons(done) == ["manifest"]
    assert plan(dropped) == {"exists": False, "run_under_way": False, "new": 24}


def test_what_a_run_would_refuse_is_refused(indexed: Vecstream) -> None:
    docs = indexed.folder / "docs"
    other = dry(indexed, docs, "--source", "docs", "--chunk-size", "32", code=13)
    assert "chunk size is 64, now 32" in other.err
    small = dry(indexed, docs, "--max-memory", "50M", code=14)
    assert "--max-memory" in small.err
    missing = dry(indexed, docs, "--require", docs / ".mounted", code=1)
    assert "is not there" in missing.err
    with sqlite3.connect(indexed.database / ".vecstream" / "documents.sqlite3") as db:
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    db.close()
    newer = dry(indexed, docs, code=1)
    assert "A newer vecstream wrote" in newer.err


def test_a_rebuild_is_foreseen_as_every_document_anew(indexed: Vecstream) -> None:
    docs = indexed.folder / "docs"
    options = ("--source", "docs", "--chunk-size", "32", "--rebuild")

    done = dry(indexed, docs, *options)
    elsewhere = dry(indexed, docs / "guide", "--source", "guide", *options[2:], code=2)

    assert plan(done) == {"exists": True, "run_under_way": False, "new": 24}
    assert "would lose" in elsewhere.err


def test_a_database_that_may_only_be_read_is_enough(indexed: Vecstream) -> None:
    paths = [indexed.database, *indexed.database.rglob("*")]
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)
    command = indexed.command(indexed.folder / "docs", "--source", "docs", "--dry-run")
    done = indexed.run(powerless(command))
    for path in paths:
        path.chmod(0o755)

    assert done.code == 0, done.err
    assert plan(done) == {
        "exists": True, "run_under_way": False, "unchanged": 23, "quarantined": 1
    }  # fmt: skip


def test_the_guards_hold_in_a_dry_run_too(indexed: Vecstream) -> None:
    docs = indexed.folder / "docs"
    guide = docs / "guide"
    guide.chmod(0)
    unreadable = indexed.run(powerless(indexed.command(docs, "--source", "docs", "--dry-run")))
    guide.chmod(0o755)
    shutil.rmtree(docs)
    docs.mkdir()

    away = dry(indexed, docs, "--source", "docs")
    meant = dry(indexed, docs, "--source", "docs", "--allow-mass-delete")

    assert plan(unreadable) == {
        "exists": True, "run_under_way": False, "unchanged": 20, "quarantined": 1,
        "scan_problems": 1,
    }  # fmt: skip
    assert plan(away) == {"exists": True, "run_under_way": False, "deletions_held": 24}
    assert (set(planned(away).values()), reasons(away)) == ({"held"}, ["deletions-held"])
    assert plan(meant) == {"exists": True, "run_under_way": False, "removed": 24}
