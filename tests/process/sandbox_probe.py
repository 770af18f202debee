"""A parser that, before it goes, tries what a hijacked one would; spawned by tests."""

import errno
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

from vecstream_cli.pipeline.lifecycle import Inbox, Outbox
from vecstream_cli.pipeline.messages import Ready
from vecstream_cli.pipeline.parser import ParserConfig
from vecstream_cli.pipeline.parser import run as run_parser

FOLDER = "SANDBOX_PROBE_FOLDER"


def run(inbox: Inbox, outbox: Outbox, config: ParserConfig) -> None:
    """The real parser's life, then one more message: what came of each attempt."""
    run_parser(inbox, outbox, config)
    folder = Path(os.environ[FOLDER])
    outbox.send(Ready(0.0, {name: _told(attempt, folder) for name, attempt in ATTEMPTS.items()}))


def run_without_landlock(inbox: Inbox, outbox: Outbox, config: ParserConfig) -> None:
    """The same on a kernel that has seccomp alone."""
    _hide("landlock_create_ruleset", "landlock_restrict_self")
    run(inbox, outbox, config)


def run_without_locks(inbox: Inbox, outbox: Outbox, config: ParserConfig) -> None:
    """The same on a kernel that has neither Landlock nor seccomp, as far as it can tell."""
    _hide("landlock_create_ruleset", "landlock_restrict_self", "seccomp")
    run(inbox, outbox, config)


def _hide(*calls: str) -> None:
    from seccompy import Filter

    rules = Filter()
    for name in calls:
        rules.errno(name, errno.ENOSYS)
    rules.load()


def _told(attempt: Callable[[Path], object], folder: Path) -> str:
    try:
        return str(attempt(folder))
    except OSError as error:
        return errno.errorcode[error.errno or 0]


def _connect(kind: int) -> Callable[[Path], object]:
    return lambda folder: socket.socket(kind, socket.SOCK_STREAM).close()


def _in_a_thread(folder: Path) -> object:
    told: list[str] = []
    thread = threading.Thread(target=lambda: told.append(_told(_make, folder)))
    thread.start()
    thread.join()
    return told[0]


def _make(folder: Path) -> object:
    return (folder / "made").write_text("made")


def _make_by_another_program(folder: Path) -> object:
    line = f"echo made > {folder}/made-by-another"
    done = subprocess.run(["sh", "-c", line], capture_output=True, check=False)
    return done.returncode


def _program(folder: Path) -> object:
    done = subprocess.run(
        ["cat"], input=b"through a pipe", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        check=True,
    )  # fmt: skip
    return done.stdout.decode()


def _lazily(folder: Path) -> object:
    import colorsys

    return colorsys.__name__


ATTEMPTS: dict[str, Callable[[Path], object]] = {
    "tcp": _connect(socket.AF_INET),
    "tcp6": _connect(socket.AF_INET6),
    "udp": lambda folder: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close(),
    "unix": _connect(socket.AF_UNIX),
    "create": _make,
    "create in a thread": _in_a_thread,
    "create nameless": lambda folder: os.open(folder, os.O_TMPFILE | os.O_RDWR),
    "create by another program": _make_by_another_program,
    "overwrite": lambda folder: (folder / "precious").write_text("gone"),
    "append": lambda folder: os.open(folder / "precious", os.O_WRONLY | os.O_APPEND),
    "rename": lambda folder: (folder / "precious").rename(folder / "made"),
    "remove": lambda folder: (folder / "precious").unlink(),
    "mkdir": lambda folder: (folder / "made").mkdir(),
    "symlink": lambda folder: (folder / "made").symlink_to("precious"),
    "chmod": lambda folder: (folder / "precious").chmod(0o777),
    "kill": lambda folder: os.kill(os.getppid(), signal.SIGCONT),
    "read": lambda folder: (folder / "precious").read_text(),
    "list": lambda folder: sorted(path.name for path in folder.iterdir()),
    "null": lambda folder: Path(os.devnull).write_text("nothing"),
    "program": _program,
    "import": _lazily,
}
