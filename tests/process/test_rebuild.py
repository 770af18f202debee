"""--rebuild: a new build beside the live collection, which is all old until it is all new."""

import signal
from pathlib import Path

import lancedb
import pytest
from conftest import Finished, Vecstream, wait_until, write_documents

SMALLER = ("--chunk-size", "24")


def uuid_and_sizes(vecstream: Vecstream) -> tuple[str, int]:
    """The collection's record, and how long its longest text is."""
    table = lancedb.connect(str(vecstream.database)).open_table("documents")
    record = (table.schema.metadata or {})[b"vecstream"].decode()
    return record, max(len(row["text"]) for row in vecstream.rows("text"))


def tables(vecstream: Vecstream) -> list[str]:
    """What a person sees in the database's folder."""
    return sorted(path.name for path in vecstream.database.iterdir() if path.suffix == ".lance")


def manifests(vecstream: Vecstream) -> list[str]:
    return sorted(path.name for path in (vecstream.database / ".vecstream").iterdir())


def clean(vecstream: Vecstream, docs: Path, *options: str) -> list[dict[str, object]]:
    """The rows of a first run with these options elsewhere."""
    kept, vecstream.database = vecstream.database, vecstream.folder / "clean.lance"
    assert vecstream.index(docs, *options).code == 0
    rows = vecstream.rows("id", "path", "ordinal", "text", "chunk_key")
    vecstream.database = kept
    return rows


def test_other_settings_are_refused_with_the_way_out_and_rebuilt_into_one_clean_table(
    vecstream: Vecstream, docs: Path
) -> None:
    assert vecstream.index(docs).code == 0
    refused = vecstream.index(docs, *SMALLER)
    assert refused.code == 13
    assert "chunk size is 64, now 24" in refused.err
    assert "--rebuild" in refused.err

    rebuilt = vecstream.index(docs, *SMALLER, "--rebuild")

    assert rebuilt.code == 0, rebuilt.err
    assert rebuilt.summary["documents_new"] == 20
    columns = ("id", "path", "ordinal", "text", "chunk_key")
    assert vecstream.rows(*columns) == clean(vecstream, docs, *SMALLER)
    assert tables(vecstream) == ["documents.lance"]
    assert not [name for name in manifests(vecstream) if "--build" in name]
    # then one more run has nothing to do, and the old settings are the ones refused
    again = vecstream.index(docs, *SMALLER)
    assert again.code == 0, again.err
    assert again.summary["documents_unchanged"] == 20
    assert again.summary["chunks_written"] == 0
    assert vecstream.index(docs).code == 13


def test_a_reader_sees_the_old_rows_until_the_swap_and_the_new_ones_after_it(
    vecstream: Vecstream, tmp_path: Path
) -> None:
    docs = tmp_path / "docs"
    write_documents(docs, 60, words=600)
    assert vecstream.index(docs).code == 0
    reader = lancedb.connect(str(vecstream.database)).open_table("documents")
    before = reader.to_arrow().sort_by("id")
    live = vecstream.rows("id", "text")

    run = vecstream.start(docs, *SMALLER, "--rebuild")
    wait_until(lambda: run.lines("document"))
    assert "documents--build.lance" in tables(vecstream)
    assert vecstream.rows("id", "text") == live
    done = run.finish()

    assert done.code == 0, done.err
    assert reader.to_arrow().sort_by("id") == before  # who had it open keeps what it had
    assert {row["id"] for row in vecstream.rows("id")}.isdisjoint(row["id"] for row in live)


@pytest.mark.crash
def test_a_killed_rebuild_leaves_the_live_rows_and_goes_on(
    vecstream: Vecstream, tmp_path: Path
) -> None:
    docs = tmp_path / "docs"
    write_documents(docs, 60, words=600)
    assert vecstream.index(docs).code == 0
    live = vecstream.rows("id")
    run = vecstream.start(docs, *SMALLER, "--rebuild")
    wait_until(lambda: run.lines("document"))
    run.send(signal.SIGKILL)
    run.finish()

    assert vecstream.rows("id") == live
    status = [*vecstream.command()[:3], "status", "--db-uri", str(vecstream.database)]
    assert "rebuild" in vecstream.run(status).out
    # an ordinary run meanwhile works on the live one
    between = wait_until(lambda: (done := vecstream.index(docs)).code != 11 and done)
    assert between.summary["documents_unchanged"] == 60
    resumed = vecstream.index(docs, *SMALLER, "--rebuild")

    assert resumed.code == 0, resumed.err
    assert 0 < resumed.summary["documents_new"] < 60
    columns = ("id", "path", "ordinal", "text", "chunk_key")
    assert vecstream.rows(*columns) == clean(vecstream, docs, *SMALLER)


