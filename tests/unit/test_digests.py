"""Large files' digests are kept from run to run, for as long as the files are the same."""

import hashlib
import os
from pathlib import Path

import pytest

from vecstream_cli.models import digest, remembered


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(remembered, "RACY_NS", -(10**18))  # as if the file had rested for years
    file = tmp_path / "model.safetensors"
    file.write_bytes(b"w" * (1 << 20))
    return file


def in_a_new_process(file: Path) -> str:
    """What a process says that has not read the file yet."""
    digest._digest.cache_clear()
    return digest.digest_of_files([file])


def test_weights_are_read_once_and_then_known(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = in_a_new_process(weights)
    assert first == hashlib.sha256(weights.read_bytes()).hexdigest()
    monkeypatch.setattr(hashlib, "file_digest", None)  # reading would fail
    assert in_a_new_process(weights) == first


def test_weights_that_changed_are_read_again(weights: Path) -> None:
    before = in_a_new_process(weights)
    stat = weights.stat()
    weights.write_bytes(b"v" * (1 << 20))
    os.utime(weights, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    after = in_a_new_process(weights)
    assert after == hashlib.sha256(weights.read_bytes()).hexdigest() != before


def test_a_file_that_just_changed_is_not_trusted_to_stay(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remembered, "RACY_NS", 10**18)
    in_a_new_process(weights)
    assert not (weights.parent / "cache").exists()


@pytest.mark.parametrize("content", [b"", b"[]", b"not JSON", b'{"x": 1}'])
def test_a_damaged_cache_costs_only_time(weights: Path, content: bytes) -> None:
    cache = weights.parent / "cache" / "vecstream"
    cache.mkdir(parents=True)
    (cache / "digests.json").write_bytes(content.replace(b"x", str(weights).encode()))
    expected = hashlib.sha256(weights.read_bytes()).hexdigest()
    assert in_a_new_process(weights) == in_a_new_process(weights) == expected
    assert len(list(cache.iterdir())) == 1


def test_without_a_place_to_keep_it_it_is_computed(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nowhere")
    assert in_a_new_process(weights) == hashlib.sha256(weights.read_bytes()).hexdigest()
