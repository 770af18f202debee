"""`vecstream config show` tells each setting's value and the layer that it comes from."""

import json
from pathlib import Path

import pytest

from vecstream_cli.cli.main import main
from vecstream_cli.keys import KEYS


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "vecstream.toml"
    path.write_text(
        'max-memory = "2G"\ndb-password-command = "printf hunter2"\ndb = "of-the-file"\n'
        '[jobs.docs]\npaths = "docs"\ndb = "of-the-job"\ncollection = "of-the-job"\n'
        '[jobs.notes]\npaths = "notes"\n'
    )
    return str(path)


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, object]]:
    """The lines of a `config show` that ends well."""
    assert main(["config", "show", *arguments, "--json"]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_each_value_is_shown_with_its_layer(
    file: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VECSTREAM_COLLECTION", "of-the-environment")
    lines = shown(capsys, "-c", file, "--job", "docs", "--limit", "7")
    found = {line["key"]: (line["value"], line["origin"]) for line in lines[:-1]}
    assert {key: pair for key, pair in found.items() if pair[1] != "default"} == {
        "paths": ([str(Path(file).parent / "docs")], "job"),
        "limit": (7, "flag"),
        "db": ("of-the-job", "job"),
        "db-password": ("*** (printed by a command)", "file"),
        "collection": ("of-the-environment", "environment"),
        "max-memory": (2 << 30, "file"),
    }
    assert list(found) == list(KEYS)
    assert found["model"] == ("minilm", "default")


def test_every_job_is_shown_where_none_is_named(
    file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = shown(capsys, "-c", file)
    paths = {line["job"]: line["value"] for line in lines if line.get("key") == "paths"}
    folder = Path(file).parent
    assert paths == {"docs": [str(folder / "docs")], "notes": [str(folder / "notes")]}


def test_a_password_in_the_uri_is_shown_as_hidden_and_as_given_there(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = shown(capsys, "--db-uri", "pg://me:hunter2@host/base?token=hunter3")
    values = {line.get("key"): (line["value"], line["origin"]) for line in lines if "key" in line}
    assert values["db-uri"] == ("pg://me@host/base?token=***", "flag")
    assert values["db-password"] == ("***", "flag")


def test_a_person_reads_a_line_for_each_setting(
    file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["config", "show", "-c", file, "--job", "notes"]) == 0
    first, *lines = capsys.readouterr().out.splitlines()
    assert first == f"Settings of {file}, job notes"
    assert [line.split()[0] for line in lines] == list(KEYS)
    assert "max-memory 2.0 GiB file" in [" ".join(line.split()) for line in lines]


def test_what_would_be_refused_is_refused_when_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "show", "--chunk-size", "3"]) == 2
    assert "--chunk-size must be at least 8" in capsys.readouterr().err


def test_another_action_is_answered_with_the_one_there_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["config", "shwo"]) == 2
    assert "Did you mean show?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flag", "value"), [("--ocr", "eng"), ("--ocr=deu+eng", "deu+eng"), ("--ocr=off", None)]
)
def test_ocr_may_stand_without_languages(
    flag: str, value: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = shown(capsys, flag, "--limit", "3")
    values = {line.get("key"): line.get("value") for line in lines}
    assert (values["ocr"], values["limit"]) == (value, 3)


def test_what_follows_ocr_is_no_language(capsys: pytest.CaptureFixture[str]) -> None:
    values = {line.get("key"): line.get("value") for line in shown(capsys, "--ocr", "docs")}
    assert (values["ocr"], values["paths"]) == ("eng", ["docs"])
