"""A Milvus server for the tests, alone in its network, reached through a port of this machine."""

import contextlib
import importlib.util
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from adapters.servers import milvus_inside

PASSWORD = "Milvus"
"""Of the user ``root``."""
_SECONDS = 90


@contextlib.contextmanager
def server(folder: Path) -> Iterator[str]:
    """Milvus 2.3.5 that asks for credentials; gives its URI. Skips where it cannot be had."""
    if importlib.util.find_spec("milvus") is None:
        pytest.skip("no Milvus server: the package milvus is not installed (Linux x86-64 only)")
    with (folder / "errors").open("wb") as errors:
        program = subprocess.Popen(
            [sys.executable, milvus_inside.__file__, str(folder)],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    assert program.stdout is not None
    try:
        if _first_line(program) != "ready":
            why = (folder / "errors").read_text().strip().splitlines()[-1:] or ["no answer"]
            pytest.skip(f"no Milvus server: {why[0]}")
        with socket.create_server(("127.0.0.1", 0)) as listener:
            threading.Thread(target=_forward, args=(listener, folder), daemon=True).start()
            yield f"http://root@127.0.0.1:{listener.getsockname()[1]}"
    finally:
        program.terminate()
        program.wait(timeout=20)
        program.stdout.close()


def _first_line(program: "subprocess.Popen[str]") -> str:
    """What it prints first; nothing where it ends before, or takes too long."""
    assert program.stdout is not None
    timer = threading.Timer(_SECONDS, program.kill)
    timer.start()
    try:
        return program.stdout.readline().strip()
    finally:
        timer.cancel()


def _forward(listener: socket.socket, folder: Path) -> None:
    def inside() -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(folder / "socket"))
        return connection

    with contextlib.suppress(OSError):
        while True:
            milvus_inside.relay(listener.accept()[0], inside)