def test_a_build_of_yet_other_settings_is_begun_anew(vecstream: Vecstream, tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    write_documents(docs, 60, words=600)
    assert vecstream.index(docs).code == 0
    run = vecstream.start(docs, *SMALLER, "--rebuild")
    wait_until(lambda: run.lines("document"))
    run.send(signal.SIGINT)
    assert run.finish().code == 130

    done = vecstream.index(docs, "--chunk-size", "32", "--rebuild")

    assert done.code == 0, done.err
    assert done.summary["documents_new"] == 60
    columns = ("id", "path", "ordinal", "text", "chunk_key")
    assert vecstream.rows(*columns) == clean(vecstream, docs, "--chunk-size", "32")


def kept(vecstream: Vecstream, done: Finished, before: list[dict[str, object]]) -> None:
    assert vecstream.rows("id") == before, done.err


def test_a_rebuild_of_an_empty_or_unreadable_source_replaces_nothing(
    vecstream: Vecstream, docs: Path
) -> None:
    assert vecstream.index(docs).code == 0
    before = vecstream.rows("id")
    hidden = docs.rename(docs.parent / "elsewhere")
    docs.mkdir()

    held = vecstream.index(docs, *SMALLER, "--rebuild")

    assert held.code == 25, held.err
    assert held.summary["deletions_held"] == 20
    kept(vecstream, held, before)
    # the source is back: the same command finishes it
    docs.rmdir()
    hidden.rename(docs)
    done = vecstream.index(docs, *SMALLER, "--rebuild")
    assert done.code == 0, done.err
    assert len(vecstream.rows("id")) > len(before)


def test_a_rebuild_must_name_every_source_and_takes_no_limit(
    vecstream: Vecstream, docs: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    write_documents(other, 3)
    assert vecstream.index(docs, other).code == 0
    before = vecstream.rows("id")

    one = vecstream.index(docs, *SMALLER, "--rebuild")
    limited = vecstream.index(docs, other, *SMALLER, "--rebuild", "--limit", "5")

    assert (one.code, limited.code) == (2, 2)
    assert str(other) in one.err
    assert "--limit" in limited.err
    kept(vecstream, one, before)
    both = vecstream.index(docs, other, *SMALLER, "--rebuild")
    assert both.code == 0, both.err
    assert both.summary["documents_new"] == 23


@pytest.mark.parametrize("moment", ["before the table is replaced", "after it"])
def test_a_swap_that_was_cut_off_is_made_good_by_the_next_run(
    vecstream: Vecstream, docs: Path, moment: str
) -> None:
    """The manifest says that the swap has begun; the table tells whether it was done."""
    from vecstream_cli.adapters.lance.adapter import LanceAdapter
    from vecstream_cli.endpoint import Endpoint
    from vecstream_cli.pipeline.replacing import REPLACING
    from vecstream_cli.state.manifest import Manifest

    assert vecstream.index(docs).code == 0
    build = vecstream.database / ".vecstream" / "documents--build.sqlite3"
    # a build as whole as it gets: the guard holds it back for an unreadable folder
    (docs / "gone").symlink_to(docs / "gone")
    run = vecstream.index(docs, *SMALLER, "--rebuild", "--follow-links")
    assert build.exists(), run.err
    (docs / "gone").unlink()
    with Manifest.open(build) as manifest:
        manifest.keep_state(REPLACING)
    if moment == "after it":
        database = Endpoint(name="lance", uri=str(vecstream.database))
        with LanceAdapter.open(database, "documents", read_only=False) as live:
            live.replace_with("documents--build")

    done = vecstream.index(docs, *SMALLER, *([] if moment == "after it" else ["--rebuild"]))

    assert done.code == 0, done.err
    assert done.summary["documents_unchanged"] == 20
    assert done.summary["chunks_embedded"] == 0
    assert not build.exists()
    assert tables(vecstream) == ["documents.lance"]


def test_a_build_goes_when_its_collection_is_dropped(vecstream: Vecstream, docs: Path) -> None:
    assert vecstream.index(docs).code == 0
    hidden = docs.rename(docs.parent / "elsewhere")
    docs.mkdir()
    assert vecstream.index(docs, *SMALLER, "--rebuild").code == 25
    assert "documents--build.lance" in tables(vecstream)
    drop = [*vecstream.command()[:3], "drop", "documents", "--yes"]

    done = vecstream.run([*drop, "--db-uri", str(vecstream.database)])

    assert done.code == 0, done.err
    assert tables(vecstream) == []
    assert manifests(vecstream) == ["documents.lock"]
    assert len(list(hidden.iterdir())) == 20
