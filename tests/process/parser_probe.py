"""A parser that, before it goes, says which modules it had loaded; spawned by a test."""

import sys

from vecstream_cli.pipeline.lifecycle import Inbox, Outbox
from vecstream_cli.pipeline.messages import Ready
from vecstream_cli.pipeline.parser import ParserConfig
from vecstream_cli.pipeline.parser import run as run_parser


def run(inbox: Inbox, outbox: Outbox, config: ParserConfig) -> None:
    """The real parser's life, then one more message."""
    run_parser(inbox, outbox, config)
    outbox.send(Ready(0.0, {"modules": " ".join(sys.modules)}))
