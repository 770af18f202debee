"""What a run costs that finds nothing to do: no process, no document opened, nothing heavy."""

import json
import os
import shutil
import signal
import sqlite3
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import Finished, Vecstream, write_documents

from vecstream_cli.api.index import index
from vecstream_cli.core.plan import RACY_NS
from vecstream_cli.errors import DatabaseError, Interrupted
from vecstream_cli.layers import gather
from vecstream_cli.pipeline.events import DocumentDone, Event, Listener, Summary
from vecstream_cli.pipeline.intake import Intake
from vecstream_cli.pipeline.quiet import nothing_to_do
from vecstream_cli.pipeline.window import Window
from vecstream_cli.settings import Settings

HEAVY = {
    "torch", "transformers", "tokenizers", "lancedb", "lance", "pyarrow", "numpy", "pydantic",
    "huggingface_hub", "multiprocessing",
}  # fmt: skip

# Runs the command in a fresh interpreter, and tells what that interpreter did.
PROBE = f"""
import json, os, pathlib, resource, sys
opened, listed = [], []
def hear(event, args):
    if event == "open":
        opened.append(str(args[0]))
    elif event == "os.scandir":
        listed.append(args[0].decode() if isinstance(args[0], bytes) else str(args[0]))
sys.addaudithook(hear)
from vecstream_cli.cli.main import main
code = main(sys.argv[1:])
facts = {{
    "opened": opened,
    "listed": listed,
    "heavy": sorted({HEAVY!r} & sys.modules.keys()),
    "spawned": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss > 0,
}}
pathlib.Path(os.environ["PROBED"]).write_text(json.dumps(facts))
sys.exit(code)
"""


def age(folder: Path) -> None:
    """Wait until the files' stamps are old enough to be trusted."""
    newest = max(path.stat().st_ctime_ns for path in folder.rglob("*"))
    time.sleep(max(0.0, (newest + RACY_NS - time.time_ns()) / 1e9 + 0.1))


def probed(vecstream: Vecstream, *arguments: str | Path) -> tuple[Finished, dict[str, Any]]:
    """`vecstream index` in an interpreter that says what it opened, listed and imported."""
    command = [sys.executable, "-c", PROBE, *vecstream.command(*arguments)[3:]]
    facts = vecstream.folder / "probed.json"
    ended = vecstream.run(command, {"PROBED": str(facts)})
    return ended, json.loads(facts.read_text())


def runs(vecstream: Vecstream) -> list[tuple[int, dict[str, Any]]]:
    """Exit code and summary of each run that the manifest remembers."""
    with sqlite3.connect(vecstream.database / ".vecstream" / "documents.sqlite3") as db:
        rows = db.execute("SELECT exit_code, summary FROM runs ORDER BY number").fetchall()
    db.close()
    return [(code, json.loads(summary)) for code, summary in rows]


def indexed_once(vecstream: Vecstream, docs: Path) -> Vecstream:
    """The documents, some of them in folders, as a run left them."""
    write_documents(docs / "guide" / "part", 3)
    (docs / "broken.pdf").write_bytes(b"%PDF-1.7 and nothing that a PDF has")
    age(docs)
    done = vecstream.index(docs)
    assert (done.code, done.summary["documents_failed"]) == (3, 1), done.err
    return vecstream


@pytest.fixture
def indexed(vecstream: Vecstream, docs: Path) -> Vecstream:
    """For a test that changes them."""
    return indexed_once(vecstream, docs)


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Vecstream:
    """For tests that leave them as they were: the same for all."""
    vecstream = Vecstream(tmp_path_factory.mktemp("settled"), tiny_model)
    write_documents(vecstream.folder / "docs", 20)
    return indexed_once(vecstream, vecstream.folder / "docs")


def test_a_run_with_nothing_to_do_is_one_process_that_opens_no_document(settled: Vecstream) -> None:
    docs, before = settled.folder / "docs", settled.rows()

    again, probe = probed(settled, docs)

    assert again.code == 0, again.err
    assert (again.summary["documents_unchanged"], again.summary["documents_quarantined"]) == (23, 1)
    assert again.summary["peak_memory_bytes"] > 0
    assert (probe["heavy"], probe["spawned"]) == ([], False)
    assert not [path for path in probe["opened"] if str(docs) in path and "gitignore" not in path]
    listed = [path for path in probe["listed"] if path.startswith(str(docs))]
    assert sorted(listed) == sorted(map(str, (docs, docs / "guide", docs / "guide" / "part")))
    assert settled.rows() == before
    (_, first), *_, (code, last) = runs(settled)
    assert (code, last["documents_unchanged"], first["documents_new"]) == (0, 23, 23)


