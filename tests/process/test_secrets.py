"""A database's password is known to its client alone: it stands nowhere else, whatever happens."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import psutil
import pytest
from conftest import Finished, Vecstream, write_documents

PASSWORD = "tr0ub4dor&3/@%:#"
QUOTED = "tr0ub4dor%263%2F%40%25%3A%23"

# A database behind a login, by another package: Lance tables below the folder that the URI names.
ADAPTER = f"""
from pathlib import Path
from urllib.parse import unquote, urlsplit
from vecstream_cli.adapters.lance.adapter import LanceAdapter
from vecstream_cli.endpoint import Endpoint

class Guarded(LanceAdapter):
    name = "guarded"

    @classmethod
    def open(cls, database, collection, *, read_only):
        uri = database.connection
        parts = urlsplit(uri)
        if (parts.username, unquote(parts.password or "")) != ("me", {PASSWORD!r}):
            # As clients do that mean well: everything they know is in the message.
            raise RuntimeError(f"login failed for {{uri}} with {{unquote(parts.password or '')}}")
        inner = Endpoint(name="lance", uri=parts.path)
        return super().open(inner, collection, read_only=read_only)

    @classmethod
    def local_folder(cls, uri):
        return None

    @classmethod
    def state_token(cls, uri, collection):
        return None
"""


@pytest.fixture
def guarded(vecstream: Vecstream) -> Vecstream:
    """The command, with the package that brings the database, and a home of its own."""
    package = vecstream.folder / "package"
    info = package / "guarded-0.dist-info"
    info.mkdir(parents=True)
    (package / "guarded.py").write_text(ADAPTER)
    (info / "METADATA").write_text("Name: guarded\nVersion: 0\n")
    (info / "entry_points.txt").write_text("[vecstream.adapters]\nguarded = guarded:Guarded\n")
    paths = [str(package), os.environ.get("PYTHONPATH", "")]
    home = vecstream.folder / "home"
    vecstream.environment |= {
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "HOME": str(home),
        "XDG_STATE_HOME": str(home / "state"),
        "XDG_CONFIG_HOME": str(home / "config"),
        "VECSTREAM_DB": "guarded",
        "VECSTREAM_DB_URI": f"guarded://me@host{vecstream.folder}/tables",
    }
    return vecstream


def verb(vecstream: Vecstream, *arguments: str | Path, **environment: str) -> Finished:
    command = [sys.executable, "-m", "vecstream_cli", *map(str, arguments)]
    return vecstream.run(command, environment)


def index(vecstream: Vecstream) -> tuple[str, ...]:
    return ("index", str(vecstream.folder / "docs"), "--model", str(vecstream.model))


def ways(folder: Path) -> Mapping[str, Mapping[str, str]]:
    """The ways to give the password, as environments."""
    file = folder / "password"
    file.write_text(PASSWORD + "\n")
    return {
        "value": {"VECSTREAM_DB_PASSWORD": PASSWORD},
        "file": {"VECSTREAM_DB_PASSWORD_FILE": str(file)},
        "command": {"VECSTREAM_DB_PASSWORD_COMMAND": f"cat '{file}'"},
        "uri": {"VECSTREAM_DB_URI": f"guarded://me:{QUOTED}@host{folder}/tables"},
    }


def exposed(text: str) -> list[str]:
    """The lines of a text that give the password away."""
    return [line for line in text.splitlines() if "tr0ub4dor" in line]


def files_that_tell(folder: Path) -> list[Path]:
    """The files below a folder, but the test's own, that hold the password."""
    return [
        path
        for path in folder.rglob("*")
        if path.is_file()
        and "package" not in path.parts
        and path.name != "password"
        and b"tr0ub4dor" in path.read_bytes()
    ]


@pytest.mark.parametrize("way", ["value", "file", "command", "uri"])
def test_a_run_reaches_its_database_and_nothing_it_leaves_or_says_holds_the_password(
    guarded: Vecstream, way: str
) -> None:
    write_documents(guarded.folder / "docs", 3)

    written = ("--log-file", "home/run.log", "--metrics-file", "home/run.prom")
    (guarded.folder / "home").mkdir()

    done = verb(
        guarded, *index(guarded), "--json", "--debug", *written, **ways(guarded.folder)[way]
    )

    assert done.code == 0, done.err
    assert all((guarded.folder / name).stat().st_size for name in written[1::2])
    assert done.summary["documents_new"] == 3
    assert exposed(done.out + done.err) == []
    assert files_that_tell(guarded.folder) == []
    assert ("password-in-uri" in done.out) is (way == "uri")


