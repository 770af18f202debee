"""A configuration file may hold several jobs: common keys, and what is each one's own."""

from pathlib import Path

import pytest

from vecstream_cli.config_file import read_config
from vecstream_cli.errors import UsageError
from vecstream_cli.layers import config_file, gather, trace

TWO_JOBS = """
collection = "of-all"
limit = 5
[jobs.docs]
paths = ["docs"]
[jobs.notes]
paths = "notes"
collection = "notes"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "vecstream.toml"
    path.write_text(TWO_JOBS)
    return path


def test_a_job_has_the_common_keys_and_its_own_win(file: Path) -> None:
    assert gather({}, environ={}, config=str(file), job="docs") == {
        "collection": "of-all",
        "limit": 5,
        "paths": (file.parent / "docs",),
    }
    assert gather({}, environ={}, config=str(file), job="notes")["collection"] == "notes"


def test_the_environment_wins_over_a_job_and_a_flag_over_both(file: Path) -> None:
    environ = {"VECSTREAM_COLLECTION": "of-the-environment", "VECSTREAM_LIMIT": "6"}
    given = trace({"limit": "7"}, environ=environ, file=read_config(file), job="notes")
    assert {key: (each.value, each.origin) for key, each in given.items()} == {
        "collection": ("of-the-environment", "environment"),
        "limit": (7, "flag"),
        "paths": ((file.parent / "notes",), "job"),
    }


def test_the_jobs_keep_their_order(file: Path) -> None:
    assert list(read_config(file).jobs) == ["docs", "notes"]


def test_of_several_jobs_one_has_to_be_named(file: Path) -> None:
    with pytest.raises(UsageError, match="several jobs: docs, notes") as refusal:
        gather({}, environ={}, config=str(file))
    assert "--job" in refusal.value.hint


def test_an_only_job_need_not_be_named(tmp_path: Path) -> None:
    file = tmp_path / "one.toml"
    file.write_text("limit = 1\n[jobs.it]\nlimit = 2")
    assert gather({}, environ={}, config=str(file)) == {"limit": 2}


@pytest.mark.parametrize(
    ("job", "hint"), [("doc", "Did you mean docs?"), ("xyz", "The jobs are docs, notes.")]
)
def test_a_job_that_is_not_there_is_answered_with_those_that_are(
    file: Path, job: str, hint: str
) -> None:
    with pytest.raises(UsageError, match=f"no job '{job}'") as refusal:
        gather({}, environ={}, config=str(file), job=job)
    assert refusal.value.hint == hint


@pytest.mark.parametrize(
    ("text", "words", "hint"),
    [
        ("[jobs.a]\nlimmit = 1", r"'limmit' in \[jobs.a\] of", "Did you mean limit?"),
        ("[job.a]\nlimit = 1", "'job' in", "Did you mean jobs?"),
        ("jobs = 3", "no table of jobs", "[jobs.NAME]"),
        ("[jobs]\nlimit = 3", "no table of jobs", "[jobs.NAME]"),
        ('[jobs."../x"]\nlimit = 3', "cannot name a job", "letters"),
        ("[jobs.a]\nlimit = 'x'", r"limit in \[jobs.a\] of .* must be a whole number", ""),
        ("[jobs.a.b]\nlimit = 1", r"'b' in \[jobs.a\] of .* is not a setting", ""),
    ],
)
def test_a_job_that_cannot_be_is_refused_by_its_name(
    tmp_path: Path, text: str, words: str, hint: str
) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(text)
    with pytest.raises(UsageError, match=words) as refusal:
        read_config(file)
    assert hint in refusal.value.hint


def test_every_file_that_is_named_is_seen_from_the_file_s_folder(tmp_path: Path) -> None:
    file = tmp_path / "vecstream.toml"
    file.write_text('[jobs.a]\ndb-password-file = "secret"\nfiles-from = "list"')
    (tmp_path / "secret").write_text("hunter2\n")
    given = gather({}, environ={}, config=str(file))
    assert given["db_password"].reveal() == "hunter2"
    assert given["files_from"] == str(tmp_path / "list")


def test_without_a_file_there_is_none() -> None:
    assert config_file(None, {}) is None