def test_a_quiet_run_says_what_the_full_one_says(settled: Vecstream) -> None:
    # given the same state once with and once without the note that makes a run quiet
    docs = settled.folder / "docs"
    link = docs / "doc-0001.txt"
    link.symlink_to(docs / "doc-0001.md")
    with sqlite3.connect(settled.database / ".vecstream" / "documents.sqlite3") as db:
        db.execute("UPDATE collection SET state = 'another'")
    db.close()
    full, ring = probed(settled, docs, "--strict")

    quiet, alone = probed(settled, docs, "--strict")

    assert (ring["spawned"], alone["spawned"]) == (True, False)
    assert (full.code, quiet.code) == (3, 3)
    same = [name for name in full.summary if not name.startswith(("seconds", "peak_memory"))]
    assert [quiet.summary[name] for name in same] == [full.summary[name] for name in same]
    kinds = [[line["type"] for line in done.lines if line["type"] != "status"]
             for done in (full, quiet)]  # fmt: skip
    assert kinds[0] == kinds[1]
    *_, (_, first), (_, second) = runs(settled)
    link.unlink()
    assert [second[name] for name in same if name in first] == [
        first[name] for name in same if name in first
    ]


def test_deletions_are_held_back_by_a_quiet_run_too(indexed: Vecstream, docs: Path) -> None:
    for path in docs.rglob("*.*"):
        path.unlink()
    first = indexed.index(docs)

    again, probe = probed(indexed, docs)

    assert (first.code, again.code, probe["spawned"]) == (25, 25, False)
    assert again.summary["deletions_held"] == first.summary["deletions_held"] == 24
    assert len(indexed.rows("id")) > 0


def test_what_a_quiet_run_finds_is_done_and_counted_once(indexed: Vecstream, docs: Path) -> None:
    names = ("new", "changed", "unchanged", "removed")

    def counts() -> tuple[int, ...]:
        done, probe = probed(indexed, docs)
        assert (done.code, probe["spawned"]) == (0, True), done.err
        listed = [path for path in probe["listed"] if path.startswith(str(docs))]
        assert len(listed) == len(set(listed)) == 3
        return tuple(done.summary[f"documents_{name}"] for name in names)

    (docs / "doc-0019.md").unlink()  # known only once all was scanned
    assert counts() == (0, 0, 22, 1)
    (docs / "doc-0007.md").write_text("# Another text\n")
    (docs / "guide" / "zzz-last.md").write_text("# The last one of all\n")
    assert counts() == (1, 1, 21, 0)
    assert {row["path"] for row in indexed.rows("path")} == {
        str(path.relative_to(docs)) for path in docs.rglob("*.md")
    }


def drop(table: Path) -> None:
    import lancedb

    lancedb.connect(table.parent).drop_table("documents")


def compact(table: Path) -> None:
    import lancedb

    opened = lancedb.connect(table.parent).open_table("documents")
    opened.add(opened.search().limit(1).to_arrow())
    opened.optimize()


def restore(table: Path) -> None:
    shutil.copytree(table, table.with_name("copy"))
    shutil.rmtree(table)
    table.with_name("copy").rename(table)


def test_a_table_that_somebody_else_changed_is_looked_at_in_full(
    indexed: Vecstream, docs: Path
) -> None:
    for change, new in ((compact, 0), (restore, 0), (drop, 23)):
        change(indexed.database / "documents.lance")

        done, probe = probed(indexed, docs)
        again, after = probed(indexed, docs)

        assert (done.summary["documents_new"], probe["spawned"]) == (new, True), change
        assert (again.summary["documents_unchanged"], after["spawned"]) == (23, False), change


def settings(vecstream: Vecstream, docs: Path) -> Settings:
    flags = {"paths": [str(docs)], "db-uri": str(vecstream.database), "model": str(vecstream.model)}
    return Settings(**gather(flags, environ={}))


def test_other_settings_are_refused_without_opening_the_database(settled: Vecstream) -> None:
    refused, probe = probed(settled, settled.folder / "docs", "--chunk-size", "32")

    assert (refused.code, probe["heavy"], probe["spawned"]) == (13, [], False)
    assert "chunk size is 64, now 32" in refused.err


def test_an_interrupt_while_it_looks_around_is_recorded_as_one(
    indexed: Vecstream, docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def scan(intake: Intake) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Intake, "scan", scan)
    with pytest.raises(Interrupted):
        index(settings(indexed, docs))
    assert [code for code, _ in runs(indexed)] == [3, 130]


def test_a_table_replaced_after_the_first_look_ends_the_run(
    indexed: Vecstream, docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a run that has found something to do, when the table vanishes before it is opened
    (docs / "doc-0007.md").write_text("# Another text\n")
    events: list[Event] = []

    def begin(intake: Intake, summary: Summary, listener: Listener, window: Window) -> bool:
        over = nothing_to_do(intake, summary, listener, window)
        drop(indexed.database / "documents.lance")
        return over

    monkeypatch.setattr("vecstream_cli.api.index.nothing_to_do", begin)
    # then it says so, and the next run starts over
    with pytest.raises(DatabaseError, match="replaced by another program"):
        index(settings(indexed, docs), events.append)
    assert isinstance(events[-1], Summary)
    assert not [event for event in events if isinstance(event, DocumentDone)]
    assert indexed.index(docs).summary["documents_new"] == 23
