"""What is LanceDB's own: its files, its failures, its readers, its memory."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import lancedb
import pyarrow as pa
import pytest

from vecstream_cli.adapters.lance import adapter as lance
from vecstream_cli.adapters.lance import layout as lance_layout
from vecstream_cli.adapters.lance.adapter import LanceAdapter
from vecstream_cli.endpoint import Endpoint
from vecstream_cli.errors import DatabaseError, ForeignCollection, UsageError
from vecstream_cli.testing.rows import DIMENSION, RECORD, hex_id, rows, vectors

HERE = Path(__file__).parent
MOMENT = timedelta(milliseconds=1)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "db"


def opened(folder: Path, *, read_only: bool = False) -> LanceAdapter:
    return LanceAdapter.open(
        Endpoint(name="lance", uri=str(folder)), "documents", read_only=read_only
    )


def made(folder: Path) -> LanceAdapter:
    adapter = opened(folder)
    adapter.create(RECORD)
    return adapter


def test_a_local_database_is_a_folder_and_a_store_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/somebody")
    assert LanceAdapter.local_folder(None) == tmp_path / "vecstream.lance"
    assert LanceAdapter.local_folder("a/b") == tmp_path / "a" / "b"
    assert LanceAdapter.local_folder("~/db") == Path("/home/somebody/db")
    assert LanceAdapter.local_folder("file:///a/b") == Path("/a/b")
    assert LanceAdapter.local_folder("s3://bucket/db") is None


def test_a_reader_makes_nothing(database: Path) -> None:
    with opened(database, read_only=True) as adapter:
        assert adapter.record() is None
        with pytest.raises(DatabaseError, match="reading only"):
            adapter.create(RECORD)
    assert not database.exists()


def test_the_cloud_is_refused_in_a_sentence() -> None:
    with pytest.raises(UsageError, match="Cloud"):
        LanceAdapter.open(Endpoint(name="lance", uri="db://mine"), "documents", read_only=True)


def test_a_table_of_others_is_refused_and_left_alone(database: Path) -> None:
    lancedb.connect(database).create_table("documents", data=[{"id": "x", "vector": [1.0, 2.0]}])
    with opened(database) as adapter:
        with pytest.raises(ForeignCollection, match="not made by vecstream"):
            adapter.record()
        with pytest.raises(ForeignCollection):
            adapter.drop()
        with pytest.raises(DatabaseError, match="exists"):
            adapter.create(RECORD)
        assert adapter.count() == 1


def test_a_record_of_another_shape_is_foreign(database: Path) -> None:
    schema = pa.schema([pa.field("attempt", pa.int64())], metadata={"vecstream": '{"uuid": 1}'})
    lancedb.connect(database).create_table("documents", schema=schema)
    with opened(database) as adapter, pytest.raises(ForeignCollection, match="cannot read"):
        adapter.record()


def test_a_collection_whose_making_was_killed_is_made_again(database: Path) -> None:
    (database / "documents.lance" / "_versions").mkdir(parents=True)
    with opened(database) as adapter:
        assert adapter.record() is None
        adapter.create(RECORD)
        assert adapter.record() == RECORD


def test_plain_lancedb_reads_the_table(database: Path) -> None:
    with made(database) as adapter:
        adapter.append(rows("a", 20))
    found = lancedb.connect(database).open_table("documents").search([1.0] * DIMENSION).limit(3)
    assert len(found.select(["path", "text"]).to_list()) == 3


def test_two_writers_of_the_same_new_id_do_not_duplicate_it(database: Path) -> None:
    # Given two connections that both believe the table empty
    one, two = made(database), opened(database)
    assert two.count() == 0
    one.merge(rows("a", 50, attempt=1))
    # When the second merges the same ids
    two.merge(rows("a", 50, attempt=2))
    # Then each id stands once
    assert sorted(opened(database).ids()) == sorted(hex_id("a", n) for n in range(50))


def test_small_batches_do_not_leave_small_fragments(database: Path) -> None:
    adapter = made(database)
    most = 0
    for number in range(200):
        adapter.merge(rows(number, 5))
        adapter.maintain()
        most = max(most, fragments(database))
    assert most <= 64
    adapter.maintain(final=True)
    assert fragments(database) == 1


def fragments(database: Path) -> int:
    stats = lancedb.connect(database).open_table("documents").stats()
    return int(stats["fragment_stats"]["num_fragments"])


def test_a_table_reindexed_200_times_grows_in_nothing(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a table of 5,000 rows, whose older versions may go at once
    monkeypatch.setattr(lance_layout, "VERSION_LIFETIME_OF_A_SMALL_TABLE", MOMENT)
    with made(database) as adapter:
        for number in range(50):
            adapter.append(rows(number, 100))
        adapter.maintain(final=True)
    sizes = []
    # When run after run changes one document, in a process's life of its own
    for run in range(200):
        with opened(database) as adapter:
            document, attempt = run % 50, run + 2
            adapter.update_record(last_run=str(run))
            adapter.merge(rows(document, 100, first=attempt, attempt=attempt))
            adapter.maintain()
            assert adapter.delete_superseded([(hex_id(document), attempt)])
            adapter.maintain(final=True)
            assert adapter.count() == 5000
        sizes.append(size(database))
    # Then the second hundred of runs reaches no more than the first did, in any respect
    for before, after in zip(peaks(sizes[:100]), peaks(sizes[100:]), strict=True):
        assert after <= before * 1.05
    assert fragments(database) <= lance_layout.FEW_FRAGMENTS


def peaks(sizes: list[tuple[int, ...]]) -> list[int]:
    return list(map(max, zip(*sizes, strict=True)))


def size(database: Path) -> tuple[int, int, int]:
    """Versions, files and bytes."""
    files = [path for path in database.rglob("*") if path.is_file()]
    versions = sum(path.parent.name == "_versions" for path in files)
    return versions, len(files), sum(path.stat().st_size for path in files)


def test_an_open_reader_outlives_compaction(database: Path) -> None:
    adapter = made(database)
    for number in range(10):
        adapter.append(rows(number, 50))
    # Given readers in the middle of a scan: ours, and one of plain LanceDB at an old version
    reader = opened(database, read_only=True)
    scan = reader.scan(["id", "vector"])
    seen = next(scan).num_rows
    old = lancedb.connect(database).open_table("documents")
    # When the table is rewritten beneath them
    adapter.merge(rows(3, 50, attempt=2))
    adapter.delete_documents([hex_id(1)])
    assert adapter.maintain(final=True)
    # Then both end with what they began with, and the next look is new
    assert seen + sum(batch.num_rows for batch in scan) == 500
    assert len(old.search([1.0] * DIMENSION).limit(1000).to_list()) == 500
    assert reader.count() == 450


def test_a_large_table_gets_an_index_where_memory_allows_it(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lance, "INDEX_ROWS", 1000)
    adapter = made(database)
    adapter.append(rows("a", 999))
    adapter.maintain(final=True, spare_bytes=1 << 30)
    assert indices(database) == []
    # Given a table that has grown to the bound
    adapter.append(rows("a", 2000, first=999))
    adapter.maintain(final=True, spare_bytes=1 << 19)
    assert indices(database) == []
    assert adapter.maintain(final=True, spare_bytes=1 << 30)
    assert indices(database) == ["IvfSq"]
    # Then rows from before the index and after it are found, and it is made once
    adapter.append(rows("a", 10, first=5000))
    for number, vector in ((1500, vectors(2000, seed=999)[501]), (5004, vectors(10, 5000)[4])):
        hit = adapter.search(vector.tolist(), 1)[0]
        assert hit.id == hex_id("a", number)
        assert hit.score == pytest.approx(1.0, abs=1e-5)
    adapter.merge(rows("a", 50, attempt=2))
    adapter.maintain(final=True, spare_bytes=1 << 30)
    assert indices(database) == ["IvfSq"]
    assert adapter.count() == 3009


def indices(database: Path) -> list[str]:
    table = lancedb.connect(database).open_table("documents")
    return [index.index_type for index in table.list_indices()]


def test_a_killed_writer_loses_no_acknowledged_row(database: Path) -> None:
    number = 0
    for acknowledged_before_kill in (3, 12):
        # Given a process that merges, and is killed at some point of a merge
        with merging(database, first=number + 1) as process:
            assert process.stdout
            for _ in range(acknowledged_before_kill):
                number = int(process.stdout.readline())
            process.kill()
            number = int(([number, *process.stdout.read().split()])[-1])
        # Then what it acknowledged is there, once, and at most one batch more
        found = list(opened(database, read_only=True).ids())
        assert len(set(found)) == len(found)
        expected = {hex_id("a", n) for n in range(200 - 66, number * 200 + 134)}
        assert expected <= set(found)
        assert len(found) - len(expected) in (0, 200)
    # And the next writer goes on
    with opened(database) as adapter:
        adapter.merge(rows("a", 300))
        adapter.maintain(final=True)


@contextmanager
def merging(database: Path, first: int) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, str(HERE / "merge_forever.py"), "lance", str(database)]
    with subprocess.Popen(
        [*command, str(first), "100000"], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_a_search_prints_no_warning(database: Path) -> None:
    with made(database) as adapter:
        adapter.append(rows("a", 20))
    code = f"""
