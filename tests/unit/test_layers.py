"""Settings come in layers, and a key or value that cannot be is refused by name."""

from dataclasses import fields
from pathlib import Path

import pytest

from vecstream_cli.errors import UsageError
from vecstream_cli.keys import KEYS
from vecstream_cli.layers import gather
from vecstream_cli.settings import Buffer, Settings


def write(tmp_path: Path, text: str) -> str:
    file = tmp_path / "vecstream.toml"
    file.write_text(text)
    return str(file)


def test_every_setting_is_a_key_and_every_key_a_setting() -> None:
    assert set(KEYS) == {field.name.replace("_", "-") for field in fields(Settings)}


def test_what_no_layer_names_is_left_to_the_defaults() -> None:
    assert gather({"limit": None, "include": [], "paths": ()}, environ={}) == {}


def test_a_flag_wins_over_the_environment_which_wins_over_the_file(tmp_path: Path) -> None:
    # given a file that names three keys
    config = write(tmp_path, 'chunk-size = 100\nmodel = "of-the-file"\ncollection = "of-the-file"')
    # when the environment names two of them, and a flag one
    values = gather(
        {"collection": "of-the-flag"},
        environ={"VECSTREAM_MODEL": "of-the-env", "VECSTREAM_COLLECTION": "of-the-env"},
        config=config,
    )
    # then each comes from the highest layer that names it
    assert values == {"chunk_size": 100, "model": "of-the-env", "collection": "of-the-flag"}


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("max-memory", "1.5G", 3 << 29),
        ("buffer", "64", Buffer(slots=64)),
        ("buffer", "64M", Buffer(bytes=64 << 20)),
        ("parsers", "auto", None),
        ("parsers", "3", 3),
        ("lock-wait", "2.5", 2.5),
        ("max-duration", "2h", 7200.0),
        ("max-duration", "1h 30m", 5400.0),
        ("max-duration", "1d", 86_400.0),
        ("max-duration", "0.5H", 1800.0),
        ("max-duration", "45s", 45.0),
        ("max-load", "1.5", 1.5),
        ("nice", "10", 10),
        ("require", "a:b", (Path("a"), Path("b"))),
        ("hidden", "yes", True),
        ("archives", "yes", True),
        ("json-text", "/body/text", "/body/text"),
        ("checksum", "0", False),
        ("include", "*.md:*.rst", ("*.md", "*.rst")),
        ("paths", "a:b", (Path("a"), Path("b"))),
        ("limit", "12", 12),
    ],
)
def test_a_text_means_the_same_in_the_environment_and_as_a_flag(
    key: str, text: str, value: object
) -> None:
    name = key.replace("-", "_")
    variable = f"VECSTREAM_{name.upper()}"
    assert gather({}, environ={variable: text}) == {name: value}
    if not isinstance(value, tuple):
        assert gather({key: text}, environ={}) == {name: value}


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("max-memory = 1048576", "max_memory", 1 << 20),
        ('max-memory = "2G"', "max_memory", 2 << 30),
        ("buffer = 16", "buffer", Buffer(slots=16)),
        ("parsers = 2", "parsers", 2),
        ('parsers = "auto"', "parsers", None),
        ("hidden = true", "hidden", True),
        ("lock-wait = 3600", "lock_wait", 3600.0),
        ('lock-wait = "1h"', "lock_wait", 3600.0),
        ("max-load = 4", "max_load", 4.0),
        ('exclude = ["a:b", "c"]', "exclude", ("a:b", "c")),
        ('exclude = "a:b"', "exclude", ("a:b",)),
    ],
)
def test_the_file_takes_values_of_their_own_type(
    line: str, name: str, value: object, tmp_path: Path
) -> None:
    assert gather({}, environ={}, config=write(tmp_path, line)) == {name: value}


def test_paths_of_the_file_are_seen_from_its_folder(tmp_path: Path) -> None:
    config = write(
        tmp_path,
        'paths = ["docs", "/srv"]\nfiles-from = "list"\ndb-uri = "./here.lance"\nmodel = "org/it"\n'
        'require = "docs/mounted"',
    )
    assert gather({}, environ={}, config=config) == {
        "paths": (tmp_path / "docs", Path("/srv")),
        "files_from": str(tmp_path / "list"),
        "db_uri": str(tmp_path / "here.lance"),
        "model": "org/it",
        "require": (tmp_path / "docs" / "mounted",),
    }


def test_a_database_uri_that_is_no_relative_path_is_left_alone(tmp_path: Path) -> None:
    config = write(tmp_path, 'db-uri = "postgresql://host/db"')
    assert gather({}, environ={}, config=config) == {"db_uri": "postgresql://host/db"}


