"""The package's front door: every name is there, and naming the model loads no torch."""

import subprocess
import sys

import pytest

import vecstream_cli


@pytest.mark.parametrize("name", vecstream_cli.__all__)
def test_every_name_of_the_api_is_at_the_front_door(name: str) -> None:
    assert getattr(vecstream_cli, name).__name__ == name


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="embed_everything"):
        vecstream_cli.embed_everything  # noqa: B018


def test_importing_the_api_loads_neither_torch_nor_the_database() -> None:
    # given a fresh interpreter
    program = (
        f"import sys; from vecstream_cli import {', '.join(vecstream_cli.__all__)}\n"
        "print(*sorted({'torch', 'transformers', 'lancedb', 'pyarrow'} & sys.modules.keys()))"
    )
    # when a program imports every name
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    # then nothing heavy came along
    assert (done.returncode, done.stdout.split()) == (0, []), done.stderr
