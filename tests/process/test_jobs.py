"""Several jobs of one configuration file: each ends by itself, and the worst of them is told."""

import signal
from pathlib import Path

from conftest import Vecstream, wait_until, write_documents


def config(folder: Path, *jobs: str) -> Path:
    file = folder / "vecstream.toml"
    file.write_text("\n".join(jobs))
    return file


def job(name: str, *lines: str) -> str:
    return "\n".join((f"[jobs.{name}]", f'collection = "{name}"', *lines))


def test_each_job_has_its_own_end_and_a_failure_stops_none_after_it(vecstream: Vecstream) -> None:
    write_documents(vecstream.folder / "docs", 3)
    file = config(
        vecstream.folder,
        job("lost", 'paths = ["nowhere"]'),
        job("docs", 'paths = ["docs"]'),
    )

    done = vecstream.index("--config", file)

    ends = [line for line in done.lines if line["type"] == "summary"]
    assert [(line["job"], line["documents_new"]) for line in ends] == [("lost", 0), ("docs", 3)]
    assert ends[0]["exit_code"] != 0 == ends[1]["exit_code"]
    assert done.code == ends[0]["exit_code"]
    assert all("job" in line for line in done.lines)
    assert "Error in job lost: " in done.err


def test_one_job_is_run_where_it_is_named(vecstream: Vecstream) -> None:
    write_documents(vecstream.folder / "docs", 3)
    file = config(
        vecstream.folder, job("lost", 'paths = ["nowhere"]'), job("docs", 'paths = "docs"')
    )

    done = vecstream.index("--config", file, "--job", "docs")

    assert (done.code, done.err) == (0, "")
    assert {line["job"] for line in done.lines} == {"docs"}


def test_a_path_on_the_command_line_is_not_given_to_every_job(vecstream: Vecstream) -> None:
    file = config(vecstream.folder, job("a"), job("b"))

    done = vecstream.index(vecstream.folder, "--config", file)

    assert done.code == 2
    assert "several jobs: a, b" in done.err


def test_an_interruption_keeps_the_next_job_from_beginning(vecstream: Vecstream) -> None:
    write_documents(vecstream.folder / "docs", 400, words=2000)
    file = config(vecstream.folder, job("a", 'paths = "docs"'), job("b", 'paths = "docs"'))

    running = vecstream.start("--config", file)
    wait_until(lambda: any(line.get("chunks_written") for line in running.lines("status")))
    running.send(signal.SIGTERM)
    done = running.finish()

    assert done.code == 143
    assert {line["job"] for line in done.lines} == {"a"}
