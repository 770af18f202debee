"""A nightly job from outside: its log, its figures and its pings, however it ends."""

import signal
import sys
from pathlib import Path

import psutil
import pytest
from conftest import Finished, Vecstream, prose, wait_until, write_documents
from hardship import SmallDisk, powerless
from listener import Listener
from prometheus_client.parser import text_string_to_metric_families

SECRET = "5d0c-hunter2"


def figures(path: Path) -> dict[str, float]:
    """What Prometheus' parser reads of a file with one job, by name and last label."""
    return {
        " ".join([sample.name, *(v for k, v in sample.labels.items() if k in ("outcome", "what"))]):
            sample.value
        for family in text_string_to_metric_families(path.read_text())
        for sample in family.samples
    }  # fmt: skip


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "job.log"


@pytest.fixture
def metrics(tmp_path: Path) -> Path:
    return tmp_path / "job.prom"


def watched(vecstream: Vecstream, listener: Listener, log: Path, metrics: Path) -> None:
    """All three for every run, as the environment of a cron job gives them."""
    vecstream.environment |= {
        "VECSTREAM_LOG_FILE": str(log),
        "VECSTREAM_METRICS_FILE": str(metrics),
        "VECSTREAM_PING_URL": f"{listener.url}/{SECRET}",
    }


def test_a_job_that_succeeds_then_fails_is_told_to_all_three(
    vecstream: Vecstream, docs: Path, log: Path, metrics: Path
) -> None:
    with Listener() as listener:
        watched(vecstream, listener, log, metrics)
        # given a run that succeeds
        done = vecstream.index(docs)
        assert done.code == 0, done.err
        assert listener.asked == [f"/{SECRET}/start", f"/{SECRET}"]
        first = figures(metrics)
        assert first["vecstream_run_exit_code"] == 0
        assert first["vecstream_run_documents new"] == 20
        assert first["vecstream_run_chunks written"] == done.summary["chunks_written"]
        assert first["vecstream_run_peak_memory_bytes"] == done.summary["peak_memory_bytes"]
        lines = log.read_text().splitlines()
        assert len([line for line in lines if f" new {docs}/doc-" in line]) == 20
        assert "ended: done (exit code 0)" in lines[-1]
        # when the next one fails
        failed = vecstream.index(docs, "--chunk-size", "32")
        # then the log says why, the code is new, and the last success is the first run's
        assert failed.code == 13
        assert listener.asked[2:] == [f"/{SECRET}/start", f"/{SECRET}/fail"]
        second = figures(metrics)
        assert second["vecstream_run_exit_code"] == 13
        when = "vecstream_last_success_timestamp_seconds"
        assert second[when] == first[when] > 0
        added = log.read_text().splitlines()[len(lines) :]
        assert "started: index into documents" in added[0]
        assert "error: " in added[-2]
        assert "(exit code 13)" in added[-1]
    # and nobody learns the URL
    everything = [done.out, done.err, failed.out, failed.err, log.read_text(), metrics.read_text()]
    assert not any("hunter2" in text for text in everything)


def test_a_run_that_is_killed_leaves_the_old_figures_and_one_that_is_ended_new_ones(
    vecstream: Vecstream, tmp_path: Path, log: Path, metrics: Path
) -> None:
    write_documents(tmp_path / "library", 40)
    (tmp_path / "library" / "long.txt").write_text(prose(120_000))
    with Listener() as listener:
        watched(vecstream, listener, log, metrics)
        assert vecstream.index(tmp_path / "library", "--limit", "1").code == 0
        before = metrics.read_bytes()
        # when the supervisor is killed
        run = vecstream.start(tmp_path / "library")
        wait_until(lambda: run.lines("document"))
        children = psutil.Process(run.pid).children(recursive=True)
        run.send(signal.SIGKILL)
        assert run.finish().code == -signal.SIGKILL
        psutil.wait_procs(children, timeout=10)
        # then the figures are the old ones, whole, and the monitor waits for a word
        assert metrics.read_bytes() == before
        assert listener.asked[-1] == f"/{SECRET}/start"
        # but when it is asked to end, it tells
        run = vecstream.start(tmp_path / "library")
        wait_until(lambda: run.lines("document"))
        run.send(signal.SIGTERM)
        assert run.finish().code == 143
        assert figures(metrics)["vecstream_run_exit_code"] == 143
        assert listener.asked[-1] == f"/{SECRET}/fail"
        assert "ended: terminated (exit code 143)" in log.read_text().splitlines()[-1]


