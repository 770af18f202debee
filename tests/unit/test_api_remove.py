"""rm and drop take out what they were told to, from the rows and from the manifest."""

from pathlib import Path

import pytest
from made_collection import CHUNKS, make, paths_in, remembered

from vecstream_cli.api.remove import Removal, drop, remove
from vecstream_cli.api.status import status
from vecstream_cli.errors import (
    CollectionLocked,
    CollectionNotFound,
    ForeignCollection,
    ManifestError,
    UsageError,
)
from vecstream_cli.settings import Settings
from vecstream_cli.state.location import Place, locate
from vecstream_cli.state.lock import CollectionLock


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A collection of two sources, neither of which exists on disk."""
    settings = Settings(db_uri=str(tmp_path / "db"))
    make(
        settings,
        {
            tmp_path / "a": [b"top.md", b"sub/one.md", b"sub/two.md", b"sub-not/x.md"],
            tmp_path / "b": [b"other.md", b"caf\xe9.md"],
        },
    )
    return settings


def place(settings: Settings) -> Place:
    return locate("lance", settings.db_uri, settings.collection, Path(str(settings.db_uri)))


def test_a_document_is_removed_with_all_its_rows(settings: Settings, tmp_path: Path) -> None:
    removal = remove(str(tmp_path / "a" / "top.md"), settings)
    assert removal == Removal(documents=1, chunks=CHUNKS, done=True)
    assert "top.md" not in paths_in(settings)
    assert b"top.md" not in remembered(settings)
    assert len(paths_in(settings)) == len(remembered(settings)) == 5


def test_a_folder_is_removed_and_its_neighbour_with_a_longer_name_is_not(
    settings: Settings, tmp_path: Path
) -> None:
    assert remove(str(tmp_path / "a" / "sub"), settings).documents == 2
    assert paths_in(settings) == ["caf\\xe9.md", "other.md", "sub-not/x.md", "top.md"]


def test_the_folder_above_the_sources_removes_them_all(settings: Settings, tmp_path: Path) -> None:
    assert remove(str(tmp_path), settings).documents == 6
    assert paths_in(settings) == remembered(settings) == []


def test_a_relative_path_is_seen_from_here(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").mkdir()
    monkeypatch.chdir(tmp_path / "a")
    assert remove("sub/../top.md", settings).documents == 1
    assert remove(".", settings).documents == 3


def test_a_path_through_a_link_finds_the_documents_behind_it(
    settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "a")
    assert remove(str(tmp_path / "link" / "top.md"), settings).documents == 1
    assert remove(str(tmp_path / "link"), settings).documents == 3


def test_a_name_that_is_not_utf_8_can_be_removed(settings: Settings, tmp_path: Path) -> None:
    name = b"caf\xe9.md".decode("utf-8", "surrogateescape")
    assert remove(str(tmp_path / "b" / name), settings).documents == 1
    assert paths_in(settings)[-1] == "top.md"


def test_within_a_named_source_the_path_is_relative_to_it(
    settings: Settings, tmp_path: Path
) -> None:
    of_a = Settings(db_uri=settings.db_uri, source=str(tmp_path / "a"))
    assert remove("sub", of_a).documents == 2
    assert remove(".", of_a).documents == 2
    assert paths_in(settings) == ["caf\\xe9.md", "other.md"]


def test_an_absolute_path_is_a_place_on_disk_whatever_source_is_named(
    settings: Settings, tmp_path: Path
) -> None:
    of_a = Settings(db_uri=settings.db_uri, source=str(tmp_path / "a"))
    assert remove(str(tmp_path / "a" / "sub"), of_a).documents == 2


def test_what_is_not_there_cannot_be_removed(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no document at or under"):
        remove(str(tmp_path / "a" / "su"), settings)


def test_whoever_does_not_agree_loses_nothing(settings: Settings, tmp_path: Path) -> None:
    asked: list[Removal] = []
    removal = remove(str(tmp_path), settings, agreed=lambda it: bool(asked.append(it)))
    assert asked == [removal] == [Removal(documents=6, chunks=0)]
    assert len(paths_in(settings)) == 6


def test_nothing_is_removed_while_a_run_holds_the_collection(
    settings: Settings, tmp_path: Path
) -> None:
    with CollectionLock.acquire(place(settings).lock):
        with pytest.raises(CollectionLocked):
            remove(str(tmp_path), settings)
        with pytest.raises(CollectionLocked):
            drop(settings)
    assert len(paths_in(settings)) == 6


def test_a_kill_between_the_rows_and_the_manifest_leaves_the_document_to_be_read_again(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vecstream_cli.core.ids import document_id
    from vecstream_cli.state.manifest import Manifest

    # given a removal that dies when the rows are gone and the manifest is not told
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Manifest, "remove", die)
        with pytest.raises(KeyboardInterrupt):
            remove(str(tmp_path / "a" / "top.md"), settings)
    assert "top.md" not in paths_in(settings)
    # then the next run knows that an attempt was left open, and does not call it unchanged
    with Manifest.open(place(settings).manifest) as manifest:
        known = manifest.known(str(tmp_path / "a"), b"top.md")
        assert known is not None
        assert known.pending
        assert known.id == document_id(str(tmp_path / "a"), b"top.md")


def test_a_manifest_of_another_table_is_not_trusted(settings: Settings, tmp_path: Path) -> None:
    # given a table that was replaced behind the manifest's back
    kept = place(settings).manifest.read_bytes()
    drop(settings)
    make(settings, {tmp_path / "c": [b"new.md"]})
    old = kept.replace(b"0b8f", b"ffff")
    assert old != kept
    for suffix in ("-wal", "-shm"):
        Path(f"{place(settings).manifest}{suffix}").unlink(missing_ok=True)
    place(settings).manifest.write_bytes(old)
    with pytest.raises(ManifestError, match="does not know"):
        remove(str(tmp_path), settings)
    assert paths_in(settings) == ["new.md"]


def test_dropping_leaves_neither_rows_nor_manifest(settings: Settings) -> None:
    assert drop(settings) == Removal(documents=0, chunks=6 * CHUNKS, done=True)
    assert [path.suffix for path in place(settings).manifest.parent.iterdir()] == [".lock"]
    for action in (lambda: drop(settings), lambda: status(db_uri=settings.db_uri)):
        with pytest.raises(CollectionNotFound):
            action()


def test_dropping_one_collection_keeps_the_others(settings: Settings, tmp_path: Path) -> None:
    other = Settings(db_uri=settings.db_uri, collection="other")
    make(other, {tmp_path / "c": [b"c.md"]})
    drop(settings)
    assert paths_in(other) == ["c.md"]
    assert [each.name for each in status(db_uri=settings.db_uri)] == ["other"]


def test_a_table_that_vecstream_did_not_make_is_never_dropped(tmp_path: Path) -> None:
    import lancedb

    lancedb.connect(tmp_path / "db").create_table("documents", [{"x": 1}])
    with pytest.raises(ForeignCollection):
        drop(Settings(db_uri=str(tmp_path / "db")))
    assert lancedb.connect(tmp_path / "db").open_table("documents").count_rows() == 1


def test_removing_from_a_database_that_is_not_there_does_not_make_one(tmp_path: Path) -> None:
    settings = Settings(db_uri=str(tmp_path / "none"))
    for action in (lambda: drop(settings), lambda: remove("x", settings)):
        with pytest.raises(CollectionNotFound):
            action()
    assert not (tmp_path / "none").exists()