from vecstream_cli.adapters.registry import connect
from vecstream_cli.endpoint import Endpoint
import sys
assert not {{"lancedb", "pyarrow", "numpy"}} & set(sys.modules), "not light"
with connect(
    Endpoint(name="lance", uri={str(database)!r}), "documents", read_only=True
) as adapter:
    assert adapter.record().dimension == {DIMENSION}
    assert len(adapter.search([1.0] * {DIMENSION}, 3)) == 3
"""
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", code], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_writing_stays_under_a_memory_bound_that_does_not_grow(database: Path) -> None:
    # Given a process with the adapter's environment, that merges 60,000 rows of 384 numbers
    code = f"""
import sys
from vecstream_cli.testing.rows import RECORD, rows
from dataclasses import replace
from vecstream_cli.adapters.registry import connect
from vecstream_cli.endpoint import Endpoint
import psutil
adapter = connect(
    Endpoint(name="lance", uri={str(database)!r}), "documents", read_only=False
)
adapter.create(replace(RECORD, dimension=384))
private = []
for number in range(60):
    adapter.merge(rows(number, 1000, dimension=384, text="word " * 150))
    if number % 20 == 19:
        adapter.maintain(final=True)
        private.append(psutil.Process().memory_full_info().uss >> 20)
print(*private)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | dict(LanceAdapter.environment),
    )
    private = [int(word) for word in done.stdout.split()]
    # Then its private memory neither passes 350 MB nor grows with the table
    assert max(private) < 350
    assert private[2] - private[1] < 40