def test_naming_files_on_the_command_line_replaces_the_paths_of_the_file(tmp_path: Path) -> None:
    config = write(tmp_path, 'paths = ["docs"]\nlimit = 3')
    assert gather({"files-from": "-"}, environ={}, config=config) == {
        "files_from": "-",
        "limit": 3,
    }


def test_the_environment_can_name_the_file(tmp_path: Path) -> None:
    config = write(tmp_path, "limit = 3")
    assert gather({}, environ={"VECSTREAM_CONFIG": config}) == {"limit": 3}


def test_an_empty_variable_counts_as_unset() -> None:
    assert gather({}, environ={"VECSTREAM_LIMIT": "", "PATH": "/bin"}) == {}


def test_an_unknown_key_of_the_file_is_answered_with_the_nearest_right_one(tmp_path: Path) -> None:
    config = write(tmp_path, "chunk_size = 10")
    with pytest.raises(UsageError, match=r"'chunk_size' in .*vecstream.toml is not") as refusal:
        gather({}, environ={}, config=config)
    assert refusal.value.hint == "Did you mean chunk-size?"


def test_an_unknown_variable_is_answered_with_the_nearest_right_one() -> None:
    with pytest.raises(UsageError, match="'VECSTREAM_COLECTION' in the environment") as refusal:
        gather({}, environ={"VECSTREAM_COLECTION": "x"})
    assert refusal.value.hint == "Did you mean VECSTREAM_COLLECTION?"


def test_how_it_runs_this_once_is_said_on_the_command_line_only(tmp_path: Path) -> None:
    for key in ("json", "dry-run"):
        with pytest.raises(UsageError) as refusal:
            gather({}, environ={}, config=write(tmp_path, f"{key} = true"))
        assert refusal.value.hint == f"Pass --{key} on the command line."


@pytest.mark.parametrize(
    ("key", "raw", "expected"),
    [
        ("limit", "two", "a whole number"),
        ("max-memory", "lots", "a size"),
        ("buffer", "1", "at least 2 slots"),
        ("parsers", "many", "a whole number or auto"),
        ("lock-wait", "nan", "a number of seconds"),
        ("lock-wait", "-1", "a number of seconds"),
        ("max-duration", "2h30", "a number of seconds, or a time such as"),
        ("max-duration", "soon", "a number of seconds, or a time such as"),
        ("max-duration", "1m2h", "a number of seconds, or a time such as"),
        ("max-load", "inf", "a number"),
        ("nice", "1.5", "a whole number"),
        ("hidden", "perhaps", "true or false"),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused_by_the_name_it_was_given_under(
    key: str, raw: str, expected: str
) -> None:
    with pytest.raises(UsageError, match=f"--{key} must be {expected}"):
        gather({key: raw}, environ={})


@pytest.mark.parametrize("line", ["limit = true", "limit = 1.5", "paths = [1]", "model = 3"])
def test_a_toml_value_of_the_wrong_type_is_refused(line: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"in .*vecstream.toml must be"):
        gather({}, environ={}, config=write(tmp_path, line))


@pytest.mark.parametrize("content", [b"limit = ", b"\xff\xfe", b"limit = 1\nlimit = 2"])
def test_a_file_that_is_not_toml_is_refused_in_one_sentence(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "broken.toml"
    file.write_bytes(content)
    with pytest.raises(UsageError, match="is not valid TOML"):
        gather({}, environ={}, config=str(file))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There is no configuration file"):
        gather({}, environ={}, config=str(tmp_path / "none.toml"))


def test_a_folder_is_no_configuration_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        gather({}, environ={}, config=str(tmp_path))


@pytest.mark.parametrize(
    ("raw", "languages"),
    [("on", "eng"), ("1", "eng"), (True, "eng"), ("off", None), (False, None),
     ("deu", "deu"), ("eng+chi_sim", "eng+chi_sim"), ("script/Latin", "script/Latin")],
)  # fmt: skip
def test_ocr_is_a_switch_or_names_languages(raw: object, languages: str | None) -> None:
    assert gather({"ocr": raw}, environ={}).get("ocr") == languages


@pytest.mark.parametrize("raw", ["-eng", "eng,deu", "eng deu", "../eng", "eng+"])
def test_ocr_takes_nothing_that_tesseract_could_misread(raw: str) -> None:
    with pytest.raises(UsageError, match="--ocr"):
        gather({"ocr": raw}, environ={})
