"""`vecstream bench` as a command: a few documents, a tiny model, every result file."""

import json
import signal
import tomllib
from pathlib import Path
from typing import Any

import psutil
import pytest
from conftest import Finished, Running, Vecstream, children_of, wait_until, write_documents

from vecstream_cli.core.benchmark import RING, SEQUENTIAL, Bench
from vecstream_cli.core.records import from_json


class Benching(Vecstream):
    """Runs `vecstream bench` with the tiny model, its temporary folders below ``temporary``."""

    def __init__(self, folder: Path, model: Path) -> None:
        super().__init__(folder, model)
        self.temporary = folder / "temporary"
        self.temporary.mkdir()
        self.environment = {"TMPDIR": str(self.temporary)}

    def command(self, *arguments: str | Path, json_lines: bool = True) -> list[str]:
        given = super().command(*arguments, json_lines=json_lines)
        given[3] = "bench"
        at = given.index("--db-uri")
        return given[:at] + given[at + 2 :]

    def bench(self, *arguments: str | Path) -> Finished:
        """Run it to its end."""
        return self.run(self.command(*arguments, "--minutes", "0.02"))


@pytest.fixture
def benching(tmp_path: Path, tiny_model: Path) -> Benching:
    return Benching(tmp_path, tiny_model)


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Finished:
    """A benchmark without a folder, as JSON; its temporary folder was found empty."""
    mine = Benching(tmp_path_factory.mktemp("generated"), tiny_model)
    done = mine.bench("--limit", "7")
    assert_nothing_left(mine)
    return done


def result(done: Finished) -> Bench:
    """The benchmark that was printed."""
    assert done.code == 0, done.err
    return from_json(Bench, next(line for line in done.lines if line["type"] == "bench"))


def test_a_folder_is_measured_in_every_stage_and_both_ways(benching: Benching) -> None:
    # given a folder of documents of two formats
    folder = benching.folder / "docs"
    write_documents(folder, 12)
    (folder / "page.html").write_text("<html><body><p>" + "keys rotate " * 40 + "</p></body>")
    page, config = benching.folder / "page.html", benching.folder / "mine.toml"
    # when it is measured with everything that there is to ask for
    done = benching.bench(
        folder, "--against", "sequential", "--repeat", "2",
        "--report", page, "--write-config", config, "--parsers", "1",
    )  # fmt: skip
    made = result(done)
    # then each stage was, alone
    stages = [(stage.stage, stage.of) for stage in made.stages]
    assert stages == [
        ("scan", ""), ("parse", "html"), ("parse", "md"), ("chunk", ""), ("embed", ""),
        ("write", "lance append"), ("write", "lance merge"),
    ]  # fmt: skip
    assert all(measure.values for stage in made.stages for measure in stage.measures)
    # and the whole, in turn, with the same rows for both ways
    assert [run.way for run in made.runs] == [RING, SEQUENTIAL] * 2
    assert len({run.rows for run in made.runs}) == 1
    assert {run.documents for run in made.runs} == {13}
    assert all(run.samples and run.peak_memory_bytes for run in made.runs)
    assert all(run.peak_memory_bytes < run.max_memory_bytes for run in made.of(RING))
    assert made.corpus.documents == 13
    assert made.corpus.whole
    assert made.settings["parsers"] == 1
    assert done.summary["exit_code"] == 0
    # and the page is there, and the settings are those that indexing accepts
    assert "<svg" in page.read_text()
    assert set(tomllib.loads(config.read_text())) >= {"parsers", "buffer", "max-memory", "model"}
    indexed = benching.run([*Vecstream.command(benching, folder), "--config", str(config)])
    assert indexed.code == 0, indexed.err
    assert indexed.summary["max_memory_bytes"] >= made.runs[0].peak_memory_bytes
    # and nothing is left behind
    assert_nothing_left(benching)


def test_without_a_folder_documents_are_generated(generated: Finished) -> None:
    made = result(generated)
    assert made.corpus.generated
    assert made.corpus.documents == 7
    assert [run.way for run in made.runs] == [RING]
    assert made.runs[0].rows == made.runs[0].chunks > 0


def test_the_json_is_lines_that_any_program_reads(generated: Finished) -> None:
    kinds = [json.loads(line)["type"] for line in generated.out.splitlines()]
    assert kinds == ["bench", "summary"]
    assert generated.err == ""


def test_a_person_reads_a_table_and_progress_goes_to_standard_error(benching: Benching) -> None:
    arguments = benching.command("--limit", "5", "--minutes", "0.02", json_lines=False)
    done = benching.run(arguments)
    assert done.code == 0
    for part in ("limits this machine.", "Each stage alone", "Recommended settings"):
        assert part in done.out
    assert "\x1b" not in done.out + done.err
    assert done.err.splitlines()[0] == "Measuring 1 of 5: scanning and reading"