def test_a_read_only_database_fails_in_a_sentence(database: Path) -> None:
    with made(database) as adapter:
        adapter.append(rows("a", 20))
    with read_only(database):
        adapter = opened(database)
        assert adapter.record() == RECORD
        assert len(adapter.search([1.0] * DIMENSION, 3)) == 3
        for write in (
            lambda: adapter.append(rows("b", 2)),
            lambda: adapter.merge(rows("b", 2)),
            lambda: adapter.delete_documents([hex_id("a")]),
            lambda: adapter.update_record(last_run="now"),
            adapter.drop,
            lambda: LanceAdapter.open(
                Endpoint(name="lance", uri=str(database)), "other", read_only=False
            ).create(RECORD),
            lambda: LanceAdapter.open(
                Endpoint(name="lance", uri=str(database / "sub")), "other", read_only=False
            ),
        ):
            with pytest.raises(DatabaseError, match=r"read-only|permission") as caught:
                write()
            assert "\n" not in caught.value.message
            assert ".rs" not in caught.value.message
    assert opened(database).count() == 20


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """The folder, not to be written: by its mode, or for root by a mount."""
    if os.geteuid():
        everything = [folder, *(path for path in folder.rglob("*") if path.is_dir())]
        for path in everything:
            path.chmod(0o555)
        try:
            yield
        finally:
            for path in everything:
                path.chmod(0o755)
    else:
        with mounted(folder, "-o", "bind,ro", str(folder)):
            yield


@contextmanager
def mounted(folder: Path, *arguments: str) -> Iterator[None]:
    done = subprocess.run(
        ["mount", *arguments, str(folder)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"this machine does not let tests mount: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_fails_in_a_sentence_and_writing_goes_on_after(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    with mounted(disk, "-t", "tmpfs", "-o", "size=2m", "tmpfs"):
        # Given a database on a disk that fills up
        adapter = made(disk / "db")
        ballast = disk / "ballast"
        ballast.write_bytes(b"x" * (1 << 20))
        batches = [rows(number, 500, text="word " * 50) for number in range(100)]
        with pytest.raises(DatabaseError, match="no space is left") as caught:
            list(map(adapter.merge, batches))
        assert "Free some space" in caught.value.hint
        # Then the table holds whole batches, and once there is space it takes the rest
        count = opened(disk / "db", read_only=True).count()
        assert 0 < count < 50_000
        assert count % 500 == 0
        ballast.unlink()
        adapter.merge(batches[count // 500])
        assert opened(disk / "db", read_only=True).count() == count + 500


def test_compaction_without_space_costs_nothing_but_speed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    with mounted(disk, "-t", "tmpfs", "-o", "size=3m", "tmpfs"):
        adapter = made(disk / "db")
        for number in range(12):
            adapter.append(rows(number, 1000))
        room = os.statvfs(disk)
        (disk / "ballast").write_bytes(b"x" * (room.f_bavail * room.f_frsize - (64 << 10)))
        assert not adapter.maintain(final=True)
        assert "no space is left" in caplog.text
        assert adapter.count() == 12_000
        adapter.close()


def test_a_file_in_the_database_s_place_fails_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for path in (tmp_path / "file", tmp_path / "file" / "db"):
        with pytest.raises(DatabaseError, match="a file stands"):
            made(path)
