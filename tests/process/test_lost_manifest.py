"""A run that finds no manifest makes one from the rows: nothing is lost, nor embedded again."""

import os
import shutil
import signal
from pathlib import Path

from conftest import Finished, Vecstream, prose, wait_until, write_documents

FACTS = ("id", "path", "ordinal", "char_start", "char_end", "text", "chunk_key", "content_hash")


HANDBOOK = Path(__file__).parents[2] / "examples" / "handbook"


def lose_manifest(vecstream: Vecstream) -> None:
    shutil.rmtree(vecstream.database / ".vecstream")


def notices(done: Finished) -> list[str]:
    return [line["reason"] for line in done.lines if line["type"] == "notice"]


def test_only_what_changed_meanwhile_is_read_and_nothing_that_is_gone_stays(
    vecstream: Vecstream, docs: Path
) -> None:
    odd = docs / os.fsdecode(b"caf\xe9.md")
    odd.write_text("# Odd\n\nThe same line stands here twice.\n")
    vecstream.index(docs)
    lose_manifest(vecstream)
    (docs / "doc-0000.md").write_text("# Edited\n\nAll of it is new.\n")
    (docs / "doc-0001.md").unlink()

    done = vecstream.index(docs)

    assert done.code == 0, done.err
    summary = done.summary
    assert notices(done) == ["manifest-restored"]
    assert (summary["documents_changed"], summary["documents_new"]) == (1, 0)
    assert (summary["documents_unchanged"], summary["documents_removed"]) == (19, 1)
    assert summary["chunks_embedded"] == 1
    rows = vecstream.rows(*FACTS)

    # and one more run does nothing
    again = vecstream.index(docs)
    assert again.summary["documents_unchanged"] == 20
    assert again.summary["chunks_written"] == again.summary["chunks_deleted"] == 0
    assert notices(again) == []

    # and the table is that of a clean run
    vecstream.database = vecstream.folder / "clean.lance"
    vecstream.index(docs)
    assert vecstream.rows(*FACTS) == rows


def test_a_folder_inside_is_still_a_part_of_what_was_indexed(
    vecstream: Vecstream, docs: Path
) -> None:
    write_documents(docs / "guide", 3)
    vecstream.index(docs)
    before = vecstream.rows(*FACTS)
    lose_manifest(vecstream)

    done = vecstream.index(docs / "guide")

    assert done.code == 0, done.err
    assert done.summary["documents_unchanged"] == 3
    assert vecstream.rows(*FACTS) == before


def test_a_document_that_fails_then_keeps_its_good_version(
    vecstream: Vecstream, docs: Path
) -> None:
    page = docs / "page.pdf"
    shutil.copy(
        Path(__file__).parents[2] / "examples/handbook/engineering/architecture-overview.pdf", page
    )
    vecstream.index(docs)
    before = vecstream.rows(*FACTS)
    lose_manifest(vecstream)
    page.write_bytes(page.read_bytes()[:700])

    done = vecstream.index(docs)

    assert (done.code, done.summary["documents_failed"]) == (3, 1), done.err
    assert vecstream.rows(*FACTS) == before


def test_a_killed_run_and_a_lost_manifest_together_lose_nothing(
    vecstream: Vecstream, docs: Path
) -> None:
    (docs / "long.txt").write_text(prose(60_000))
    run = vecstream.start(docs, "--max-memory", "1G", "--buffer", "4")
    table = vecstream.database / "documents.lance" / "data"
    wait_until(lambda: table.is_dir() and len(list(table.iterdir())) >= 2)
    run.send(signal.SIGKILL)
    run.finish()
    lose_manifest(vecstream)

    done = vecstream.index(docs)

    assert done.code == 0, done.err
    rows = vecstream.rows(*FACTS)
    assert len({row["id"] for row in rows}) == len(rows)
    vecstream.database = vecstream.folder / "clean.lance"
    vecstream.index(docs)
    assert vecstream.rows(*FACTS) == rows