def test_saved_benchmarks_are_told_apart(generated: Finished, benching: Benching) -> None:
    # given two runs of the same documents with different chunks, saved
    saved = [benching.folder / "a.json", benching.folder / "b.json"]
    saved[0].write_text(generated.out)
    saved[1].write_text(benching.bench("--limit", "7", "--chunk-size", "32").out)
    # when they are compared
    done = benching.run([*benching.command()[:4], "--compare", *map(str, saved), "--json"])
    # then figures stand side by side, and the setting that differs is named
    assert done.code == 0, done.err
    what = {line["what"] for line in done.lines if line["type"] == "difference"}
    assert {"embed tokens", "write lance append rows", "ring total"} <= what
    unlike = next(line["unlike"] for line in done.lines if line["type"] == "comparison")
    assert "--chunk-size: 64 and 32" in unlike


def refused(benching: Benching, *arguments: str) -> tuple[int, str]:
    """How it ends where it cannot work."""
    done = benching.run([*benching.command(json_lines=False), *arguments])
    assert done.out == ""
    assert "Traceback" not in done.err
    assert_nothing_left(benching)
    error = [line for line in done.err.splitlines() if line.startswith("Error: ")]
    return done.code, error[0]


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["nowhere"], 2, "'nowhere' is not a folder."),
        (["temporary/.."], 2, "There is no document in"),
        (["--max-memory", "100M"], 14, "--max-memory of 100 MiB is too small"),
        (["--db", "nonesuch"], 2, "There is no database named 'nonesuch'."),
        (["--quick", "--minutes", "3"], 2, "--quick and --minutes exclude each other."),
        (["--minutes", "0"], 2, "--minutes must be more than 0."),
        (["--repeat", "0"], 2, "--repeat must be from 1 to 100."),
        (["--against", "everybody"], 2, "There is nothing named 'everybody' to run against."),
        (["--report", "no/such/folder.html"], 2, "'no/such/folder.html' cannot be written."),
        (["--compare", "x.json", "y.json"], 2, "'x.json' cannot be read"),
    ],
)
def test_what_cannot_be_measured_is_refused_in_a_sentence(
    arguments: list[str], code: int, sentence: str, benching: Benching
) -> None:
    ended, error = refused(benching, *arguments)
    assert (ended, error[: len("Error: " + sentence)]) == (code, "Error: " + sentence)


def test_a_folder_of_nothing_but_broken_documents_is_a_failure(benching: Benching) -> None:
    folder = benching.folder / "docs"
    folder.mkdir()
    (folder / "a.pdf").write_bytes(b"%PDF-1.4\nnothing of it is true")
    code, error = refused(benching, str(folder))
    assert code == 1
    assert error == "Error: None of the 1 documents can be read."


def test_a_file_that_is_no_benchmark_is_named(benching: Benching) -> None:
    for name, content in (("a.json", "{}"), ("b.json", '{"type": "summary"}\n{"x": 1}\n')):
        (benching.folder / name).write_text(content)
    code, error = refused(benching, "--compare", "a.json", "b.json")
    assert code == 2
    assert error.startswith("Error: 'a.json' holds no benchmark of this version: Bench.")


@pytest.mark.parametrize("step", ["scanning", "embedding", "whole ring", "traditional"])
def test_ctrl_c_ends_it_whatever_it_is_doing_and_leaves_nothing(
    step: str, benching: Benching
) -> None:
    # given a benchmark that is about to do this
    measured = ("--minutes", "0.05", "--limit", "30", "--against", "sequential")
    command = benching.command(*measured, json_lines=False)
    running = Running(command, benching.folder, benching._env({}))
    wait_until(lambda: step in (benching.folder / "stderr").read_text())
    wait_until(lambda: children_of(running.pid))
    children = children_of(running.pid)
    # when it is interrupted
    running.send(signal.SIGINT)
    done = running.finish()
    # then it says no more, and no process and no file is left
    assert done.code == 130
    assert done.out == ""
    assert "Traceback" not in done.err
    wait_until(lambda: not any(map(lives, children)), 10)
    assert_nothing_left(benching)


def test_a_database_elsewhere_is_asked_before_anything_is_measured(benching: Benching) -> None:
    environment: dict[str, Any] = {"VECSTREAM_DB_URI": "db://cloud"}
    done = benching.run(benching.command("--limit", "5", json_lines=False), environment)
    assert done.code == 2
    assert done.err.startswith("Error: LanceDB Cloud is not supported.")


def lives(process: psutil.Process) -> bool:
    """Whether a process still does anything."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def assert_nothing_left(benching: Benching) -> None:
    assert not list(benching.temporary.iterdir())
