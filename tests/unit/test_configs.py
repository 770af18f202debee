"""The ready-made profiles say only what Settings understands."""

import re
from pathlib import Path

import pytest

from vecstream_cli.config_file import read_config
from vecstream_cli.layers import gather
from vecstream_cli.settings import Settings

PROFILES = sorted((Path(__file__).parents[2] / "configs").glob("*.toml"))


def test_there_is_a_profile_for_a_laptop_a_server_a_night_and_several_jobs() -> None:
    assert [file.stem for file in PROFILES] == ["jobs", "laptop", "nightly", "server"]


@pytest.mark.parametrize("profile", PROFILES, ids=lambda file: file.stem)
def test_a_profile_makes_valid_settings(profile: Path) -> None:
    for job in read_config(profile).jobs or [None]:
        settings = Settings(**gather({}, environ={}, config=str(profile), job=job))
        assert settings.max_memory is not None
        assert (settings.buffer.bytes or 0) < settings.max_memory


def test_the_configuration_that_the_documentation_shows_is_right(tmp_path: Path) -> None:
    text = (PROFILES[0].parents[1] / "docs" / "configuration.md").read_text("utf-8")
    (example,) = re.findall(r"^```toml\n(.*?)^```$", text, re.M | re.S)
    file = tmp_path / "vecstream.toml"
    file.write_text(example)
    assert list(read_config(file).jobs) == ["handbook", "wiki"]
