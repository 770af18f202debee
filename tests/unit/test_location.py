"""Proves where a collection's manifest and lock lie."""

from pathlib import Path

import pytest

from vecstream_cli.state.location import locate


def test_an_embedded_database_keeps_them_beside_its_data(tmp_path: Path) -> None:
    place = locate("lance", None, "documents", tmp_path / "db")
    assert place.manifest == tmp_path / "db" / ".vecstream" / "documents.sqlite3"
    assert place.lock == tmp_path / "db" / ".vecstream" / "documents.lock"
    assert not (tmp_path / "db").exists()


def test_a_relative_folder_stays_where_it_was_when_the_process_moves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    place = locate("lance", None, "documents", Path("db"))
    assert place.manifest == tmp_path / "db" / ".vecstream" / "documents.sqlite3"


@pytest.fixture
def state_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path


def test_a_server_s_lie_in_the_user_s_state_directory(state_home: Path) -> None:
    place = locate("pgvector", "postgresql://host/base", "documents", None)
    assert place.manifest.is_relative_to(state_home)
    assert place.lock.parent == place.manifest.parent


def test_a_slash_at_the_end_leads_to_the_same_place(state_home: Path) -> None:
    one, other = (locate("qdrant", uri, "documents", None) for uri in ("http://h:1", "http://h:1/"))
    assert one == other


def test_a_new_password_leads_to_the_same_place(state_home: Path) -> None:
    places = {
        locate("pgvector", f"postgresql://{secret}host:1/base{query}", "documents", None)
        for secret in ("", "me@", "me:old@", "me:new@")
        for query in ("", "?sslmode=require")
    }
    assert len(places) == 1


@pytest.mark.parametrize(
    "uri",
    [
        "postgresql://host/other",
        "postgresql://host2/base",
        "postgresql://host/base?dbname=other",
        None,
    ],
)
def test_another_database_has_another_place(state_home: Path, uri: str | None) -> None:
    one = locate("pgvector", "postgresql://host/base", "documents", None)
    assert locate("pgvector", uri, "documents", None) != one
    assert locate("qdrant", "postgresql://host/base", "documents", None) != one
