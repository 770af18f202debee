"""Fixtures that every folder of tests shares."""

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def corpora() -> Path:
    """The folder of real documents, which is not part of the repository."""
    given = os.environ.get("VECSTREAM_CORPORA")
    folder = Path(given) if given else REPOSITORY.parent / "shared" / "corpora"
    if not folder.is_dir():
        pytest.skip(f"no corpora: {folder} is not a folder (set VECSTREAM_CORPORA to theirs)")
    return folder.resolve()
