"""Proves that the manifest remembers what it must, durably, within a run and between runs."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
from manifests import KEYS, RECORD, SOURCE, STAMP, committed, pending, store

from vecstream_cli.core.ids import row_id
from vecstream_cli.errors import InternalError
from vecstream_cli.state.entries import AcknowledgedRow
from vecstream_cli.state.manifest import Manifest
from vecstream_cli.state.view import MOST_PATHS


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "documents.sqlite3"


@pytest.fixture
def manifest(path: Path) -> Iterator[Manifest]:
    with Manifest.open(path) as manifest:
        manifest.bind(RECORD, created=True)
        manifest.start_run(scan_started_ns=99)
        yield manifest


def test_a_committed_document_is_known_by_its_path(manifest: Manifest) -> None:
    name = b"caf\xe9/a.md"  # not UTF-8
    [document] = store(manifest, name)
    known = manifest.known(SOURCE, name)
    assert known is not None
    assert known.id == document
    assert known.good is not None
    assert (known.good.stamp, known.good.seen_ns, known.good.reader) == (STAMP, 99, "text/1")
    assert known.good.content_hash == b"c" * 16
    assert not known.pending
    assert manifest.known(SOURCE, b"b.md") is None
    assert manifest.known("/elsewhere", name) is None


def test_a_source_whose_folder_is_not_utf8_is_kept_apart(manifest: Manifest) -> None:
    source = os.fsdecode(b"/caf\xe9")
    store(manifest, b"a.md", source=source)
    assert manifest.known(source, b"a.md") is not None
    assert [each.name for each in manifest.sources()] == [source]


@pytest.mark.parametrize("inode", [0, 2**63 - 1, 2**63, 2**64 - 1])
def test_every_inode_survives_storage(manifest: Manifest, inode: int) -> None:
    stamp = STAMP._replace(inode=inode, mtime_ns=-1)
    [attempt] = manifest.reserve_attempts([pending(b"a.md")])
    manifest.commit([committed(pending(b"a.md").id, attempt.number, stamp)])
    known = manifest.known(SOURCE, b"a.md")
    assert known is not None
    assert known.good is not None
    assert known.good.stamp == stamp


def test_an_attempt_is_never_given_twice(path: Path) -> None:
    given: list[int] = []
    for _ in range(3):
        with Manifest.open(path) as manifest:
            manifest.bind(RECORD, created=True)
            given += [a.number for a in manifest.reserve_attempts([pending(b"a"), pending(b"b")])]
    assert len(set(given)) == 6
    assert given == sorted(given)


def test_an_attempt_is_not_given_again_after_the_manifest_was_lost(path: Path) -> None:
    with Manifest.open(path) as manifest:
        manifest.bind(RECORD, created=True)
        lost = manifest.reserve_attempts([pending(b"%d" % n) for n in range(100)])
    path.unlink()
    with Manifest.open(path) as manifest:
        manifest.bind(RECORD)
        [attempt] = manifest.reserve_attempts([pending(b"a")])
    assert attempt.number > lost[-1].number


def test_only_a_first_attempt_is_fresh(manifest: Manifest) -> None:
    assert [a.fresh for a in manifest.reserve_attempts([pending(b"a"), pending(b"b")])] == [
        True
    ] * 2
    assert [a.fresh for a in manifest.reserve_attempts([pending(b"a"), pending(b"c")])] == [
        False,
        True,
    ]


def test_nothing_is_fresh_where_the_collection_is_older_than_the_manifest(path: Path) -> None:
    with Manifest.open(path) as manifest:
        manifest.bind(RECORD)
        [attempt] = manifest.reserve_attempts([pending(b"a")])
    assert not attempt.fresh


def test_a_reservation_survives_the_death_of_its_process(path: Path) -> None:
    script = f"""
import os, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from manifests import RECORD, Manifest, pending
manifest = Manifest.open(Path({str(path)!r}))
manifest.bind(RECORD, created=True)
print(manifest.reserve_attempts([pending(b"a")])[0].number, flush=True)
os.kill(os.getpid(), 9)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert done.returncode == -9, done.stderr
    with Manifest.open(path) as manifest:
        known = manifest.known(SOURCE, b"a")
        assert known is not None
        assert known.pending
        assert manifest.reserve_attempts([pending(b"a")])[0].number > int(done.stdout)


