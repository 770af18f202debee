"""The ready-made profiles say only what Settings understands."""

from pathlib import Path

import pytest

from vecstream_cli.layers import gather
from vecstream_cli.settings import Settings

PROFILES = sorted((Path(__file__).parents[2] / "configs").glob("*.toml"))


def test_there_is_a_profile_for_a_laptop_a_server_and_a_night() -> None:
    assert [file.stem for file in PROFILES] == ["laptop", "nightly", "server"]


@pytest.mark.parametrize("profile", PROFILES, ids=lambda file: file.stem)
def test_a_profile_makes_valid_settings(profile: Path) -> None:
    settings = Settings(**gather({}, environ={}, config=str(profile)))
    assert settings.max_memory is not None
    assert (settings.buffer.bytes or 0) < settings.max_memory