def test_no_other_command_tells_the_password(guarded: Vecstream) -> None:
    write_documents(guarded.folder / "docs", 3)
    environment = {"VECSTREAM_DB_PASSWORD": PASSWORD}

    done = [
        verb(guarded, *arguments, **environment)
        for arguments in (
            index(guarded),
            ("search", "keys", "--model", guarded.model),
            ("status", "--json"),
            ("check", "--json"),
            ("config", "show"),
            ("config", "show", "--json"),
            ("drop", "documents", "--yes"),
        )
    ]

    assert [each.code for each in done] == [0] * len(done), [each.err for each in done]
    assert [exposed(each.out + each.err) for each in done] == [[]] * len(done)


@pytest.mark.parametrize("mode", ["", "--debug", "--json"])
def test_a_client_s_error_is_told_without_the_password(guarded: Vecstream, mode: str) -> None:
    arguments = ("search", "keys", *filter(None, [mode]))
    done = verb(guarded, *arguments, VECSTREAM_DB_PASSWORD="not-the-right-one&%")
    assert done.code == 1
    assert "login failed for guarded://me:***@host" in done.err
    assert ("Traceback" in done.err) is (mode == "--debug")
    assert "not-the-right-one" not in done.out + done.err


def test_the_writer_s_error_is_told_without_the_password_in_its_traceback_too(
    guarded: Vecstream,
) -> None:
    write_documents(guarded.folder / "docs", 1)
    log = guarded.folder / "log"
    wrong = {"VECSTREAM_DB_PASSWORD": "not-the-right-one&%"}
    done = verb(guarded, *index(guarded), "--debug", "--log-file", log, **wrong)
    assert done.code == 1
    assert "login failed for guarded://me:***@host" in log.read_text()
    assert "not-the-right-one" not in log.read_text()
    assert done.err.count("login failed for guarded://me:***@host") >= 2
    assert "not-the-right-one" not in done.out + done.err


def test_a_run_s_processes_show_the_password_neither_in_arguments_nor_in_variables(
    guarded: Vecstream,
) -> None:
    write_documents(guarded.folder / "docs", 40, words=1000)
    command = [
        sys.executable,
        "-m",
        "vecstream_cli",
        "index",
        "docs",
        "--model",
        str(guarded.model),
    ]
    environment = {**os.environ, **guarded.environment, "VECSTREAM_DB_PASSWORD": PASSWORD}

    run = subprocess.Popen(
        command, cwd=guarded.folder, env=environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    seen: set[int] = set()
    lists, variables = [], []
    while run.poll() is None:
        lines = (one.info["cmdline"] or [] for one in psutil.process_iter(["cmdline"]))
        lists.append("\n".join(" ".join(line) for line in lines))  # as `ps axww` has them
        for child in psutil.Process(run.pid).children(recursive=True) if run.poll() is None else []:
            try:
                variables.append(child.environ())
            except psutil.Error:
                continue
            seen.add(child.pid)
        time.sleep(0.05)

    assert run.returncode == 0
    assert len(seen) >= 3  # a parser, inference and the writer
    assert any(" ".join(command) in text for text in lists)
    assert [exposed(text) for text in lists if exposed(text)] == []
    assert [one for one in variables if exposed(str(one))] == []


def test_a_schedule_holds_no_password_and_says_that_a_variable_is_not_there_at_night(
    guarded: Vecstream,
) -> None:
    file = guarded.folder / "vecstream.toml"
    file.write_text(
        f'paths = "docs"\ndb = "guarded"\ndb-uri = "guarded://me:{QUOTED}@host/x"\n'
        f'[jobs.a]\n[jobs.b]\ncollection = "b"\n'
    )
    file.chmod(0o600)

    units = verb(guarded, "schedule", "-c", file, "--kind", "systemd", "--install",
                 VECSTREAM_DB_URI="", VECSTREAM_DB_PASSWORD=PASSWORD)  # fmt: skip
    cron = verb(guarded, "schedule", "-c", file, "--kind", "cron", "--json")

    assert (units.code, cron.code) == (0, 0), units.err + cron.err
    assert "VECSTREAM_DB_PASSWORD is set here, and will not be then" in units.err
    written = list((guarded.folder / "home" / "config").rglob("vecstream.*"))
    assert len(written) == 2
    texts = [path.read_text() for path in written]
    texts += [done.out + done.err for done in (units, cron)]
    assert [exposed(text) for text in texts] == [[]] * 4


def test_a_password_that_is_not_to_be_had_is_said_before_anything_is_done(
    guarded: Vecstream,
) -> None:
    write_documents(guarded.folder / "docs", 1)
    done = verb(guarded, "index", "docs", "--model", guarded.model,
                VECSTREAM_DB_PASSWORD_COMMAND="/bin/false --for db")  # fmt: skip
    assert done.code == 12
    assert "The command for a secret (/bin/false …) failed: it ended with 1." in done.err
    assert not (guarded.folder / "tables").exists()