def test_an_interrupted_attempt_keeps_the_last_good_version(manifest: Manifest) -> None:
    store(manifest, b"a")
    manifest.reserve_attempts([pending(b"a")])
    known = manifest.known(SOURCE, b"a")
    assert known is not None
    assert known.pending
    assert known.good is not None


def test_acknowledged_rows_of_an_interrupted_attempt_are_remembered(manifest: Manifest) -> None:
    document = pending(b"a").id
    [first] = manifest.reserve_attempts([pending(b"a")])
    rows = [AcknowledgedRow(document, first.number, KEYS[0], n) for n in (0, 1)]
    manifest.acknowledge(rows)
    manifest.acknowledge(rows)
    manifest.reserve_attempts([pending(b"a")])
    assert manifest.chunk_ids(document, first.number) == [
        row_id(document, KEYS[0], occurrence) for occurrence in (0, 1)
    ]


def test_a_commit_drops_the_rows_of_other_attempts(manifest: Manifest) -> None:
    document = pending(b"a").id
    [old] = manifest.reserve_attempts([pending(b"a")])
    manifest.acknowledge([AcknowledgedRow(document, old.number, KEYS[0], 0)])
    [new] = manifest.reserve_attempts([pending(b"a")])
    manifest.acknowledge([AcknowledgedRow(document, new.number, KEYS[1], 0)])
    manifest.commit([committed(document, new.number)])
    assert manifest.chunk_ids(document, old.number) == []
    assert manifest.chunk_ids(document, new.number) == [row_id(document, KEYS[1], 0)]


def test_a_stale_attempt_cannot_be_committed(manifest: Manifest) -> None:
    [old] = manifest.reserve_attempts([pending(b"a")])
    manifest.reserve_attempts([pending(b"a")])
    with pytest.raises(InternalError):
        manifest.commit([committed(pending(b"a").id, old.number)])
    known = manifest.known(SOURCE, b"a")
    assert known is not None
    assert known.good is None


def test_a_failure_keeps_the_good_version_and_its_rows(manifest: Manifest) -> None:
    document = pending(b"a").id
    [good] = manifest.reserve_attempts([pending(b"a")])
    manifest.acknowledge([AcknowledgedRow(document, good.number, KEYS[0], 0)])
    manifest.commit([committed(document, good.number)])
    [bad] = manifest.reserve_attempts([pending(b"a")])
    manifest.acknowledge([AcknowledgedRow(document, bad.number, KEYS[1], 0)])
    manifest.fail(document, reason="malformed", message="No.", stamp=STAMP, reader="pdf/1")

    known = manifest.known(SOURCE, b"a")
    assert known is not None
    assert known.good is not None
    assert known.good.attempt == good.number
    assert not known.pending
    assert manifest.chunk_ids(document, good.number) == [row_id(document, KEYS[0], 0)]
    assert manifest.chunk_ids(document, bad.number) == []
    [failure] = manifest.failures()
    assert (failure.relative, failure.reason, failure.kept) == (b"a", "malformed", True)


def test_content_equal_to_a_version_that_a_failed_attempt_tore_is_not_taken_as_unchanged(
    manifest: Manifest,
) -> None:
    (document,) = store(manifest, b"a")
    manifest.reserve_attempts([pending(b"a")])
    manifest.fail(document, reason="crashed", message="No.", stamp=STAMP, reader="pdf/1", torn=True)

    known = manifest.known(SOURCE, b"a")

    assert known is not None
    assert known.good is not None
    assert known.good.content_hash == b""


def test_failures_are_counted_until_the_file_changes(manifest: Manifest) -> None:
    document = pending(b"a").id
    counts = []
    for stamp in (STAMP, STAMP, STAMP._replace(size=9)):
        manifest.reserve_attempts([pending(b"a")])
        manifest.fail(document, reason="timeout", message="Slow.", stamp=stamp, reader=None)
        known = manifest.known(SOURCE, b"a")
        assert known is not None
        assert known.failure is not None
        assert known.failure.stamp == stamp
        counts.append(known.failure.count)
    assert counts == [1, 2, 1]


