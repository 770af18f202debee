"""A piece of a benchmark in a process of its own, born and buried like those of the ring."""

import time
from collections.abc import Callable, Mapping
from multiprocessing.connection import wait
from typing import Any

from vecstream_cli.errors import StageDied
from vecstream_cli.pipeline.failure import broken, revived
from vecstream_cli.pipeline.lifecycle import Child, DeathWatch, Outbox
from vecstream_cli.pipeline.messages import Broken

_TICK_SECONDS = 0.1


def in_child(
    entry: str,
    config: object,
    *,
    environment: Mapping[str, str] | None = None,
    hear: Callable[[Any], None] = lambda message: None,
    tick: Callable[[int], None] = lambda pid: None,
) -> Any:
    """What `entry` ("module:function") answers, last of all that it sends; it has ended then.

    `hear` gets each message, `tick` the process id ten times a second. Whatever is raised here,
    the process is gone when it leaves. Raises the child's own error.
    """
    watch = DeathWatch()
    child = Child("bench", entry, config, watch, environment)
    try:
        answer: Any = None
        while True:
            until = time.monotonic() + _TICK_SECONDS
            wait([child.inbox.connection, child.sentinel], _TICK_SECONDS)
            ended = not child.alive  # asked first, so that its last words are heard
            for message in child.inbox.drain():
                if isinstance(message, Broken):
                    raise revived(message)
                answer = message
                hear(message)
            if ended:
                if child.process.exitcode:
                    raise StageDied(f"A process of the benchmark {child.epitaph()}.")
                return answer
            tick(child.pid)
            time.sleep(max(0.0, until - time.monotonic()))
    finally:
        child.kill()
        child.close()
        watch.close()


def answer(outbox: Outbox, work: Callable[[], object]) -> None:
    """In the child: send what `work` returns, or the error that it ended with."""
    try:
        outbox.connection.send(work())
    except (EOFError, BrokenPipeError, ConnectionResetError):
        raise
    except Exception as error:  # noqa: BLE001 (whatever it is, the parent must hear of it)
        outbox.send(broken(error, "Measuring failed"))