@pytest.mark.parametrize("option", ["--log-file", "--metrics-file"])
@pytest.mark.parametrize("where", ["missing", "read-only"])
def test_a_file_that_cannot_be_written_is_a_usage_error_before_the_run(
    vecstream: Vecstream, docs: Path, tmp_path: Path, option: str, where: str
) -> None:
    if where == "read-only":
        (tmp_path / where).mkdir(mode=0o555)
    command = vecstream.command(docs, option, tmp_path / where / "file")
    done = vecstream.run(powerless(command) if where == "read-only" else command)
    assert done.code == 2
    assert "cannot be written" in done.err
    assert not vecstream.database.exists()


def test_a_disk_that_fills_up_costs_the_log_and_the_figures_but_not_the_run(
    vecstream: Vecstream, tmp_path: Path
) -> None:
    # given a disk with room for a few lines
    write_documents(tmp_path / "docs", 60, words=10)
    with SmallDisk(tmp_path / "small") as disk:
        options = ("--log-file", disk.folder / "log", "--metrics-file", disk.folder / "job.prom")
        done = vecstream.run(disk.inside(vecstream.command(tmp_path / "docs", *options)))
        kept = vecstream.run(disk.inside(["cat", disk.folder / "log"])).out
    assert done.code == 0, done.err
    assert done.summary["documents_new"] == 60
    reasons = [line["reason"] for line in done.lines if line["type"] == "notice"]
    assert sorted(reasons) == ["log-file", "metrics-file"]
    assert "started: index into documents" in kept


def test_a_retry_is_watched_as_well(
    vecstream: Vecstream, docs: Path, log: Path, metrics: Path
) -> None:
    # given a document that failed
    (docs / "broken.pdf").write_bytes(b"%PDF-1.7 broken")
    assert vecstream.index(docs).code == 3
    with Listener() as listener:
        watched(vecstream, listener, log, metrics)
        # when it is tried again
        command = [sys.executable, "-m", "vecstream_cli", "retry", "--json"]
        done = vecstream.run([*command, "--db-uri", str(vecstream.database)])
        # then all three are told, of a success, since everything that could be done is done
        assert done.code == 3, done.err
        assert listener.asked == [f"/{SECRET}/start", f"/{SECRET}"]
    assert figures(metrics)["vecstream_run_documents failed"] == 1
    assert any(f" failed {docs}/broken.pdf: " in line for line in log.read_text().splitlines())


def test_a_rebuild_is_watched_as_well(
    vecstream: Vecstream, docs: Path, log: Path, metrics: Path
) -> None:
    assert vecstream.index(docs).code == 0
    with Listener() as listener:
        watched(vecstream, listener, log, metrics)
        done = vecstream.index(docs, "--rebuild", "--chunk-size", "32")
        assert done.code == 0, done.err
        assert listener.asked == [f"/{SECRET}/start", f"/{SECRET}"]
    assert figures(metrics)["vecstream_run_documents new"] == 20


def test_a_dry_run_tells_nobody(vecstream: Vecstream, docs: Path, log: Path, metrics: Path) -> None:
    with Listener() as listener:
        watched(vecstream, listener, log, metrics)
        assert vecstream.index(docs, "--dry-run").code == 0
        assert not listener.asked
    assert not log.exists()
    assert not metrics.exists()


def test_a_monitor_that_is_away_costs_a_notice(vecstream: Vecstream, docs: Path) -> None:
    with Listener() as listener:
        url = f"{listener.url}/{SECRET}"
    done = vecstream.index(docs, "--ping-url", url)
    assert done.code == 0, done.err
    told = [line["message"] for line in done.lines if line["type"] == "notice"]
    assert told == ["The monitor could not be told: Connection refused."] * 2
    assert "hunter2" not in done.out + done.err


def test_every_job_of_a_file_has_its_own_pings_and_figures(
    vecstream: Vecstream, tmp_path: Path, metrics: Path, log: Path
) -> None:
    # given two jobs, of which the first cannot be done
    write_documents(tmp_path / "docs", 3)
    with Listener() as listener:
        config = tmp_path / "vecstream.toml"
        config.write_text(
            f"""
            metrics-file = "job.prom"
            log-file = "job.log"

            [jobs.first]
            paths = ["missing"]
            ping-url = "{listener.url}/first"

            [jobs.second]
            paths = ["docs"]
            collection = "second"
            ping-url = "{listener.url}/second"
            """
        )
        # when both are run
        done: Finished = vecstream.index("--config", config)
        # then each has told its own end, and neither the other's
        assert done.code == 2
        assert listener.asked == ["/first/start", "/first/fail", "/second/start", "/second"]
    codes = {
        sample.labels["job"]: (sample.labels["collection"], sample.value)
        for family in text_string_to_metric_families(metrics.read_text())
        for sample in family.samples
        if sample.name == "vecstream_run_exit_code"
    }
    assert codes == {"first": ("documents", 2), "second": ("second", 0)}
    ends = [line for line in log.read_text().splitlines() if " ended: " in line]
    assert ["first:" in line for line in ends] == [True, False]
    assert ["second:" in line for line in ends] == [False, True]