def test_a_success_forgets_the_failure(manifest: Manifest) -> None:
    manifest.reserve_attempts([pending(b"a")])
    manifest.fail(pending(b"a").id, reason="x", message="X.", stamp=STAMP, reader=None)
    store(manifest, b"a")
    assert list(manifest.failures()) == []


def test_a_refreshed_document_has_its_new_stamp_and_its_old_content(manifest: Manifest) -> None:
    [document] = store(manifest, b"a")
    manifest.start_run(scan_started_ns=500)
    manifest.reserve_attempts([pending(b"a")])
    manifest.refresh([(document, STAMP._replace(inode=77))])
    known = manifest.known(SOURCE, b"a")
    assert known is not None
    assert known.good is not None
    assert (known.good.stamp.inode, known.good.seen_ns, known.pending) == (77, 500, False)


def test_an_abandoned_first_attempt_leaves_the_document_fresh(manifest: Manifest) -> None:
    manifest.reserve_attempts([pending(b"a")])
    manifest.abandon([pending(b"a").id])
    assert manifest.known(SOURCE, b"a") is None
    assert manifest.reserve_attempts([pending(b"a")])[0].fresh


def test_abandoning_an_attempt_does_not_forget_an_older_one_that_never_ended(
    manifest: Manifest,
) -> None:
    [document] = store(manifest, b"a")
    manifest.reserve_attempts([pending(b"a")])  # killed: rows of it may be in the database
    manifest.reserve_attempts([pending(b"a")])
    manifest.abandon([document])
    known = manifest.known(SOURCE, b"a")
    assert known is not None
    assert known.pending


def test_unseen_documents_are_those_of_the_source_that_the_scan_did_not_find(
    manifest: Manifest,
) -> None:
    names = [b"%04d" % n for n in range(2500)]
    store(manifest, *names)
    store(manifest, b"other", source="/other")
    manifest.start_run(scan_started_ns=1)
    found = manifest.look_up(SOURCE, [*names[::2], b"never stored"])
    assert list(found) == names[::2]
    manifest.reserve_attempts([pending(b"new")])
    assert [each.relative for each in manifest.unseen(SOURCE)] == names[1::2]
    assert manifest.any_unseen(SOURCE)


def test_nothing_is_unseen_once_all_of_a_source_was_found(manifest: Manifest) -> None:
    names = [b"%04d" % n for n in range(20)]
    store(manifest, *names)
    store(manifest, b"other", source="/other")
    manifest.start_run(scan_started_ns=1)
    manifest.look_up(SOURCE, names[:-1])
    assert manifest.any_unseen(SOURCE)
    manifest.look_up(SOURCE, names[-1:])
    assert not manifest.any_unseen(SOURCE)
    assert manifest.any_unseen("/other")
    assert not manifest.any_unseen("/never indexed")


def test_files_are_looked_up_by_the_hundreds_and_as_one_by_one(manifest: Manifest) -> None:
    names = [b"%05d" % n for n in range(2 * MOST_PATHS + 1)]
    good, failed = store(manifest, *names)[:2]
    manifest.reserve_attempts([pending(names[1])])
    manifest.fail(failed, reason="x", message="", stamp=STAMP, reader=None)
    statements: list[str] = []
    manifest._db.set_trace_callback(statements.append)
    found = manifest.look_up(SOURCE, names)
    manifest._db.set_trace_callback(None)
    assert len(statements) == 3
    assert found == {name: manifest.known(SOURCE, name) for name in names}
    assert found[names[0]].id == good
    assert found[names[1]].failure is not None


def test_unseen_documents_may_be_removed_while_they_are_listed(manifest: Manifest) -> None:
    names = [b"%04d" % n for n in range(2500)]
    store(manifest, *names)
    manifest.start_run(scan_started_ns=1)
    removed = []
    gone = manifest.unseen(SOURCE)
    while batch := list(islice(gone, 300)):
        manifest.remove([each.id for each in batch])
        removed += [each.relative for each in batch]
    assert removed == names
    assert manifest.counts().known == 0


def test_nothing_at_or_below_a_protected_path_is_unseen(manifest: Manifest) -> None:
    store(manifest, b"a", b"a.md", b"a/b", b"a/b/c", b"ab/c", b"c/a/d", b"f")
    manifest.start_run(scan_started_ns=1)
    assert [e.relative for e in manifest.unseen(SOURCE, [b"a", b"f"])] == [
        b"a.md",
        b"ab/c",
        b"c/a/d",
    ]
    assert list(manifest.unseen(SOURCE, [b""])) == []


