"""Milvus 2.3.5 in a network of its own: it binds every interface, so it gets none but loopback.

Run as a program: ``milvus_inside.py FOLDER``. It keeps its data in FOLDER and prints "ready" once
connections to the Unix socket FOLDER/socket reach the server. It ends with its parent.
"""

import contextlib
import ctypes
import fcntl
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

_PORT = 19530
# How often the parts of the server look at each other, in ms: tests make many small collections.
_QUICK = {
    "timeTickInterval": 20,
    "checkInterval": "50\n  checkChannelInterval: 50\n  checkSegmentInterval: 50",
    "distPullInterval": 50,
}
_CLONE_NEWUSER, _CLONE_NEWNET = 0x1000_0000, 0x4000_0000
_PR_SET_PDEATHSIG = 1
_SIOCSIFFLAGS, _IFF_UP, _IFF_RUNNING = 0x8914, 0x1, 0x40


def main() -> None:
    """The program's life."""
    folder = Path(sys.argv[1])
    leave_the_network()
    server = start(folder)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    try:
        wait_for(server)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(folder / "socket"))
        listener.listen(128)
        print("ready", flush=True)
        while True:
            relay(listener.accept()[0], lambda: socket.create_connection(("127.0.0.1", _PORT)))
    finally:
        server.kill()
        server.wait()


def leave_the_network() -> None:
    """Be alone with a loopback interface: as root, or as the root of a namespace of users."""
    libc = ctypes.CDLL(None, use_errno=True)
    wanted = _CLONE_NEWNET if os.geteuid() == 0 else _CLONE_NEWNET | _CLONE_NEWUSER
    if libc.unshare(wanted) != 0:
        raise OSError(ctypes.get_errno(), "this machine lends no network namespace")
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        up = struct.pack("16sH14x", b"lo", _IFF_UP | _IFF_RUNNING)
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, up)


def start(folder: Path) -> "subprocess.Popen[bytes]":
    """The server's process; its binary is unpacked into the folder."""
    import milvus  # type: ignore[import-not-found]

    config = milvus.MilvusServerConfig(data_dir=str(folder))
    config.set("authorization_enabled", True)
    config.resolve()
    settings = folder / "configs" / "milvus.yaml"
    text = settings.read_text()
    for name, told in _QUICK.items():
        text = re.sub(rf"(?m)^  {name}: \d+", f"  {name}: {told}", text)
    settings.write_text(text)
    milvus._initialize_data_files(str(folder))
    binary = folder / "bin" / "milvus"
    environment = os.environ | {
        "DEPLOY_MODE": "STANDALONE",
        "MILVUS_RUN_DIR": str(folder / "run"),
        "LD_LIBRARY_PATH": str(binary.parent),
    }
    libc = ctypes.CDLL(None)
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            [str(binary), "run", "standalone"],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=log,
            preexec_fn=lambda: libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL),
        )


def wait_for(server: "subprocess.Popen[bytes]") -> None:
    """Return once the server says that it is healthy."""
    while server.poll() is None:
        with (
            contextlib.suppress(OSError),
            urllib.request.urlopen("http://127.0.0.1:9091/healthz", timeout=5) as answer,
        ):
            if b"OK" in answer.read():
                return
        time.sleep(0.1)
    raise SystemExit(f"the server ended with {server.returncode}")


def relay(one: socket.socket, connect: Callable[[], socket.socket]) -> None:
    """Join a connection with another, by two threads that end with it."""

    def run() -> None:
        with contextlib.suppress(OSError), one, connect() as other:
            back = threading.Thread(target=pump, args=(other, one), daemon=True)
            back.start()
            pump(one, other)
            back.join()

    threading.Thread(target=run, daemon=True).start()


def pump(source: socket.socket, target: socket.socket) -> None:
    """Hand on what comes, until either side ends; then both do."""
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
    for each in (source, target):
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


if __name__ == "__main__":
    main()
