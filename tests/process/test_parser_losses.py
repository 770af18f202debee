"""Parsers that cannot start, and one that has no memory left: the run goes on, or says why not."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Vecstream, write_documents
from test_parser import Parser

from vecstream_cli.models.spec import read_spec
from vecstream_cli.pipeline.messages import Failed, Filled, Sealed, Stopped

MIB = 1 << 20

# A spawned process that imports the parser is killed at once.
DEADLY = """
import os, signal, sys

class Killer:
    def find_spec(self, name, path=None, target=None):
        if name == "vecstream_cli.pipeline.parser":
            os.kill(os.getpid(), signal.SIGKILL)

if "--multiprocessing-fork" in sys.orig_argv:
    sys.meta_path.insert(0, Killer())
"""


@pytest.fixture
def few(tmp_path: Path) -> Path:
    folder = tmp_path / "few"
    write_documents(folder, 3)
    return folder


@pytest.fixture
def scarce(tiny_model: Path) -> Iterator[Parser]:
    """A parser that may allocate almost nothing after its start."""
    parser = Parser(read_spec(tiny_model), allowance=8 * MIB)
    yield parser
    parser.child.kill()
    parser.child.close()
    parser.watch.close()
    parser.arena.close()


def test_a_parser_that_cannot_start_ends_the_run_with_its_reason(
    vecstream: Vecstream, few: Path
) -> None:
    vecstream.model = Path(shutil.copytree(vecstream.model, vecstream.folder / "model"))
    (vecstream.model / "tokenizer.json").write_text('{"version": "1.0"}')

    done = vecstream.index(few)

    assert done.code == 1
    assert "is not a tokenizer" in done.err
    assert "Traceback" not in done.err


def test_chunks_that_the_prompt_fills_are_refused(vecstream: Vecstream, few: Path) -> None:
    vecstream.model = Path(shutil.copytree(vecstream.model, vecstream.folder / "model"))
    prompts = {"prompts": {"document": "the ring holds slots of text: "}}
    (vecstream.model / "config_sentence_transformers.json").write_text(json.dumps(prompts))

    done = vecstream.index(few, "--chunk-size", "10")

    assert done.code == 2
    assert "--chunk-size is too small" in done.err


def test_parsers_that_die_at_birth_are_not_replaced_for_ever(
    vecstream: Vecstream, few: Path
) -> None:
    package = vecstream.folder / "package"
    package.mkdir()
    (package / "sitecustomize.py").write_text(DEADLY)

    done = vecstream.index(few, PYTHONPATH=str(package))

    assert done.code == 1
    assert "No parser lives long enough to read (killed by SIGKILL)." in done.err


def test_a_parser_without_memory_hands_on_what_it_has_and_ends(
    scarce: Parser, tmp_path: Path
) -> None:
    small, large, next_one = tmp_path / "small.md", tmp_path / "large.html", tmp_path / "next.md"
    small.write_text("# One\n\ntext of it\n")
    large.write_text("<html><body>" + "<p>a word and another</p>\n" * 150_000 + "</body></html>")
    next_one.write_text("# Two\n")
    for number, path in enumerate([small, large, next_one]):
        scarce.give(number, path)
    scarce.grant(0)

    messages = [scarce.receive()]
    while not isinstance(messages[-1], Stopped):
        messages.append(scarce.receive())

    assert [m.job for m in messages if isinstance(m, Sealed)] == [0]
    assert [(m.job, m.reason) for m in messages if isinstance(m, Failed)] == [(1, "out-of-memory")]
    assert [m.rows for m in messages if isinstance(m, Filled)] == [1]
