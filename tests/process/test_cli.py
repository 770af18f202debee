"""The real command as a subprocess: exit codes, streams, signals, terminals."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pexpect
import pytest

VECSTREAM = [sys.executable, "-m", "vecstream_cli"]


def vecstream(
    *arguments: str, cwd: Path, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command off any terminal."""
    mine = {name: v for name, v in os.environ.items() if not name.startswith("VECSTREAM_")}
    return subprocess.run(
        [*VECSTREAM, *arguments],
        cwd=cwd,
        env=mine | dict(environment or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def on_a_terminal(*arguments: str, cwd: Path, columns: int = 80) -> pexpect.spawn:
    """Run the command on a terminal of its own."""
    return pexpect.spawn(
        VECSTREAM[0],
        [*VECSTREAM[1:], *arguments],
        cwd=str(cwd),
        env=os.environ | {"TERM": "xterm-256color"},
        dimensions=(24, columns),
        encoding="utf-8",
        timeout=30,
    )


def ending(child: pexpect.spawn) -> tuple[int | None, str]:
    """The exit code and all that was shown, without colours."""
    child.expect(pexpect.EOF)
    child.close()
    return child.exitstatus, re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", str(child.before))


def test_the_console_script_and_the_module_are_the_same_command(tmp_path: Path) -> None:
    script = Path(sys.executable).with_name("vecstream")
    shown = subprocess.run(
        [script, "--version"], capture_output=True, text=True, timeout=60, check=True
    )
    assert shown.stdout == vecstream("--version", cwd=tmp_path).stdout
    assert re.fullmatch(r"vecstream \d+\.\d+\.\d+\S*\n", shown.stdout)


def test_a_wrong_command_line_ends_with_2_and_leaves_standard_output_alone(tmp_path: Path) -> None:
    done = vecstream("index", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Error: Nothing was named to index.\n")


def test_the_environment_is_a_layer(tmp_path: Path) -> None:
    done = vecstream("status", cwd=tmp_path, environment={"VECSTREAM_DB_URI": "./elsewhere"})
    assert done.returncode == 10
    assert f"{tmp_path}/elsewhere" in done.stderr


def test_a_configuration_file_is_a_layer(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "vecstream.toml").write_text('db-uri = "./beside"\n')
    done = vecstream("status", "-c", "etc/vecstream.toml", cwd=tmp_path)
    assert f"{tmp_path}/etc/beside" in done.stderr


def test_a_wrong_variable_is_answered_with_the_right_one(tmp_path: Path) -> None:
    done = vecstream("status", cwd=tmp_path, environment={"VECSTREAM_DBURI": "x"})
    assert done.returncode == 2
    assert "Did you mean VECSTREAM_DB_URI?" in done.stderr


def test_debug_shows_where_an_error_came_from(tmp_path: Path) -> None:
    plain = vecstream("status", cwd=tmp_path).stderr
    debug = vecstream("status", "--debug", cwd=tmp_path).stderr
    assert "Traceback" not in plain
    assert "Traceback" in debug


def test_without_a_colour_terminal_no_escape_sequence_is_written(tmp_path: Path) -> None:
    done = vecstream("search", "x", cwd=tmp_path)
    assert done.returncode == 10
    assert "\x1b" not in done.stdout + done.stderr


def test_no_color_is_obeyed_on_a_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with on_a_terminal("status", cwd=tmp_path) as child:
        child.expect(pexpect.EOF)
        assert "\x1b[1;31m" in str(child.before)
    monkeypatch.setenv("NO_COLOR", "1")
    with on_a_terminal("status", cwd=tmp_path) as child:
        child.expect(pexpect.EOF)
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", str(child.before))


def test_output_that_cannot_be_written_is_a_failure(tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*VECSTREAM, "status", "--json"],
            cwd=tmp_path,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert done.returncode == 1


def test_a_reader_that_has_left_is_no_reason_to_complain(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [*VECSTREAM, "status", "--json"],
        cwd=tmp_path,
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    os.close(writing)
    assert done.returncode == 10
    assert done.stderr.count("\n") == 2  # the sentence and the hint, and nothing else


@pytest.mark.parametrize("descriptor", [1, 2])
def test_a_closed_stream_is_no_reason_to_complain(descriptor: int, tmp_path: Path) -> None:
    done = subprocess.run(
        ["bash", "-c", f'exec {descriptor}>&-; exec "$@"', "bash", *VECSTREAM, "status"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 10
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_question_quietly(number: signal.Signals, tmp_path: Path) -> None:
    # given a command that waits for an answer on its terminal
    make_one(tmp_path)
    child = on_a_terminal("drop", "documents", "--db-uri", "db", cwd=tmp_path)
    child.expect(re.escape("[y/N]"))
    # when the signal comes
    child.kill(number)
    # then it ends at once, with the signal's exit code and without another word
    code, text = ending(child)
    assert code == 128 + number
    assert text.strip() == ""
    assert (tmp_path / "db" / "documents.lance").is_dir()


def test_a_collection_is_dropped_only_after_a_yes(tmp_path: Path) -> None:
    make_one(tmp_path)
    table = tmp_path / "db" / "documents.lance"
    for answer, dropped in (("n", False), ("", False), ("y", True)):
        child = on_a_terminal("drop", "documents", "--db-uri", "db", cwd=tmp_path)
        child.expect(re.escape("Delete the collection documents with 3 chunks? [y/N]"))
        child.sendline(answer)
        code, text = ending(child)
        assert code == 0
        assert ("Deleted the collection" in text) is dropped
        assert table.exists() is not dropped


def test_documents_are_removed_only_after_a_yes(tmp_path: Path) -> None:
    make_one(tmp_path)
    child = on_a_terminal("rm", "a", "--db-uri", "db", cwd=tmp_path)
    child.expect(re.escape("Remove 1 document from documents? [y/N]"))
    child.sendline("yes")
    code, text = ending(child)
    assert code == 0
    assert "Removed 1 document (3 chunks) at a." in text


def test_an_answer_that_never_comes_is_a_no(tmp_path: Path) -> None:
    make_one(tmp_path)
    child = on_a_terminal("drop", "documents", "--db-uri", "db", cwd=tmp_path)
    child.expect(re.escape("[y/N]"))
    child.sendeof()
    code, text = ending(child)
    assert code == 0
    assert "Nothing was deleted." in text


def test_yes_asks_nothing(tmp_path: Path) -> None:
    make_one(tmp_path)
    done = vecstream("drop", "documents", "--db-uri", "db", "--yes", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "Deleted the collection documents with 3 chunks.\n"


def make_one(folder: Path) -> None:
    """A collection of one document in ``db``."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))
    try:
        from made_collection import make
    finally:
        sys.path.pop(0)
    from vecstream_cli.settings import Settings

    make(Settings(db_uri=str(folder / "db")), {folder / "a": [b"one.md"]})
