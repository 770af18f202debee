"""Proves that one run at a time holds a collection, whatever happens to its processes."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from vecstream_cli.errors import CollectionLocked, ExitCode, ManifestError
from vecstream_cli.state.filesystem import network_file_system
from vecstream_cli.state.lock import CollectionLock


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".vecstream" / "documents.lock"


@contextmanager
def another_run(path: Path, then: str = "sys.stdin.read()") -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock, then runs `then`."""
    script = f"""
import os, subprocess, sys
from pathlib import Path
from vecstream_cli.state.lock import CollectionLock
lock = CollectionLock.acquire(Path({str(path)!r}), command="vecstream index ./docs")
print("held", flush=True)
{then}
"""
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_second_run_is_refused_and_told_who_holds_the_collection(path: Path) -> None:
    with another_run(path) as other, pytest.raises(CollectionLocked) as caught:
        CollectionLock.acquire(path)
    assert caught.value.exit_code is ExitCode.LOCKED
    assert "vecstream index ./docs" in caught.value.message
    assert str(other.pid) in caught.value.message
    assert " since 20" in caught.value.message


def test_a_run_that_was_killed_holds_nothing(path: Path) -> None:
    with another_run(path) as other:
        other.kill()
        other.wait()
    CollectionLock.acquire(path).release()


def test_waiting_gets_the_lock_when_the_other_ends(path: Path) -> None:
    with another_run(path, then="import time; time.sleep(0.3)"):
        CollectionLock.acquire(path, wait=60).release()


def test_a_child_that_inherited_the_lock_keeps_it_after_its_parent_died(path: Path) -> None:
    then = """
child = subprocess.Popen(["cat"], stdin=sys.stdin, pass_fds=[lock.fd])
print(child.pid, flush=True)
os.kill(os.getpid(), 9)
"""
    with another_run(path, then) as other:
        other.wait()
        with pytest.raises(CollectionLocked, match="writer is still finishing"):
            CollectionLock.acquire(path)
        assert other.stdin is not None
        other.stdin.close()  # the child ends
        CollectionLock.acquire(path, wait=60).release()


def test_a_released_lock_is_free_and_its_file_stays(path: Path) -> None:
    with CollectionLock.acquire(path) as lock:
        pass
    lock.release()
    assert path.exists()
    CollectionLock.acquire(path).release()


def test_a_run_of_two_collections_does_not_block_itself(path: Path) -> None:
    with CollectionLock.acquire(path), CollectionLock.acquire(path.with_name("other.lock")):
        pass


def test_a_garbled_lock_file_still_locks(path: Path) -> None:
    with another_run(path):
        path.write_bytes(b"\xff{")
        with pytest.raises(CollectionLocked, match="Another run"):
            CollectionLock.acquire(path)


@pytest.mark.parametrize("obstacle", ["folder", "link", "no folder"])
def test_a_lock_that_cannot_be_made_is_one_sentence(path: Path, obstacle: str) -> None:
    if obstacle == "folder":
        path.mkdir(parents=True)
    elif obstacle == "link":
        path.parent.mkdir()
        path.symlink_to(path.parent / "elsewhere")
    else:
        path.parent.write_text("not a folder")
    with pytest.raises(ManifestError) as caught:
        CollectionLock.acquire(path)
    assert "\n" not in caught.value.message


def test_a_local_file_system_gets_no_warning(path: Path) -> None:
    with CollectionLock.acquire(path) as lock:
        assert lock.warning is None


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home/me/db", None),
        ("/net/db", "nfs4"),
        ("/net/local/db", None),
        ("/net/localx", "nfs4"),
        ("/my share/db", "fuse.sshfs"),
    ],
)
def test_a_network_file_system_is_known_by_its_mount(
    tmp_path: Path, path: str, kind: str | None
) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        "22 1 0:20 / / rw - ext4 /dev/vda rw\n"
        "36 22 0:50 / /net rw,relatime shared:1 - nfs4 server:/ rw\n"
        "37 36 0:51 / /net/local rw - ext4 /dev/vdb rw\n"
        "38 22 0:52 / /my\\040share rw master:1 - fuse.sshfs host: rw\n"
    )
    assert network_file_system(Path(path), mounts) == kind


def test_where_mounts_are_not_told_nothing_is_known(tmp_path: Path) -> None:
    assert network_file_system(tmp_path, tmp_path / "missing") is None


def test_the_lock_is_not_inherited_by_accident(path: Path) -> None:
    with CollectionLock.acquire(path) as lock:
        assert not os.get_inheritable(lock.fd)
