"""A parser that a document has hijacked can read; it cannot call anybody, nor write anything."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from sandbox_probe import FOLDER
from test_parser import Parser

from vecstream_cli.models.spec import read_spec
from vecstream_cli.pipeline.messages import Ready, Sealed, Stop, Stopped

landlockpy = pytest.importorskip("landlockpy")
seccompy = pytest.importorskip("seccompy")


def attempts(
    model: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, entry: str = "run"
) -> tuple[str, Mapping[str, str]]:
    """What a parser says is in force, and what came of each attempt, after it read a document."""
    (folder / "precious").write_text("kept")
    monkeypatch.setenv(FOLDER, str(folder))
    parser = Parser(read_spec(model), probe=f"sandbox_probe:{entry}")
    try:
        parser.give(1, folder / "precious")
        parser.grant(0)
        messages = []
        parser.child.outbox.send(Stop())
        while not isinstance(message := parser.receive(), Stopped):
            messages.append(message)
        assert any(isinstance(message, Sealed) and message.chunks == 1 for message in messages)
        told = parser.receive()
        assert isinstance(told, Ready)
        return parser.facts["sandbox"], told.facts
    finally:
        parser.close()


@pytest.fixture
def confined(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, Mapping[str, str]]:
    return attempts(tiny_model, tmp_path, monkeypatch)


@pytest.mark.skipif(not seccompy.supported(), reason="this kernel has no seccomp")
@pytest.mark.parametrize("entry", ["run", "run_without_landlock"])
def test_a_parser_makes_no_socket_and_no_file(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry: str
) -> None:
    in_force, told = attempts(tiny_model, tmp_path, monkeypatch, entry)

    assert "seccomp" in in_force
    assert ("landlock" in in_force) is (entry == "run" and landlockpy.supported())
    refused = (
        "tcp", "tcp6", "udp", "unix", "create", "create in a thread", "create nameless", "rename",
        "remove", "mkdir", "symlink", "chmod",
    )  # fmt: skip
    assert {name: told[name] for name in refused} == dict.fromkeys(refused, "EACCES")
    assert told["create by another program"] != "0"
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]


@pytest.mark.skipif(not landlockpy.supported(), reason="this kernel has no Landlock")
def test_a_parser_writes_to_no_file_that_is_there(
    confined: tuple[str, Mapping[str, str]], tmp_path: Path
) -> None:
    in_force, told = confined

    assert "landlock" in in_force
    assert (told["overwrite"], told["append"]) == ("EACCES", "EACCES")
    assert (tmp_path / "precious").read_text() == "kept"


@pytest.mark.skipif(landlockpy.abi_version() < 6, reason="this kernel's Landlock lets signals pass")
def test_a_parser_signals_no_other_process(confined: tuple[str, Mapping[str, str]]) -> None:
    assert confined[1]["kill"] == "EPERM"


def test_a_parser_still_reads_imports_and_runs_programs(
    confined: tuple[str, Mapping[str, str]],
) -> None:
    _, told = confined

    assert (told["read"], told["list"]) == ("kept", "['precious']")
    assert told["program"] == "through a pipe"
    assert told["import"] == "colorsys"
    if landlockpy.supported():
        assert told["null"] == "7"


@pytest.mark.skipif(not seccompy.supported(), reason="it is seccomp that hides what the kernel has")
def test_without_locks_in_the_kernel_documents_are_read_all_the_same(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_force, told = attempts(tiny_model, tmp_path, monkeypatch, entry="run_without_locks")

    assert in_force == "rlimits"
    assert told["create"] == "EFBIG"
    assert told["tcp"] == "None"
