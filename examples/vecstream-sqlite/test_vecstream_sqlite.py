from vecstream_cli.testing import Conformance


class TestSqlite(Conformance):
    name = "sqlite"
