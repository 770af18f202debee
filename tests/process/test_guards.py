"""What a run nobody watches must not do: delete for want of a disk, or fail over and over."""

import shutil
import signal
import sqlite3
from pathlib import Path

from conftest import Vecstream, prose, wait_until, write_documents
from hardship import powerless, stopped_while_reading

COUNTS = ("new", "changed", "unchanged", "removed", "failed", "quarantined")


def counts(summary: dict[str, object]) -> tuple[object, ...]:
    """(new, changed, unchanged, removed, failed, quarantined)."""
    return tuple(summary[f"documents_{name}"] for name in COUNTS)


def paths(vecstream: Vecstream) -> set[str]:
    return {row["path"] for row in vecstream.rows("path")}


def test_an_unreadable_folder_is_not_a_deletion(vecstream: Vecstream, docs: Path) -> None:
    write_documents(docs / "guide" / "part", 3)
    vecstream.index(docs)
    before = paths(vecstream)
    (docs / "doc-0000.md").unlink()
    (docs / "guide").chmod(0)

    done = vecstream.run(powerless(vecstream.command(docs)))
    (docs / "guide").chmod(0o755)

    assert (done.code, done.summary["scan_problems"]) == (3, 1), done.err
    assert done.summary["documents_removed"] == 1  # which is gone from a folder that was listed
    assert paths(vecstream) == before - {"doc-0000.md"}
    again = vecstream.index(docs)
    assert (again.code, counts(again.summary)[2:4]) == (0, (22, 0))


def test_when_most_of_a_source_is_gone_the_rest_of_the_run_is_done(vecstream: Vecstream) -> None:
    docs = vecstream.folder / "docs"
    write_documents(docs, 45, words=20)
    vecstream.index(docs)
    everything = paths(vecstream)
    for number in range(25):
        (docs / f"doc-{number:04}.md").unlink()
    (docs / "doc-0040.md").write_text("# Edited meanwhile\n")
    (docs / "added.md").write_text("# Added meanwhile\n")

    held = vecstream.index(docs)

    assert (held.code, held.summary["deletions_held"]) == (25, 25), held.err
    assert counts(held.summary)[:2] == (1, 1)
    assert held.summary["documents_removed"] == 0
    assert paths(vecstream) == everything | {"added.md"}
    (notice,) = (line for line in held.lines if line["type"] == "notice")
    assert "25 of the 46 documents" in notice["message"]
    meant = vecstream.index(docs, "--allow-mass-delete")
    assert (meant.code, meant.summary["documents_removed"]) == (0, 25)
    assert paths(vecstream) == {path.name for path in docs.iterdir()}


def test_a_document_that_cannot_be_opened_is_tried_three_times_and_when_it_changes(
    vecstream: Vecstream,
) -> None:
    docs = vecstream.folder / "docs"
    write_documents(docs, 2)
    closed = docs / "doc-0000.md"
    closed.chmod(0)
    command = powerless(vecstream.command(docs))

    runs = [vecstream.run(command) for _ in range(3)]
    fourth = vecstream.run([*command, "--strict"])
    closed.chmod(0o644)
    opened = vecstream.run(command)

    assert [(run.code, *counts(run.summary)[4:]) for run in runs] == [(3, 1, 0)] * 3
    assert (fourth.code, *counts(fourth.summary)[4:]) == (3, 0, 1)  # not tried, and not forgotten
    assert (opened.code, counts(opened.summary)[0]) == (0, 1), opened.err


def test_a_document_that_cannot_be_read_is_tried_again_only_when_it_changes(
    vecstream: Vecstream,
) -> None:
    docs = vecstream.folder / "docs"
    write_documents(docs, 1)
    good = next((Path(__file__).parents[2] / "examples" / "handbook").rglob("*.pdf"))
    (docs / "scan.pdf").write_bytes(b"%PDF-1.7 and nothing that a PDF has")

    first, second = vecstream.index(docs), vecstream.index(docs)
    shutil.copy(good, docs / "scan.pdf")
    third = vecstream.index(docs)

    assert [run.code for run in (first, second, third)] == [3, 0, 0]
    assert [counts(run.summary)[4:] for run in (first, second)] == [(1, 0), (0, 1)]
    assert counts(third.summary)[0] == 1


def test_an_attempt_is_on_record_before_the_document_is_read(vecstream: Vecstream) -> None:
    # given a run that is killed while it reads its only document
    docs = vecstream.folder / "docs"
    docs.mkdir()
    (docs / "book.txt").write_text(prose(60_000, 3))
    run = vecstream.start(docs, "--parsers", "1")
    with stopped_while_reading(run.pid, docs / "book.txt"):
        run.send(signal.SIGKILL)
        run.finish()
    # then the manifest knows of the attempt, and the next run makes another
    with sqlite3.connect(vecstream.database / ".vecstream" / "documents.sqlite3") as db:
        ((path, pending, good),) = db.execute("SELECT path, pending, attempt FROM documents")
    db.close()
    assert (path, good) == (b"book.txt", None)
    assert pending is not None
    again = vecstream.index(docs, "--lock-wait", "60")
    assert (again.code, counts(again.summary)[0]) == (0, 1), again.err


def test_a_run_that_waits_for_another_says_whom_it_waits_for(
    vecstream: Vecstream, docs: Path
) -> None:
    first = vecstream.start(docs)
    lock = vecstream.database / ".vecstream" / "documents.lock"
    wait_until(lambda: lock.exists() and lock.read_text())

    second = vecstream.index(docs, "--lock-wait", "10m")

    assert first.finish().code == 0
    assert (second.code, counts(second.summary)[:3]) == (0, (0, 0, 20)), second.err
    notices = [line for line in second.lines if line["type"] == "notice"]
    assert [line["reason"] for line in notices] == ["lock-wait"]
    assert f"(process {first.pid}) holds the collection since 20" in notices[0]["message"]
