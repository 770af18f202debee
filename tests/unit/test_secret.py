"""A secret is revealed where it is used and shown nowhere else."""

import copy
import json
import pickle
import sys
from pathlib import Path

import pytest

from vecstream_cli.errors import AuthenticationFailed, UsageError, VecstreamError
from vecstream_cli.hiding import hidden
from vecstream_cli.keys import KEYS, SECRET
from vecstream_cli.layers import gather, take_secrets, trace, warnings
from vecstream_cli.secret import Secret, joined, parted
from vecstream_cli.settings import Settings

AWKWARD = "p@ss/w%rd:#1?&="


def test_a_pickle_of_it_is_as_good_as_the_original() -> None:
    assert pickle.loads(pickle.dumps(Secret("hunter2"))).reveal() == "hunter2"
    assert copy.deepcopy(Secret("hunter2")) == Secret("hunter2")


def test_it_does_not_become_json() -> None:
    with pytest.raises(TypeError):
        json.dumps(Secret("hunter2"))


@pytest.mark.parametrize("content", ["hunter2", "hunter2\n", "hunter2\r\nand a comment\n"])
def test_a_file_holds_it_in_its_first_line(tmp_path: Path, content: str) -> None:
    file = tmp_path / "password"
    file.write_bytes(content.encode())
    assert Secret.from_file(file).reveal() == "hunter2"


def test_a_command_prints_it_first(tmp_path: Path) -> None:
    script = tmp_path / "with a space.py"
    script.write_text("print('hunter2')\nprint('more')")
    assert Secret.from_command(f'{sys.executable} "{script}"').reveal() == "hunter2"


def test_a_command_is_run_when_it_is_needed_and_once(tmp_path: Path) -> None:
    script, marks = tmp_path / "it.py", tmp_path / "marks"
    script.write_text(f"open({str(marks)!r}, 'a').write('x'); print('hunter2')")
    secret = Secret.from_command(f"{sys.executable} {script}")
    assert not marks.exists()
    assert secret.reveal() + secret.reveal() == "hunter2hunter2"
    assert marks.read_text() == "x"


@pytest.mark.parametrize("content", [None, b"", b"\nhunter2", b"\xff\xfe"])
def test_a_file_without_it_is_refused_by_name(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "password"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UsageError, match=str(file)):
        Secret.from_file(file).reveal()


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("/no/such/program --for hunter2", "No such file"),
        (f"{sys.executable} -c 'import sys; sys.exit(3)' hunter2", "it ended with 3"),
        (f"{sys.executable} -c pass hunter2", "its first line is empty"),
        (f"{sys.executable} -c 'print(1) hunter2", "No closing quotation"),
    ],
)
def test_a_command_that_fails_is_an_error_without_its_arguments(command: str, why: str) -> None:
    with pytest.raises(AuthenticationFailed, match=why) as refusal:
        Secret.from_command(command).reveal()
    assert "hunter2" not in f"{refusal.value.message} {refusal.value.hint}"


@pytest.mark.parametrize(
    ("uri", "bare", "password"),
    [
        ("postgresql://me:old@host:1/base", "postgresql://me@host:1/base", "old"),
        ("postgresql://:old@host", "postgresql://host", "old"),
        ("postgresql://me:a%40b%2Fc@host", "postgresql://me@host", "a@b/c"),
        ("pg:///?host=/run&password=old&dbname=x", "pg:///?host=/run&dbname=x", "old"),
        ("postgresql://me@host", "postgresql://me@host", None),
        ("./vecstream.lance", "./vecstream.lance", None),
        ("s3://bucket/path", "s3://bucket/path", None),
    ],
)  # fmt: skip
def test_a_password_comes_out_of_a_uri(uri: str, bare: str, password: str | None) -> None:
    found, secret = parted(uri)
    assert (found, secret and secret.reveal()) == (bare, password)


@pytest.mark.parametrize(
    "uri", ["postgresql://me@host:1/base?x=1", "postgresql://host", "http://[::1]:6333"]
)
def test_any_password_goes_into_a_uri_and_out_again(uri: str) -> None:
    whole = joined(uri, Secret(AWKWARD))
    assert whole is not None
    bare, secret = parted(whole)
    assert (bare, secret and secret.reveal()) == (uri, AWKWARD)


def test_a_folder_has_no_place_for_a_password() -> None:
    assert joined("./vecstream.lance", Secret("hunter2")) == "./vecstream.lance"
    assert joined(None, Secret("hunter2")) is None


