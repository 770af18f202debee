"""The ready-made profiles say only what Settings understands."""

import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

from vecstream_cli.settings import Settings, parse_size

PROFILES = sorted((Path(__file__).parents[2] / "configs").glob("*.toml"))


def test_there_is_a_profile_for_a_laptop_a_server_and_a_night() -> None:
    assert [file.stem for file in PROFILES] == ["laptop", "nightly", "server"]


@pytest.mark.parametrize("profile", PROFILES, ids=lambda file: file.stem)
def test_every_key_of_a_profile_is_a_setting(profile: Path) -> None:
    known = {field.name.replace("_", "-") for field in fields(Settings)}
    assert tomllib.loads(profile.read_text("utf-8")).keys() <= known


@pytest.mark.parametrize("profile", PROFILES, ids=lambda file: file.stem)
def test_the_sizes_of_a_profile_are_sizes(profile: Path) -> None:
    said = tomllib.loads(profile.read_text("utf-8"))
    ceiling = parse_size(said["max-memory"])
    assert parse_size(said.get("buffer", "0")) < ceiling
