"""The whole ring against a real database server: slow, away for a while, held, and asked to keep
a secret."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
from conftest import Running, prose, wait_until, write_documents
from servers import IntoServer
from servers import into_postgres as into_postgres
from servers import postgres as postgres

from vecstream_cli.adapters.lease import Holder
from vecstream_cli.testing import Proxy

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def proxy(into_postgres: IntoServer) -> Iterator[Proxy]:
    """Stands in front of the server from now on; the manifest stays the direct way's."""
    port = urlsplit(into_postgres.uri).port
    assert port is not None
    with Proxy("127.0.0.1", port) as between:
        into_postgres.uri = into_postgres.uri.replace(f":{port}/", f":{between.port}/")
        yield between


def test_memory_stays_flat_before_a_server_a_hundred_times_slower(
    into_postgres: IntoServer, proxy: Proxy, record_property: Callable[[str, object], None]
) -> None:
    # Given a corpus of many times the ring's size
    docs = into_postgres.folder / "docs"
    write_documents(docs, 120, words=900)
    options = ("--buffer", "8", "--parsers", "1")
    fast = into_postgres.index(docs, *options)
    assert fast.code == 0, fast.err
    into_postgres.forget()
    for file in into_postgres.manifests.iterdir():
        file.unlink()
    # When each byte takes a hundred times as long as it did while rows were written
    rows = fast.summary["chunks_written"]
    size = rows * 1200
    proxy.bytes_per_second = size / (100 * 0.03)
    slow = into_postgres.index(docs, *options)
    # Then all of it is written, by a writer that is busier with it, and in the same memory
    assert slow.code == 0, slow.err
    assert slow.summary["chunks_written"] == rows
    peaks = [done.summary["peak_memory_bytes"] / 1e6 for done in (fast, slow)]
    told = f"{rows} rows in {fast.summary['seconds']:.1f} s and {slow.summary['seconds']:.1f} s"
    record_property("slow server", f"{told}, peaks of {peaks[0]:.0f} and {peaks[1]:.0f} MB")
    assert slow.summary["writer_busy"] > fast.summary["writer_busy"]
    assert peaks[1] < peaks[0] * 1.1 + 10


def test_a_server_that_is_away_for_a_moment_costs_nothing(
    into_postgres: IntoServer, proxy: Proxy
) -> None:
    docs = into_postgres.folder / "docs"
    write_documents(docs, 60, words=600)
    run = into_postgres.start(docs, "--buffer", "6", "--parsers", "1")
    _some_are_written(run, into_postgres)
    proxy.down()
    time.sleep(2)
    proxy.up()
    done = run.finish()
    assert done.code == 0, done.err
    assert {row["path"] for row in into_postgres.rows("path")} == {p.name for p in docs.iterdir()}
    assert into_postgres.index(docs).summary["chunks_embedded"] == 0


def test_a_server_that_stays_away_ends_the_run_and_the_next_one_goes_on(
    into_postgres: IntoServer, proxy: Proxy
) -> None:
    docs = into_postgres.folder / "docs"
    write_documents(docs, 60, words=600)
    into_postgres.options = ("deadline=2",)
    run = into_postgres.start(docs, "--buffer", "6", "--parsers", "1")
    _some_are_written(run, into_postgres)
    proxy.down()
    done = run.finish()
    assert done.code == 1
    (error,) = [line for line in done.lines if line["type"] == "error"]
    assert str(proxy.port) in error["message"]
    proxy.up()
    again = into_postgres.index(docs)
    assert again.code == 0, again.err
    assert again.summary["documents_unchanged"] > 0
    assert {row["path"] for row in into_postgres.rows("path")} == {p.name for p in docs.iterdir()}
    assert into_postgres.is_tidy()


