"""check names what does not agree and mends it, on a real table changed behind our back."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import lancedb
import pyarrow as pa
import pytest
from made_collection import CHUNKS, key, make, paths_in, remembered

from vecstream_cli.api.check import check
from vecstream_cli.core.differences import Kind
from vecstream_cli.core.ids import document_id, row_id
from vecstream_cli.errors import CollectionLocked, CollectionNotFound
from vecstream_cli.settings import Settings
from vecstream_cli.state.entries import PendingDocument
from vecstream_cli.state.location import locate
from vecstream_cli.state.lock import CollectionLock
from vecstream_cli.state.manifest import Manifest

Damage = Callable[[Any, str], None]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(db_uri=str(tmp_path / "db"))
    make(settings, {tmp_path / "a": [b"one.md", b"two.md", b"caf\xe9.md"]})
    return settings


def table(settings: Settings) -> Any:
    return lancedb.connect(str(settings.db_uri)).open_table("documents")


def manifest_of(settings: Settings) -> Path:
    return locate("lance", None, "documents", Path(str(settings.db_uri))).manifest


def found(settings: Settings, *, repair: bool = False) -> dict[Kind, int]:
    report = check(settings, repair=repair)
    assert report.exit_code == (0 if repair or not report.differences else 1)
    return {each.kind: each.count for each in report.differences}


def add_row(table: Any, source: str, **changes: object) -> None:
    """A copy of the first row of one.md, changed."""
    row = table.to_arrow().filter(pa.compute.equal(pa.compute.field("path"), "one.md"))
    row = row.slice(0, 1).to_pylist()[0]
    table.add(pa.Table.from_pylist([row | changes], schema=table.schema))


def lose_rows(table: Any, source: str) -> None:
    table.delete("path = 'two.md' AND ordinal > 0")


def add_foreign_row(table: Any, source: str) -> None:
    add_row(table, source, id="f0" * 16, document_id="somebody's", path="theirs.md")


def add_extra_row(table: Any, source: str) -> None:
    document = document_id(source, b"one.md")
    add_row(table, source, id=row_id(document, key(9), 0).hex(), chunk_key=key(9).hex())


def double_a_row(table: Any, source: str) -> None:
    add_row(table, source)


def alter_attempts(table: Any, source: str) -> None:
    table.update(where="path = 'two.md'", values={"attempt": 1})


def alter_content(table: Any, source: str) -> None:
    table.update(where="path = 'two.md' AND ordinal = 1", values={"content_hash": "ab" * 16})


def test_nothing_differs_in_a_collection_that_nobody_touched(settings: Settings) -> None:
    report = check(settings)
    assert report.differences == []
    assert (report.rows, report.documents, report.unfinished) == (3 * CHUNKS, 3, 0)


@pytest.mark.parametrize(
    ("damage", "kind", "count", "again"),
    [
        (lose_rows, Kind.ROWS_MISSING, CHUNKS - 1, True),
        (add_foreign_row, Kind.ROWS_UNKNOWN, 1, False),
        (add_extra_row, Kind.ROWS_EXTRA, 1, False),
        (double_a_row, Kind.ROWS_DUPLICATE, 1, False),
        (alter_attempts, Kind.ATTEMPT_DIFFERS, CHUNKS, True),
        (alter_content, Kind.CONTENT_DIFFERS, 1, True),
    ],
)
def test_what_was_done_to_the_table_is_named_and_mended(
    settings: Settings, tmp_path: Path, damage: Damage, kind: Kind, count: int, again: bool
) -> None:
    # given a table that another program changed
    damage(table(settings), str(tmp_path / "a"))
    changed = table(settings).version
    # then check says exactly that, and changes nothing
    report = check(settings)
    assert [(each.kind, each.count, each.documents) for each in report.differences] == [
        (kind, count, 1)
    ]
    assert report.exit_code == 1
    assert table(settings).version == changed
    # and mends it, or leaves it to the next run to read the document again
    assert found(settings, repair=True) == {kind: count}
    after = check(settings)
    assert after.differences == []
    assert after.unfinished == (1 if again else 0)
    assert sorted(set(paths_in(settings))) == ["caf\\xe9.md", "one.md", "two.md"]
    if not again:
        assert table(settings).count_rows() == 3 * CHUNKS


def test_several_kinds_at_once_are_told_apart(settings: Settings, tmp_path: Path) -> None:
    for damage in (lose_rows, add_foreign_row, double_a_row):
        damage(table(settings), str(tmp_path / "a"))
    expected = {Kind.ROWS_MISSING: CHUNKS - 1, Kind.ROWS_UNKNOWN: 1, Kind.ROWS_DUPLICATE: 1}
    assert found(settings) == expected
    assert found(settings, repair=True) == expected
    assert found(settings) == {}


def test_an_example_names_the_document(settings: Settings, tmp_path: Path) -> None:
    lose_rows(table(settings), "")
    (difference,) = check(settings).differences
    (example,) = difference.examples
    assert (example.source, example.path) == (str(tmp_path / "a"), "two.md")


def test_a_document_under_way_is_no_difference(settings: Settings, tmp_path: Path) -> None:
    source = str(tmp_path / "a")
    with Manifest.open(manifest_of(settings)) as manifest:
        pending = PendingDocument(document_id(source, b"two.md"), source, b"two.md")
        manifest.reserve_attempts([pending])
    lose_rows(table(settings), source)
    report = check(settings)
    assert (report.differences, report.unfinished) == ([], 1)


def lose(path: Path) -> None:
    path.unlink()


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[100:] = b"\xa5" * len(content[100:])
    path.write_bytes(content)


def forge(path: Path) -> None:
    with Manifest.open(path) as manifest:
        manifest.has_written("another run than the table knows of")


@pytest.mark.parametrize(
    ("harm", "kind"),
    [
        (lose, Kind.MANIFEST_MISSING),
        (damage, Kind.MANIFEST_DAMAGED),
        (forge, Kind.MANIFEST_VOID),
    ],
)
def test_a_manifest_that_is_of_no_use_is_made_anew(
    settings: Settings, harm: Callable[[Path], None], kind: Kind
) -> None:
    harm(manifest_of(settings))

    assert found(settings) == {kind: 1}
    assert check(settings, repair=True).exit_code == 0

    assert found(settings) == {}
    assert remembered(settings) == [b"caf\xe9.md", b"one.md", b"two.md"]
    assert not list(manifest_of(settings).parent.glob("*.check"))


def test_there_must_be_something_to_check(tmp_path: Path) -> None:
    with pytest.raises(CollectionNotFound):
        check(Settings(db_uri=str(tmp_path / "none")))


def test_a_run_under_way_is_not_checked(settings: Settings) -> None:
    place = locate("lance", None, "documents", Path(str(settings.db_uri)))
    with CollectionLock.acquire(place.lock), pytest.raises(CollectionLocked):
        check(settings)
