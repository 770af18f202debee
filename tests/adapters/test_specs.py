"""The doubles were held to the vendors' descriptions: said where there are none to hold them to."""

import pytest
from doubles.specs import FOLDER, published

NAMES = (
    "elasticsearch_api", "opensearch_api", "pinecone_api", "qdrant_openapi", "weaviate_openapi",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_the_vendor_s_description_is_at_hand(name: str) -> None:
    if published(name) is None:
        pytest.skip(f"{FOLDER} names no folder with {name}: its double was held to none")