@pytest.mark.parametrize(
    "text",
    [
        "cannot reach postgresql://me:pa55-word@host/base",
        "cannot reach postgresql://me:pa55-word/@x@host/base, or http://other",
        "host=h password=pa55-word dbname=x",
        "password = 'pa55-word two'",
        "http://host/?api_key=pa55-word&x=1",
    ],
)
def test_what_looks_like_a_password_is_hidden(text: str) -> None:
    assert "pa55-word" not in hidden(text)
    assert "***" in hidden(text)


def test_what_has_no_secret_stays_as_it_is() -> None:
    text = "postgresql://me@host:5432/base has 3 tokens at s3://bucket, mailto a@b"
    assert hidden(text) == text


def test_an_error_hides_every_secret_that_was_seen() -> None:
    Secret(AWKWARD)
    error = VecstreamError(f"refused {AWKWARD}", hint=f"not {AWKWARD}")
    assert AWKWARD not in f"{error} {error!r} {error.message} {error.hint}"


def test_a_password_in_a_uri_moves_out_of_it_in_the_settings() -> None:
    settings = Settings(db_uri="postgresql://me:hunter2@host/base")
    assert settings.db_uri == "postgresql://me@host/base"
    assert settings.endpoint.connection == "postgresql://me:hunter2@host/base"
    assert "hunter2" not in repr(settings)


def test_a_password_that_is_given_twice_is_refused() -> None:
    with pytest.raises(UsageError, match="given twice"):
        Settings(db_uri="postgresql://me:hunter2@host", db_password=Secret("hunter3"))


@pytest.mark.parametrize("key", [key for key, kind in KEYS.items() if kind is SECRET])
def test_a_secret_is_taken_from_a_value_a_file_or_a_command(key: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("hunter2")
    name = "VECSTREAM_" + key.upper().replace("-", "_")
    for variable, value in (
        (name, "hunter2"),
        (f"{name}_FILE", str(tmp_path / "file")),
        (f"{name}_COMMAND", "echo hunter2"),
    ):
        (secret,) = gather({}, environ={variable: value}).values()
        assert secret.reveal() == "hunter2"


def test_the_highest_layer_says_where_the_password_is(tmp_path: Path) -> None:
    file = tmp_path / "vecstream.toml"
    file.write_text('db-password-command = "echo hunter-file"')
    given = gather({}, environ={"VECSTREAM_DB_PASSWORD": "hunter-env"}, config=str(file))
    assert given["db_password"].reveal() == "hunter-env"


def test_one_layer_cannot_give_it_twice() -> None:
    environ = {"VECSTREAM_DB_PASSWORD": "hunter2", "VECSTREAM_DB_PASSWORD_FILE": "x"}
    with pytest.raises(UsageError, match="for a second time") as refusal:
        gather({}, environ=environ)
    assert "hunter2" not in str(refusal.value)


def test_a_wrong_value_of_a_secret_is_not_repeated(tmp_path: Path) -> None:
    file = tmp_path / "vecstream.toml"
    file.write_text("db-password = 123456")
    with pytest.raises(UsageError, match="must be a text") as refusal:
        gather({}, environ={}, config=str(file))
    assert "123456" not in str(refusal.value)


def test_the_environment_is_freed_of_secrets_and_of_nothing_else() -> None:
    secret = {"VECSTREAM_DB_PASSWORD": "hunter2", "VECSTREAM_DB_URI": "pg://me:hunter2@host"}
    other = {"VECSTREAM_LIMIT": "1", "PATH": "/bin", "VECSTREAM_DB_PASSWORD_FILE": "f"}
    environ = secret | other
    before = dict(environ)
    assert take_secrets(environ) == before
    assert environ == other


def test_a_password_in_a_uri_is_warned_of_with_the_better_way() -> None:
    given = trace({"db-uri": "pg://me:hunter2@host"}, environ={}, file=None, job=None)
    ((reason, sentence),) = warnings(given, None)
    assert reason == "password-in-uri"
    assert "VECSTREAM_DB_PASSWORD" in sentence
    assert "hunter2" not in sentence


@pytest.mark.parametrize(("mode", "warned"), [(0o600, False), (0o640, True)])
def test_a_file_with_a_secret_that_others_can_read_is_warned_of(
    tmp_path: Path, mode: int, warned: bool
) -> None:
    from vecstream_cli.config_file import read_config

    path = tmp_path / "vecstream.toml"
    path.write_text('[jobs.a]\ndb-password = "hunter2"')
    path.chmod(mode)
    file = read_config(path)
    found = list(warnings(trace({}, environ={}, file=file, job=None), file))
    assert bool(found) is warned