def test_documents_are_listed_by_folder_and_by_source(manifest: Manifest) -> None:
    store(manifest, b"a", b"a-b", b"a/x", b"a/y/z", b"a0", b"b")
    store(manifest, b"a/q", source="/other")
    store(manifest, b"\xff" * 255, b"\xff" * 255 + b"/\xff", source="/extreme")
    assert [e.relative for e in manifest.documents_under(SOURCE, b"a")] == [b"a", b"a/x", b"a/y/z"]
    assert [(e.source, e.relative) for e in manifest.documents_under(None, b"a/q")] == [
        ("/other", b"a/q")
    ]
    assert len(list(manifest.documents_under("/extreme"))) == 2
    assert len(list(manifest.documents_under())) == 9


def test_counts_add_up(manifest: Manifest) -> None:
    store(manifest, b"a", b"b")
    manifest.reserve_attempts([pending(b"c"), pending(b"d")])
    manifest.fail(pending(b"c").id, reason="x", message="X.", stamp=STAMP, reader=None)
    counts = manifest.counts()
    assert (counts.documents, counts.chunks, counts.tokens) == (2, 4, 60)
    assert (counts.failed, counts.pending, counts.known) == (1, 1, 4)
    assert manifest.counts(SOURCE) == counts
    assert manifest.counts("/other").known == 0


def test_another_collection_voids_everything_but_the_attempt_counter(manifest: Manifest) -> None:
    [attempt] = manifest.reserve_attempts([pending(b"a")])
    assert manifest.bind(replace(RECORD, uuid="ee"))
    assert manifest.counts().known == 0
    assert manifest.known(SOURCE, b"a") is None
    [later] = manifest.reserve_attempts([pending(b"a")])
    assert later.number > attempt.number
    assert not later.fresh


def test_the_same_collection_voids_nothing(manifest: Manifest) -> None:
    store(manifest, b"a")
    newer = replace(RECORD, last_run="2026-02-02T00:00:00+00:00")
    for found in (RECORD, newer):  # the run may have been killed before it wrote, or after
        manifest.may_write("2026-02-02T00:00:00+00:00")
        assert not manifest.bind(found)
    assert manifest.collection == newer
    assert manifest.counts().documents == 1
    assert manifest.reserve_attempts([pending(b"b")])[0].fresh


@pytest.mark.parametrize("found", [None, "2026-03-03T00:00:00+00:00"])
def test_a_collection_restored_from_a_copy_voids_everything(
    manifest: Manifest, found: str | None
) -> None:
    store(manifest, b"a")
    manifest.may_write("2026-02-02T00:00:00+00:00")
    manifest.has_written("2026-02-02T00:00:00+00:00")

    assert manifest.bind(replace(RECORD, last_run=found))

    assert manifest.counts().known == 0
    assert not manifest.reserve_attempts([pending(b"a")])[0].fresh


def test_the_last_run_is_remembered_with_its_end(manifest: Manifest) -> None:
    run = manifest.start_run(scan_started_ns=1)
    begun = manifest.last_run()
    assert begun is not None
    assert (begun.number, begun.finished_at) == (run, None)
    manifest.finish_run(run, {"chunks_written": 7}, 3)
    ended = manifest.last_run()
    assert ended is not None
    assert (ended.exit_code, ended.summary) == (3, {"chunks_written": 7})
    assert ended.finished_at is not None


def test_a_source_knows_when_it_was_last_listed_completely(manifest: Manifest) -> None:
    manifest.listed(SOURCE, b"/docs", complete=True)
    [complete] = manifest.sources()
    manifest.listed(SOURCE, b"/mnt/docs", complete=False)
    [partial] = manifest.sources()
    assert complete.listed_at is not None
    assert partial == replace(complete, base=b"/mnt/docs")


def test_using_a_document_that_is_not_under_way_is_a_bug(manifest: Manifest) -> None:
    [document] = store(manifest, b"a")
    with pytest.raises(InternalError):
        manifest.acknowledge([AcknowledgedRow(document, 1, KEYS[0], 0)])
