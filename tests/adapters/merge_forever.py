"""Run as a process of its own: merges batch after batch, and says which are acknowledged."""

import sys

from vecstream_cli.adapters.registry import adapter_class
from vecstream_cli.endpoint import Endpoint
from vecstream_cli.testing.rows import RECORD, rows

ROWS = 200


def main(kind: str, uri: str, first: int, last: int) -> None:
    with adapter_class(kind).open(
        Endpoint(name="lance", uri=uri), "documents", read_only=False
    ) as adapter:
        if adapter.record() is None:
            adapter.create(RECORD)
        for number in range(first, last):
            # Each batch rewrites a third of the one before.
            adapter.merge(rows("a", ROWS, first=number * ROWS - ROWS // 3, attempt=number))
            print(number, flush=True)
            if number % 20 == 19:
                adapter.maintain(final=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
