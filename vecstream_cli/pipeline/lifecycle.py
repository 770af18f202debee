"""Birth and death of the ring's processes: spawn, death watch, channels, kill."""

import contextlib
import ctypes
import fcntl
import gc
import importlib
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from multiprocessing import current_process, get_context, reduction, resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from types import ModuleType
from typing import Any

from vecstream_cli.errors import InternalError
from vecstream_cli.lean import this_process_is_ours
from vecstream_cli.pipeline.messages import Message

_CONTEXT = get_context("spawn")
_TERMINAL_SIGNALS = {signal.SIGINT, signal.SIGHUP, signal.SIGTERM}
_PIPE_BYTES = 1 << 20  # room for every message that can be under way
_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_BURIAL_SECONDS = 10.0


class Inbox:
    """The receiving end of a one-way pipe: one reader, one sender."""

    def __init__(self, connection: "Connection[Any, Any]") -> None:
        self.connection = connection

    def recv(self) -> Message:
        """The next message, waiting for it. Raises EOFError when the sender is gone."""
        message: Message = self.connection.recv()
        return message

    def poll(self) -> bool:
        """Whether `recv` would return (or raise) at once."""
        return self.connection.poll()

    def drain(self) -> Iterator[Message]:
        """Every message that is there now; ends quietly at the end of the pipe."""
        with contextlib.suppress(EOFError, OSError):
            while self.connection.poll():
                yield self.connection.recv()


class Outbox:
    """The sending end of a one-way pipe; any thread of its process may send."""

    def __init__(self, connection: "Connection[Any, Any]") -> None:
        self.connection = connection
        self._lock = threading.Lock()

    def send(self, message: Message) -> bool:
        """Send; False where the receiver is gone, which its sentinel tells in more detail."""
        try:
            with self._lock:
                self.connection.send(message)
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True


def channel() -> tuple[Inbox, Outbox]:
    """A one-way pipe, wide enough that no send of a bounded protocol blocks."""
    reader, writer = _CONTEXT.Pipe(duplex=False)
    with contextlib.suppress(OSError, AttributeError):
        fcntl.fcntl(writer.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    return Inbox(reader), Outbox(writer)


class InheritedFd:
    """A descriptor that a spawned child gets its own copy of, such as the run's lock."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def __getstate__(self) -> Any:
        return reduction.DupFd(self.fd)

    def __setstate__(self, state: Any) -> None:
        self.fd = state.detach()


class DeathWatch:
    """A pipe whose writing end only the supervisor holds: its end of file is the supervisor's."""

    def __init__(self) -> None:
        self.reader, self._writer = _CONTEXT.Pipe(duplex=False)

    def close(self) -> None:
        """Tell every child that is still there to go."""
        self.reader.close()
        self._writer.close()


class Child:
    """One process of the ring with its two queues, seen from the supervisor."""

    def __init__(
        self,
        name: str,
        entry: str,
        config: object,
        watch: DeathWatch,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Spawn `entry` ("module:function"), called as entry(inbox, outbox, config).

        A signal that ends this thread's work meanwhile is raised when the process has started,
        and the process is killed.
        """
        self.name = name
        child_inbox, self.outbox = channel()
        self.inbox, child_outbox = channel()
        self.process: BaseProcess = _CONTEXT.Process(
            target=_child_main,
            name=f"vs-{name}",
            args=(entry, child_inbox.connection, child_outbox.connection, watch.reader, config,
                  os.getpid()),
            daemon=True,
        )  # fmt: skip
        try:
            with _signals_held(), _no_main_module(), variables_set(environment or {}):
                self.process.start()
        except BaseException:
            if self.pid:
                self.kill()
            raise
        child_inbox.connection.close()
        child_outbox.connection.close()

    @property
    def pid(self) -> int:
        """The process id; 0 before the start."""
        return self.process.pid or 0

    @property
    def sentinel(self) -> int:
        """Ready in `connection.wait` once the process has ended."""
        return self.process.sentinel

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self.process.is_alive()

    def epitaph(self) -> str:
        """How the process ended, in words."""
        self.process.join(1.0)  # its pipes close a moment before it can be waited for
        code = self.process.exitcode
        if code is None:
            return "still running"
        if code < 0:
            return f"killed by {signal.Signals(-code).name}"
        return f"ended with exit code {code}"

    def kill(self) -> None:
        """SIGKILL the process and whatever it started, and reap it.

        One in an uninterruptible wait (a dead network file system) is left to end by itself.
        """
        if self.alive:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
            self.process.kill()
        self.process.join(_BURIAL_SECONDS)

    def close(self) -> None:
        """Close this side's ends of the queues."""
        self.inbox.connection.close()
        self.outbox.connection.close()


@contextlib.contextmanager
def _signals_held() -> Iterator[None]:
    """A Ctrl-C must reach neither a child before it has said that it ignores it, nor this thread
    before the child has all that it is told: half of it would end in a traceback.

    Blocking does the first. It does not do the second, since any other thread may take the
    signal, and Python then runs the handler in the main thread: the handlers wait as well.
    """
    # Its start, which the first spawn would bring about, unblocks these signals again.
    resource_tracker.ensure_running()
    held: list[int] = []
    handlers: dict[signal.Signals, Any] = {}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _TERMINAL_SIGNALS)
    try:
        if threading.current_thread() is threading.main_thread():
            for watched in _TERMINAL_SIGNALS:
                if signal.getsignal(watched) not in (None, signal.SIG_IGN):
                    handlers[watched] = signal.getsignal(watched)
                    signal.signal(watched, lambda number, frame: held.append(number))
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)  # what was blocked is held now
        for watched, handler in handlers.items():
            signal.signal(watched, handler)
        for number in held:
            signal.raise_signal(number)


