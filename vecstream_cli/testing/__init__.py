"""For whoever writes an adapter: the conformance suite that every adapter passes. Needs pytest.

from vecstream_cli.testing import Conformance

class TestMine(Conformance):
    name, uri = "mine", "mine://127.0.0.1:7000"
"""

import pytest

pytest.register_assert_rewrite(
    *(f"{__name__}.{part}" for part in ("writing", "deleting", "searching", "failing", "locking"))
)

from vecstream_cli.testing.conformance import Conformance as Conformance  # noqa: E402
from vecstream_cli.testing.proxy import Proxy as Proxy  # noqa: E402
