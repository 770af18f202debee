"""`vecstream bench` as a command: a few documents, a tiny model, every result file."""

import json
import signal
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from conftest import Finished, Running, Vecstream, children_of, wait_until, write_documents

from vecstream_cli.core.benchmark import RECOMMENDED, RING, SEQUENTIAL, Bench
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


@dataclass(frozen=True, slots=True)
class Measured:
    """A benchmark of a folder, with everything that there is to ask for, as JSON."""

    benching: Benching
    folder: Path
    page: str
    config: Path
    done: Finished

    @property
    def bench(self) -> Bench:
        """What was printed."""
        assert self.done.code == 0, self.done.err
        return from_json(Bench, next(line for line in self.done.lines if line["type"] == "bench"))


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Measured:
    """Documents of two formats, measured both ways; the temporary folder was found empty."""
    benching = Benching(tmp_path_factory.mktemp("measured"), tiny_model)
    folder = benching.folder / "docs"
    write_documents(folder, 30)
    (folder / "page.html").write_text("<html><body><p>" + "keys rotate " * 40 + "</p></body>")
    page, config = benching.folder / "page.html", benching.folder / "mine.toml"
    done = benching.bench(
        folder, "--against", "sequential", "--report", page, "--write-config", config,
        "--parsers", "1",
    )  # fmt: skip
    assert_nothing_left(benching)
    return Measured(benching, folder, page.read_text(), config, done)


def test_each_stage_is_measured_alone(measured: Measured) -> None:
    stages = measured.bench.stages
    assert [(stage.stage, stage.of) for stage in stages] == [
        ("scan", ""), ("parse", "html"), ("parse", "md"), ("chunk", ""), ("embed", ""),
        ("write", "lance append"), ("write", "lance merge"),
    ]  # fmt: skip
    assert all(measure.values for stage in stages for measure in stage.measures)


def test_every_way_goes_in_turn_over_the_same_documents_to_the_same_rows(
    measured: Measured,
) -> None:
    made = measured.bench
    assert [run.way for run in made.runs] == [RING, RECOMMENDED, SEQUENTIAL]
    assert len({run.rows for run in made.runs}) == 1
    assert {run.documents for run in made.runs} == {31}
    assert all(run.samples and run.peak_memory_bytes for run in made.runs)
    assert all(run.peak_memory_bytes < run.max_memory_bytes for run in made.of(RING))
    assert made.corpus.documents == 31
    assert made.corpus.whole
    assert made.settings["parsers"] == 1


def test_recommended_settings_are_those_that_were_tried_and_that_indexing_takes(
    measured: Measured,
) -> None:
    # given what was recommended, if the tried runs stood
    saved = tomllib.loads(measured.config.read_text())
    advice = {each.key: each.value for each in measured.bench.advice}
    assert {"model", "chunk-size"} <= set(saved)
    assert advice.items() <= saved.items()
    # when such settings are indexed with
    for key, value in {"parsers": 2, "max-memory": "1536M"}.items():
        saved.setdefault(key, value)
    measured.config.write_text("".join(f"{k} = {json.dumps(v)}\n" for k, v in saved.items()))
    command = Vecstream.command(measured.benching, measured.folder)
    indexed = measured.benching.run([*command, "--config", str(measured.config)])
    # then they are kept to
    assert indexed.code == 0, indexed.err
    if advice:
        tried = measured.bench.of(RECOMMENDED)[0]
        assert indexed.summary["max_memory_bytes"] == tried.max_memory_bytes


def test_the_page_has_drawings(measured: Measured) -> None:
    assert "<svg" in measured.page


def test_the_json_is_lines_that_any_program_reads(measured: Measured) -> None:
    kinds = [json.loads(line)["type"] for line in measured.done.out.splitlines()]
    assert kinds == ["bench", "summary"]
    assert measured.done.summary["exit_code"] == 0
    assert measured.done.err == ""


@pytest.mark.thorough
def test_without_a_folder_documents_are_generated_and_a_person_reads_a_table(
    benching: Benching,
) -> None:
    arguments = benching.command("--limit", "1", "--repeat", "2", json_lines=False)
    done = benching.run([*arguments, "--minutes", "0.02"])
    assert done.code == 0, done.err
    for part in (
        "limits this machine.", "generated corpus: 1 document (1 md)",
        "Whole runs, median of 2 runs", "Each stage alone", "Recommended settings",
    ):  # fmt: skip
        assert part in " ".join(done.out.split())
    assert "\x1b" not in done.out + done.err
    # progress goes to standard error
    assert done.err.splitlines()[0] == "Measuring 1 of 8: scanning and reading"
    assert_nothing_left(benching)


def test_saved_benchmarks_are_told_apart(measured: Measured, benching: Benching) -> None:
    # given two results of the same documents, one of them of other chunks
    saved = [benching.folder / "a.json", benching.folder / "b.json"]
    saved[0].write_text(measured.done.out)
    saved[1].write_text(measured.done.out.replace('"chunk-size": 64', '"chunk-size": 32'))
    # when they are compared
    done = benching.run([*benching.command()[:4], "--compare", *map(str, saved), "--json"])
    # then figures stand side by side, and the setting that differs is named
    assert done.code == 0, done.err
    what = {line["what"] for line in done.lines if line["type"] == "figure"}
    assert {"embed tokens", "write lance append rows", "ring total"} <= what
    unlike = next(line["unlike"] for line in done.lines if line["type"] == "comparison")
    assert unlike == ["--chunk-size: 64 and 32"]


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


@pytest.mark.parametrize("step", ["scanning", "embedding", "whole ring"])
def test_ctrl_c_ends_it_whatever_it_is_doing_and_leaves_nothing(
    step: str, benching: Benching
) -> None:
    # given a benchmark that is about to do this
    command = benching.command("--minutes", "0.05", "--limit", "30", json_lines=False)
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
