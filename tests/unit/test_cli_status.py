"""status tells what is in a database, without opening it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from made_collection import CHUNKS, fail, make
from reports import HOSTILE

from vecstream_cli.api.status import status
from vecstream_cli.cli.main import main
from vecstream_cli.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(db_uri=str(tmp_path / "db"))
    make(settings, {tmp_path / "a": [b"one.md", b"two.md"], tmp_path / "b": [b"caf\xe9.md"]})
    return settings


def shown(settings: Settings, capsys: pytest.CaptureFixture[str], *more: str) -> str:
    assert main(["status", "--db-uri", str(settings.db_uri), *more]) == 0
    return capsys.readouterr().out


def test_status_tells_everything_about_a_collection(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = shown(settings, capsys)
    for fact in (
        f"documents  {tmp_path}/db",
        "documents  3",
        f"chunks     {3 * CHUNKS} · {3 * CHUNKS * 10} tokens",
        "model      minilm · 4 dimensions · chunks of 256 tokens",
        f"source     {tmp_path}/a",
        f"source     {tmp_path}/b",
        "· done after ",
        " s · 3 new",
        "on disk",
    ):
        assert fact in text


def test_status_opens_no_database(settings: Settings) -> None:
    # given a fresh interpreter
    program = (
        "import sys\nfrom vecstream_cli.cli.main import main\n"
        f"main(['status', '--db-uri', {settings.db_uri!r}])\n"
        "print(*{'lancedb', 'lance', 'pyarrow', 'torch', 'numpy', 'pydantic'} & sys.modules.keys(),"
        " file=sys.stderr)"
    )
    # when it shows the status
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    # then no database client came along
    assert "documents" in done.stdout
    assert done.stderr.split() == []


def test_a_failed_document_is_named_with_its_reason(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fail(settings, tmp_path / "b", b"caf\xe9.md", "It is broken.")
    text = " ".join(shown(settings, capsys).split())
    assert "1 document failed" in text
    assert f"{tmp_path}/b/caf\\xe9.md malformed It is broken. (an older version is kept)" in text


def test_a_hostile_name_or_message_cannot_steer_the_terminal(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fail(settings, tmp_path / "b", b"\x1b[31m\x07.md", HOSTILE.replace("\udcff", ""))
    assert "\x1b" not in shown(settings, capsys)


def test_json_has_the_same_facts_and_every_failure(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fail(settings, tmp_path / "b", b"caf\xe9.md", "It is broken.")
    collection, summary = map(json.loads, shown(settings, capsys, "--json").splitlines())
    assert collection["type"] == "collection"
    assert collection["name"] == "documents"
    assert collection["documents"] == 3
    assert collection["chunks"] == 3 * CHUNKS
    assert collection["facts"]["model"] == "minilm"
    assert collection["last_run"]["exit_code"] == 0
    assert [failure["path"] for failure in collection["failures"]] == ["caf\\xe9.md"]
    assert summary == {"type": "summary", "exit_code": 0, "collections": 1}


def test_every_collection_of_the_database_is_shown_unless_one_is_named(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make(Settings(db_uri=settings.db_uri, collection="documents.v2"), {tmp_path / "a": [b"x"]})
    assert "documents.v2  " in shown(settings, capsys)
    assert "documents.v2  " not in shown(settings, capsys, "--collection", "documents")


def test_the_size_on_disk_is_that_of_the_collection_alone(
    settings: Settings, tmp_path: Path
) -> None:
    make(Settings(db_uri=settings.db_uri, collection="documents.v2"), {tmp_path / "a": [b"x"]})
    sizes = {each.name: each.disk_bytes for each in status(db_uri=settings.db_uri)}
    tables = {
        name: sum(
            file.stat().st_size
            for file in (tmp_path / "db" / f"{name}.lance").rglob("*")
            if file.is_file()
        )
        for name in sizes
    }
    for name, size in sizes.items():
        assert size is not None
        manifest = (tmp_path / "db" / ".vecstream" / f"{name}.sqlite3").stat().st_size
        assert tables[name] + manifest <= size < tables[name] + 2 * manifest


def test_a_collection_that_is_not_there_is_exit_code_10(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status", "--db-uri", str(settings.db_uri), "--collection", "none"]) == 10
    assert "There is no collection 'none' in" in capsys.readouterr().err
    assert main(["status", "--db-uri", str(tmp_path / "none")]) == 10
    assert not (tmp_path / "none").exists()


def test_quiet_says_by_the_exit_code_alone_that_there_is_one(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert shown(settings, capsys, "--quiet") == ""
