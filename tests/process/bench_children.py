"""What `test_bench_stages.py` runs in a process of the benchmark.

Apart from the tests, because a child imports this module by its name: there, `conftest` could be
that of any folder of tests.
"""

import os
import signal

from vecstream_cli.api.bench.child import answer
from vecstream_cli.errors import UsageError
from vecstream_cli.pipeline.lifecycle import Inbox, Outbox


def dies(inbox: Inbox, outbox: Outbox, config: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def fails(inbox: Inbox, outbox: Outbox, config: object) -> None:
    def work() -> object:
        raise UsageError("It cannot be.", hint="Do not.")

    answer(outbox, work)
