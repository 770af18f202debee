"""The state token of a Lance table: it tells every change, by anybody, and no reading."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import lancedb
import pytest

from vecstream_cli.adapters.lance.adapter import LanceAdapter
from vecstream_cli.endpoint import Endpoint
from vecstream_cli.testing.rows import DIMENSION, RECORD, hex_id, rows

CHANGES: dict[str, Callable[[LanceAdapter], object]] = {
    "append": lambda adapter: adapter.append(rows("b", 5)),
    "merge": lambda adapter: adapter.merge(rows("a", 5, attempt=2)),
    "delete": lambda adapter: adapter.delete_documents([hex_id("a")]),
    "record": lambda adapter: adapter.update_record(last_run="another"),
    "compaction": lambda adapter: adapter.maintain(final=True),
}


@pytest.fixture
def database(tmp_path: Path) -> Path:
    folder = tmp_path / "db"
    with LanceAdapter.open(
        Endpoint(name="lance", uri=str(folder)), "documents", read_only=False
    ) as adapter:
        adapter.create(RECORD)
        adapter.append(rows("a", 20))
        for name in "qrstuvwxyz":
            adapter.append(rows(name, 2))
    return folder


def token(database: Path, collection: str = "documents") -> str | None:
    return LanceAdapter.state_token(str(database), collection)


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_is_told_as_soon_as_it_is_acknowledged(database: Path, change: str) -> None:
    before = token(database)
    assert before is not None
    with LanceAdapter.open(
        Endpoint(name="lance", uri=str(database)), "documents", read_only=False
    ) as adapter:
        assert token(database) == before
        CHANGES[change](adapter)
        after = token(database)
    # Then it differs, and closing adds nothing to it
    assert after not in (None, before)
    assert token(database) == after


def test_a_hundred_changes_have_a_hundred_tokens(database: Path) -> None:
    with LanceAdapter.open(
        Endpoint(name="lance", uri=str(database)), "documents", read_only=False
    ) as adapter:
        seen = {token(database)}
        for number in range(100):
            adapter.append(rows(number, 1))
            seen.add(token(database))
    assert len(seen) == 101


def test_a_change_by_another_program_is_told(database: Path) -> None:
    before = token(database)
    lancedb.connect(database).open_table("documents").delete("ordinal = 3")
    assert token(database) not in (None, before)


def test_reading_and_searching_change_nothing(database: Path) -> None:
    before = token(database)
    with LanceAdapter.open(
        Endpoint(name="lance", uri=str(database)), "documents", read_only=True
    ) as adapter:
        assert adapter.record() == RECORD
        assert len(adapter.search([1.0] * DIMENSION, 3)) == 3
        assert len(list(adapter.ids())) == adapter.count() == 40
    with LanceAdapter.open(
        Endpoint(name="lance", uri=str(database)), "documents", read_only=False
    ) as adapter:
        assert not adapter.delete_documents([])
        adapter.fetch_vectors([hex_id("a", 1)])
    assert token(database) == before


def test_a_table_made_again_is_another(database: Path) -> None:
    before = token(database)
    with LanceAdapter.open(
        Endpoint(name="lance", uri=str(database)), "documents", read_only=False
    ) as adapter:
        adapter.drop()
        assert token(database) is None
        adapter.create(replace(RECORD, uuid="another"))
        adapter.append(rows("a", 20))
        adapter.append(rows("z", 20))
    assert token(database) not in (None, before)


def test_a_copy_put_in_its_place_is_another(database: Path, tmp_path: Path) -> None:
    before = token(database)
    # Given a copy that keeps every name, size and time
    subprocess.run(["cp", "-a", str(database), str(tmp_path / "copy")], check=True)
    shutil.rmtree(database)
    (tmp_path / "copy").rename(database)
    assert token(database) not in (None, before)


def test_an_older_version_that_lance_restores_is_another_state(database: Path) -> None:
    before = token(database)
    table = lancedb.connect(database).open_table("documents")
    table.checkout(1)
    table.restore()
    assert token(database) not in (None, before)


def test_a_note_of_the_latest_version_that_lags_is_made_good(database: Path) -> None:
    hint = database / "documents.lance" / "_versions" / "latest_version_hint.json"
    before, lagging = token(database), hint.read_bytes()
    with LanceAdapter.open(
        Endpoint(name="lance", uri=str(database)), "documents", read_only=False
    ) as adapter:
        adapter.append(rows("b", 5))
        adapter.append(rows("c", 5))
    after = token(database)
    hint.write_bytes(lagging)
    assert token(database) == after != before


@pytest.mark.parametrize("note", [b"", b"[]", b'{"version": 99}', b'{"version": "x"}', None])
def test_what_cannot_be_told_is_none(database: Path, note: bytes | None) -> None:
    hint = database / "documents.lance" / "_versions" / "latest_version_hint.json"
    if note is None:
        hint.unlink()
    else:
        hint.write_bytes(note)
    assert token(database) is None
    assert token(database, "other") is None
    assert LanceAdapter.state_token("s3://bucket/db", "documents") is None


def test_a_token_is_had_without_a_client(database: Path) -> None:
    code = f"""
from vecstream_cli.adapters.registry import adapter_class
import sys
print(adapter_class("lance").state_token({str(database)!r}, "documents"))
assert not {{"lancedb", "pyarrow", "numpy"}} & set(sys.modules), "not light"
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == token(database)
