"""docs/databases.md says of each database what its adapter says of itself."""

import re
from pathlib import Path

import pytest

from vecstream_cli.adapters.base import Adapter
from vecstream_cli.adapters.registry import _BUILT_IN, adapter_class

DOCS = Path(__file__).parents[2] / "docs"
_ROW = re.compile(r"^\| \[`(\w+)`\]\(([^)]+)\) \|(.*)\|$", re.M)
ROWS = {
    name: (page, [cell.strip() for cell in cells.split("|")])
    for name, page, cells in _ROW.findall((DOCS / "databases.md").read_text("utf-8"))
}


def test_every_database_has_a_row_and_a_page() -> None:
    assert set(ROWS) == set(_BUILT_IN)
    for page, _ in ROWS.values():
        assert (DOCS / page).is_file()


@pytest.mark.parametrize("name", sorted(_BUILT_IN))
def test_the_row_says_what_the_adapter_can_do(name: str) -> None:
    _, (_, words, locks, rebuild, _) = ROWS[name]
    kind = adapter_class(name)
    assert kind.full_text == (words == "yes")
    assert kind.keeps_locks == (locks == "yes")
    assert (kind.replace_with is not Adapter.replace_with) == (rebuild == "yes")


@pytest.mark.parametrize("name", sorted(set(_BUILT_IN) - {"lance"}))
def test_the_page_names_every_option(name: str) -> None:
    page = DOCS / ROWS[name][0]
    text = page.read_text("utf-8")
    # OpenSearch's page says in what it differs from that of Elasticsearch.
    text += "".join(
        (page.parent / other).read_text("utf-8") for other in re.findall(r"\]\((\w+\.md)\)", text)
    )
    assert [option for option in adapter_class(name).options if f"`{option}" not in text] == []
