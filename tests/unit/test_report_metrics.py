"""``--metrics-file``: what Prometheus reads is what the run did, and the file is always whole."""

import math
import multiprocessing
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from reports import DONE

from vecstream_cli.errors import ExitCode, UsageError
from vecstream_cli.pipeline.events import Summary
from vecstream_cli.report.metrics import Ended, MetricsFile

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]
RUN = Ended(started=1_795_000_000.0, ended=1_795_000_252.5, code=ExitCode.DONE, summary=DONE)


def read(path: Path) -> Samples:
    """Every sample of the file, as Prometheus' own parser finds it; none may be there twice."""
    samples: Samples = {}
    names = []
    for family in text_string_to_metric_families(path.read_text("utf-8")):
        names.append(family.name)
        assert family.documentation
        assert family.type == "gauge"
        for sample in family.samples:
            key = sample.name, frozenset(sample.labels.items())
            assert key not in samples
            samples[key] = sample.value
    assert len(names) == len(set(names))
    return samples


def value(path: Path, name: str, **labels: str) -> float:
    """The sample of `name` that has these labels."""
    wanted = set(labels.items())
    (found,) = (v for (n, has), v in read(path).items() if n == name and wanted <= has)
    return found


def write(path: Path, run: Ended = RUN, *, job: str | None = None, collection: str = "c") -> None:
    MetricsFile(path, job=job, collection=collection).write(run)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "vecstream.prom"


def test_the_figures_are_those_of_the_summary(file: Path) -> None:
    write(file, job="nightly", collection="handbook")
    mine = {"job": "nightly", "collection": "handbook"}
    for word in ("new", "changed", "unchanged", "removed", "failed", "quarantined", "empty"):
        number = value(file, "vecstream_run_documents", outcome=word, **mine)
        assert number == getattr(DONE, f"documents_{word}")
    for word in ("embedded", "reused", "written", "deleted"):
        assert value(file, "vecstream_run_chunks", what=word) == getattr(DONE, f"chunks_{word}")
    assert value(file, "vecstream_run_tokens") == DONE.tokens
    assert value(file, "vecstream_run_peak_memory_bytes") == DONE.peak_memory_bytes
    assert value(file, "vecstream_run_duration_seconds") == DONE.seconds
    assert value(file, "vecstream_run_ended_timestamp_seconds") == RUN.ended


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_has_nothing_to_say(file: Path) -> None:
    write(file)
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=file.read_bytes(), capture_output=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize(
    ("code", "success"),
    [(ExitCode.DONE, True), (ExitCode.DOCUMENTS_FAILED, True), (ExitCode.DELETIONS_HELD, False),
     (ExitCode.FAILED, False), (ExitCode.TERMINATED, False)],
)  # fmt: skip
def test_only_a_success_renews_the_time_of_the_last_one(
    file: Path, code: ExitCode, success: bool
) -> None:
    # given a run that succeeded
    write(file)
    # when the next one ends
    write(file, replace(RUN, started=RUN.ended, ended=RUN.ended + 100, code=code))
    # then its code stands there, and the last success is its own or the one before
    assert value(file, "vecstream_run_exit_code") == code
    last = value(file, "vecstream_last_success_timestamp_seconds")
    assert last == RUN.ended + (100 if success else 0)


def test_before_the_first_success_its_time_is_0(file: Path) -> None:
    write(file, replace(RUN, code=ExitCode.FAILED, summary=Summary()))
    assert value(file, "vecstream_last_success_timestamp_seconds") == 0


def test_jobs_share_a_file_and_each_keeps_its_own_figures(file: Path) -> None:
    write(file, job="a", collection="one")
    write(file, job="a", collection="two")
    write(file, replace(RUN, code=ExitCode.FAILED), job="b", collection="one")
    write(file, replace(RUN, code=ExitCode.CEILING), job="a", collection="one")
    codes = {
        (dict(labels)["job"], dict(labels)["collection"]): number
        for (name, labels), number in read(file).items()
        if name == "vecstream_run_exit_code"
    }
    assert codes == {("a", "one"): 14, ("a", "two"): 0, ("b", "one"): 1}


@pytest.mark.parametrize("job", ['quo"ted', "back\\slash", "two\nlines", "n}, {", "é", ""])
def test_any_name_of_a_job_is_a_label_that_comes_back(file: Path, job: str) -> None:
    for _ in range(2):
        write(file, job=job)
    write(file, job="other")
    assert value(file, "vecstream_run_exit_code", job=job) == 0
    assert len([key for key in read(file) if key[0] == "vecstream_run_exit_code"]) == 2


def test_a_file_that_is_not_ours_is_never_overwritten(tmp_path: Path) -> None:
    for content in ("my diary\n", "# HELP node_load1 Load.\n", b"\xff\xfe"):
        other = tmp_path / "notes.txt"
        data = content if isinstance(content, bytes) else content.encode()
        other.write_bytes(data)
        with pytest.raises(UsageError, match="is not a metrics file of vecstream"):
            write(other)
        assert other.read_bytes() == data


@pytest.mark.parametrize("where", ["missing/file.prom", "plain/file.prom"])
def test_a_folder_that_is_none_is_refused_before_the_run(where: str, tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    with pytest.raises(UsageError, match="is not a folder to write to"):
        MetricsFile(tmp_path / where, job=None, collection="c")


def test_a_write_that_fails_leaves_the_old_file_whole_and_nothing_beside_it(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(file)
    before = file.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write(file, replace(RUN, code=ExitCode.FAILED))
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


def test_the_file_can_be_read_by_the_collector_that_is_another_user(file: Path) -> None:
    before = os.umask(0o022)
    try:
        write(file)
    finally:
        os.umask(before)
    assert file.stat().st_mode & 0o777 == 0o644


def write_often(path: str, job: str) -> None:
    """In a process of its own."""
    for _ in range(20):
        write(Path(path), job=job)


def test_jobs_that_end_at_once_lose_no_figures(file: Path) -> None:
    spawn = multiprocessing.get_context("fork")
    jobs = ["a", "b", "c"]
    writers = [spawn.Process(target=write_often, args=(str(file), job)) for job in jobs]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        if file.exists():
            assert not any(math.isnan(v) for v in read(file).values())  # whole at any moment
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    assert {value(file, "vecstream_run_exit_code", job=job) for job in jobs} == {0}