def test_a_run_of_another_machine_refuses_ours_and_says_who_it_is(
    into_postgres: IntoServer, docs: Path
) -> None:
    assert into_postgres.index(docs).code == 0
    other = replace(Holder.ours("vecstream index"), host="elsewhere", machine="another")
    with into_postgres.adapter(read_only=False) as adapter:
        assert adapter.swap_lock(None, other.text())
        before = into_postgres.rows("id", "attempt")
        (docs / "new.md").write_text(prose(100))
        done = into_postgres.index(docs)
        assert done.code == 11
        assert "elsewhere" in done.err + done.out
        assert into_postgres.rows("id", "attempt") == before
        assert adapter.swap_lock(other.text(), None)
    assert into_postgres.index(docs).code == 0


def test_what_a_killed_run_held_is_taken_at_once_on_the_same_machine(
    into_postgres: IntoServer, docs: Path
) -> None:
    run = into_postgres.start(docs, "--buffer", "6")
    _some_are_written(run, into_postgres)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    assert not into_postgres.is_tidy()
    assert into_postgres.index(docs).code == 0
    assert into_postgres.is_tidy()


@pytest.mark.parametrize("right", [True, False], ids=["let in", "refused"])
def test_the_password_stands_nowhere(
    into_postgres: IntoServer, docs: Path, tmp_path: Path, right: bool
) -> None:
    password = str(into_postgres.password) if right else "wr0ng&/@%:#pa55"
    del into_postgres.environment["VECSTREAM_DB_PASSWORD"]
    secret = tmp_path / "secret"
    secret.write_text(f"{password}\n")
    log, metrics = tmp_path / "log", tmp_path / "metrics"
    run = into_postgres.start(
        docs, "--db-password-file", secret, "--log-file", log, "--metrics-file", metrics,
        "--debug",
    )  # fmt: skip
    lines = set[str]()
    while psutil.pid_exists(run.pid) and psutil.Process(run.pid).status() != "zombie":
        lines |= set(_command_lines(run.pid))
        time.sleep(0.05)
    done = run.finish()
    assert done.code == (0 if right else 12), done.err
    assert len(lines) > 1
    kept = [path for path in tmp_path.rglob("*") if path.is_file() and path != secret]
    assert {log, metrics} <= set(kept)
    said = [done.out, done.err, *lines, json.dumps(done.lines)]
    for needle in (password, "wr0ng", password[:-1]):
        assert not [text for text in said if needle in text]
        assert not [path for path in kept if needle.encode() in path.read_bytes()]


def _some_are_written(run: Running, vecstream: IntoServer) -> None:
    wait_until(lambda: vecstream.exists() and vecstream.rows("id"))
    assert psutil.pid_exists(run.pid)


def _command_lines(pid: int) -> Iterator[str]:
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == pid:
                yield " ".join(process.cmdline())
        except (psutil.Error, ProcessLookupError, PermissionError):
            continue


def test_a_search_finds_by_words_and_within_a_filter_and_status_knows_the_collection(
    into_postgres: IntoServer,
) -> None:
    docs = into_postgres.folder / "docs"
    docs.mkdir()
    for number in range(20):
        word, author = ("zzqx" if number == 17 else "plain"), ("Ann" if number % 2 else "Bob")
        text = f"---\nauthor: {author}\n---\nthe ring holds slots of {word} text {number}\n"
        (docs / f"{number}.md").write_text(text)
    assert into_postgres.index(docs).code == 0

    def asked(*arguments: str) -> list[dict[str, Any]]:
        command = [sys.executable, "-m", "vecstream_cli", *arguments, *into_postgres.place()]
        done = into_postgres.run([*command, "--json"])
        assert done.code == 0, done.err
        return done.lines[:-1]

    assert asked("search", "zzqx", "--hybrid")[0]["path"] == "17.md"
    found = asked("search", "slots of text", "--where", "author = 'Ann'", "-k", "50")
    assert {hit["path"] for hit in found} == {f"{number}.md" for number in range(1, 20, 2)}
    command = [sys.executable, "-m", "vecstream_cli", "status", "--json"]
    done = into_postgres.run([*command, "--db", "pgvector", "--db-uri", into_postgres.uri])
    assert [line["name"] for line in done.lines[:-1]] == [into_postgres.collection]