@contextlib.contextmanager
def _no_main_module() -> Iterator[None]:
    """Keep spawn from importing the user's `__main__` again: a script needs no guard."""
    main = sys.modules.get("__main__")
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        if main is not None:
            sys.modules["__main__"] = main


@contextlib.contextmanager
def variables_set(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables: for a child whose allocator reads them before Python runs, or
    for a library of this process that reads them as it goes."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextlib.contextmanager
def loading() -> Iterator[None]:
    """While imports and a model are loaded: what they leave stays, so nobody looks for garbage.

    Python's collector takes a sixth of the import of torch, and of that of LanceDB; what is
    there at the end is never looked through again.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _child_main(
    entry: str,
    inbox: "Connection[Any, Any]",
    outbox: "Connection[Any, Any]",
    watch: "Connection[Any, Any]",
    config: object,
    parent: int,
) -> None:
    _arm(watch, parent)
    this_process_is_ours(one_task=True)
    os.dup2(2, 1)  # stdout belongs to the supervisor: a library that prints must not break --json
    module, function = entry.split(":")
    with loading():
        run = getattr(importlib.import_module(module), function)
    try:
        run(Inbox(inbox), Outbox(outbox), config)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        os._exit(1)  # the supervisor is gone


def _arm(watch: "Connection[Any, Any]", parent: int) -> None:
    """Make sure that this process does not outlive its supervisor, then let signals in."""
    with contextlib.suppress(OSError):
        os.setpgrp()  # a terminal's Ctrl-C and hang-up go to the supervisor alone
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _TERMINAL_SIGNALS)
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_PR_SET_NAME, current_process().name.encode()[:15], 0, 0, 0)  # for top and ps
        if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
            raise InternalError("prctl(PR_SET_PDEATHSIG) was refused.")
    threading.Thread(target=_watch, args=(watch,), name="death-watch", daemon=True).start()
    if os.getppid() != parent:  # it died before the watch was armed
        os._exit(1)


def _watch(watch: "Connection[Any, Any]") -> None:
    with contextlib.suppress(EOFError, OSError):
        watch.recv_bytes()
    os.kill(os.getpid(), signal.SIGKILL)
