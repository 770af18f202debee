"""Run the conformance suite against a real server, by its URI: for anyone who has one.

    python scripts/live.py qdrant --db-uri https://cluster.example:6333
    VECSTREAM_DB_PASSWORD=… python scripts/live.py pinecone --db-uri pinecone://index -k filter

Every test makes a collection of its own and drops it; nothing else in the database is touched. The
password or API key comes from VECSTREAM_DB_PASSWORD, or from the variable that the vendor's own
tools read. Arguments that are not ours go to pytest.
"""

import argparse
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from vecstream_cli.adapters.registry import adapter_class
from vecstream_cli.testing import Conformance


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("name", help="the adapter, as after --db")
    parser.add_argument("--db-uri", required=True, help="where the server is")
    parser.add_argument(
        "--db-option", action="append", default=[], metavar="NAME=VALUE", help="repeatable"
    )
    given, rest = parser.parse_known_args()
    kind = adapter_class(given.name)  # a wrong name ends here, with a sentence
    suite = type(
        "TestLive",
        (Conformance,),
        {
            "name": kind.name,
            "uri": given.db_uri,
            "password": os.environ.get("VECSTREAM_DB_PASSWORD"),
            "options": dict(text.split("=", 1) for text in given.db_option),
        },
    )
    # No folder's conftest.py or settings: the suite is all there is.
    alone = ["--noconftest", "-c", os.devnull, "--rootdir", os.curdir, "-p", "no:cacheprovider"]
    return int(pytest.main([*alone, "-q", "-ra", __file__, *rest], plugins=[_Live(suite)]))


class _Live:
    """Has pytest find the one class in this file, which is made when the arguments are known."""

    def __init__(self, suite: type[Conformance]) -> None:
        self._suite = suite

    def pytest_collect_file(
        self, file_path: Path, parent: pytest.Collector
    ) -> pytest.Module | None:
        if file_path != Path(__file__).resolve():
            return None
        module: pytest.Module = pytest.Module.from_parent(parent, path=file_path)
        module.obj = SimpleNamespace(__name__="live", __doc__=None, TestLive=self._suite)
        return module


if __name__ == "__main__":
    sys.exit(main())
