"""Fixtures that every folder of tests shares."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# The same examples on every run, and none of them timed: a suite on a busy machine says the same
# twice. `HYPOTHESIS_PROFILE=search` looks for new examples.
_UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("same", _UNTIMED, derandomize=True)
settings.register_profile("search", _UNTIMED, derandomize=False, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def corpora() -> Path:
    """The folder of real documents, which is not part of the repository."""
    given = os.environ.get("VECSTREAM_CORPORA")
    folder = Path(given) if given else REPOSITORY.parent / "shared" / "corpora"
    if not folder.is_dir():
        pytest.skip(f"no corpora: {folder} is not a folder (set VECSTREAM_CORPORA to theirs)")
    return folder.resolve()
