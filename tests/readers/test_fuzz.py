"""Broken documents cost themselves alone: a short share of `make fuzz`, always the same inputs."""

from pathlib import Path

import pytest
from fuzz import fuzz

_INPUTS = 400


@pytest.mark.slow
def test_no_broken_document_breaks_its_reader() -> None:
    found = fuzz(None, seed=5, inputs=_INPUTS)

    assert found.inputs == _INPUTS
    assert [(document.name, problem) for document, problem in found.failures] == []


@pytest.mark.slow
def test_no_broken_real_document_breaks_its_reader(corpora: Path) -> None:
    found = fuzz(corpora, seed=6, inputs=_INPUTS)

    assert [(document.name, problem) for document, problem in found.failures] == []
