"""A schedule is right for systemd and for cron, whatever the paths are called."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from vecstream_cli.api.schedule import make, planned, verified
from vecstream_cli.config_file import read_config
from vecstream_cli.core.crontab import merged
from vecstream_cli.core.schedule import (
    CRON,
    SYSTEMD,
    Schedule,
    When,
    cron_line,
    daily,
    repeated,
    service,
    timer,
)
from vecstream_cli.errors import UsageError, VecstreamError

AWKWARD = "a 100% $HOME `id` \"q\" 'it' ;&|#"
CRON_ENVIRONMENT = {"SHELL": "/bin/sh", "PATH": "/usr/bin:/bin", "LOGNAME": "me"}

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)


def scheduled(*command: str, folder: str = "/", **more: object) -> Schedule:
    return Schedule(name="it", command=command, folder=folder, when=daily("02:30"), **more)  # type: ignore[arg-type]


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A program in an awkward folder that writes down its folder, arguments and niceness."""
    folder = tmp_path / AWKWARD
    folder.mkdir()
    program = folder / "tell"
    program.write_text(
        f"#!{sys.executable}\nimport json, os, sys\n"
        f"told = [os.getcwd(), os.nice(0), sys.argv[1:]]\n"
        f"open({str(tmp_path / 'told')!r}, 'w').write(json.dumps(told))\n"
    )
    program.chmod(0o755)
    return program


def as_cron_reads_it(line: str) -> str:
    """The command of a crontab's line: after five fields, up to a % that is not escaped."""
    command = line.split(maxsplit=5)[5]
    escaped, read = False, ""
    for character in command:
        if character == "%" and not escaped:
            break
        read = read[:-1] + character if escaped and character == "%" else read + character
        escaped = character == "\\" and not escaped
    return read


def test_cron_runs_the_very_command_in_its_folder_and_gently(program: Path, tmp_path: Path) -> None:
    arguments = ("index", "--config", f"{program.parent}/vec.toml")
    line = cron_line(scheduled(str(program), *arguments, folder=str(program.parent)))

    command = as_cron_reads_it(line)
    done = subprocess.run(
        ["/bin/sh", "-c", command], env=CRON_ENVIRONMENT, cwd="/", capture_output=True, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    folder, niceness, given = json.loads((tmp_path / "told").read_text())
    assert (folder, given) == (str(program.parent), [*arguments, "--quiet"])
    assert niceness >= 10


def test_the_exit_code_of_the_command_is_cron_s() -> None:
    line = cron_line(scheduled("/bin/sh", "-c", "exit 25", "x"))
    done = subprocess.run(
        ["/bin/sh", "-c", as_cron_reads_it(line)], env=CRON_ENVIRONMENT, check=False
    )
    assert done.returncode == 25


def test_a_backslash_which_crons_read_differently_is_refused() -> None:
    with pytest.raises(UsageError, match="backslash"):
        cron_line(scheduled("/a\\b", "index"))


def test_a_line_break_cannot_smuggle_in_a_second_line() -> None:
    with pytest.raises(UsageError, match="line break"):
        scheduled("/bin/true", "/a\n* * * * * evil")


def test_systemd_reads_the_very_command_from_the_unit() -> None:
    command = (f"/a 100% $HOME/{'x'}", "index", "--config", f"/{AWKWARD}\\/x%h.toml", "")
    (line,) = re.findall("^ExecStart=(.*)$", service(scheduled(*command)), re.M)
    program, *arguments = shlex.split(line)  # its quotes and backslashes are those of a shell
    assert not any("%" in word.replace("%%", "") for word in (program, *arguments))
    assert not any("$" in word.replace("$$", "") for word in arguments)
    read = [program, *(word.replace("$$", "$") for word in arguments)]
    assert [word.replace("%%", "%") for word in read] == [*command]


@needs_systemd
@pytest.mark.parametrize("when", [daily("2:05"), repeated("15m"), repeated("6h"), repeated("1h")])
def test_systemd_finds_nothing_wrong_with_the_units(program: Path, when: When) -> None:
    folder = program.parent.with_name("a 100% $HOME ;&|#")  # it refuses programs with a quote
    folder.symlink_to(program.parent)
    plan = Schedule(
        name="it",
        command=(f"{folder}/{program.name}", "index", "--config", f"{program.parent}/x.toml"),
        folder=str(folder),
        when=when,
        max_memory=2 << 30,
    )
    assert verified({"it.service": service(plan), "it.timer": timer(plan)}) == ""


@needs_systemd
@pytest.mark.parametrize(
    ("right", "wrong", "words"),
    [
        ("Nice=10", "Nicee=10", "Unknown key"),
        ("Nice=10", "Nice=1000", "ice"),
        ("ExecStart=/bin/true", "ExecStart=/no/such/program", "not executable"),
    ],
)
def test_systemd_would_find_what_is_wrong(right: str, wrong: str, words: str) -> None:
    text = service(scheduled("/bin/true", "index"))
    assert right in text
    assert words in verified({"it.service": text.replace(right, wrong)})


@needs_systemd
@pytest.mark.parametrize("every", ["1m", "20m", "30m", "1h", "8h", "24h"])
def test_systemd_and_cron_mean_the_same_times(every: str) -> None:
    when = repeated(every)
    done = subprocess.run(
        ["systemd-analyze", "calendar", "--iterations=3", when.calendar],
        env={**os.environ, "TZ": "UTC"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    times = [
        line.rsplit(" ", 2)[1]
        for line in done.stdout.splitlines()
        if "Next elapse" in line or "Iter. #" in line
    ]
    minutes, hours, *days = when.cron.split()
    assert days == ["*", "*", "*"]
    assert len(times) == 3
    for time in times:
        hour, minute, second = map(int, time.split(":"))
        assert (second, _fits(minutes, minute), _fits(hours, hour)) == (0, True, True)


def _fits(field: str, value: int) -> bool:
    return field == "*" or (
        value % int(field[2:]) == 0 if field.startswith("*/") else value == int(field)
    )


@pytest.mark.parametrize("every", ["7m", "5h", "90m", "2d", "30s", "0"])
def test_what_divides_no_day_evenly_is_refused(every: str) -> None:
    with pytest.raises(UsageError, match="evenly"):
        repeated(every)


@pytest.mark.parametrize("at", ["24:00", "2", "02:60", "noon"])
def test_a_time_of_day_that_is_none_is_refused(at: str) -> None:
    with pytest.raises(UsageError, match="time of day"):
        daily(at)


def test_the_unit_has_the_ceiling_and_takes_failed_documents_for_a_success() -> None:
    text = service(scheduled("/bin/true", max_memory=123456))
    assert "MemoryMax=123456\n" in text
    assert "SuccessExitStatus=3 143\n" in text


def test_a_strict_job_takes_failed_documents_for_a_failure() -> None:
    assert "SuccessExitStatus=143\n" in service(scheduled("/bin/true", strict=True))


def test_a_plan_takes_the_largest_ceiling_of_its_jobs_and_none_where_one_has_none(
    tmp_path: Path,
) -> None:
    file = tmp_path / "nightly.toml"
    jobs = '[jobs.a]\npaths="a"\nmax-memory="1G"\n[jobs.b]\npaths="b"\n'
    file.write_text(f'max-memory = "2G"\n{jobs}')
    assert planned(read_config(file), None, daily("1:00")).max_memory == 2 << 30
    assert planned(read_config(file), "a", daily("1:00")).max_memory == 1 << 30
    file.write_text(jobs)
    assert planned(read_config(file), None, daily("1:00")).max_memory is None


def test_a_plan_is_as_nice_as_the_least_nice_of_its_jobs(tmp_path: Path) -> None:
    file = tmp_path / "vecstream.toml"
    file.write_text('paths = "a"\n[jobs.a]\nnice = 3\n[jobs.b]\nnice = 15\n[jobs.c]\n')
    found = [planned(read_config(file), job, daily("1:00")).niceness for job in (None, "b", "c")]
    assert found == [3, 15, 10]


def test_a_plan_names_everything_absolutely(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my jobs.toml").write_text('[jobs.a]\npaths = "a"\n[jobs.b]\npaths = "b"')
    monkeypatch.chdir(tmp_path)
    plan = planned(read_config(Path("my jobs.toml")), "b", daily("1:00"))
    assert Path(plan.command[0]).is_absolute()
    assert plan.command[-4:] == ("--config", str(tmp_path / "my jobs.toml"), "--job", "b")
    assert plan.folder == str(tmp_path)
    assert plan.name == "vecstream-my-jobs-b"


def test_a_job_that_would_index_nothing_is_refused_now_and_not_at_night(tmp_path: Path) -> None:
    file = tmp_path / "vecstream.toml"
    file.write_text('[jobs.a]\npaths = "a"\n[jobs.b]\nlimit = 3')
    with pytest.raises(UsageError, match=r"Job b of .* names no paths"):
        planned(read_config(file), None, daily("1:00"))


# ── putting it in its place


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Schedule:
    """The plan of a file; nothing it writes leaves the test's folder."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    file = tmp_path / "vecstream.toml"
    file.write_text('paths = "docs"')
    return planned(read_config(file), None, daily("1:00"))


@pytest.fixture
def crontab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A double of the program `crontab`, for the real one would write in the real table."""
    table, programs = tmp_path / "table", tmp_path / "bin"
    programs.mkdir()
    (programs / "crontab").write_text(
        f'#!/bin/sh\nif [ "$1" = -l ]; then\n  [ -e "{table}" ] && exec cat "{table}"\n'
        f'  echo "no crontab for me" >&2; exit 1\nfi\ncat > "{table}"\n'
    )
    (programs / "crontab").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    return table


def test_units_are_written_once_and_again_without_change(plan: Schedule, tmp_path: Path) -> None:
    folder = tmp_path / "config" / "systemd" / "user"
    made = make(plan, SYSTEMD, install=True)
    assert sorted(made.texts) == [
        str(folder / f"vecstream.{kind}") for kind in ("service", "timer")
    ]
    first = {path.name: path.read_text() for path in folder.iterdir()}
    make(plan, SYSTEMD, install=True)
    assert {path.name: path.read_text() for path in folder.iterdir()} == first


def test_printing_writes_nothing(plan: Schedule, tmp_path: Path, crontab: Path) -> None:
    make(plan, SYSTEMD)
    make(plan, CRON)
    assert not (tmp_path / "config").exists()
    assert not crontab.exists()


def test_somebody_else_s_unit_is_not_replaced(plan: Schedule, tmp_path: Path) -> None:
    unit = tmp_path / "config" / "systemd" / "user" / "vecstream.timer"
    unit.parent.mkdir(parents=True)
    unit.write_text("[Timer]\n")
    with pytest.raises(UsageError, match="was not written for this") as refusal:
        make(plan, SYSTEMD, install=True)
    assert "--name" in refusal.value.hint
    assert [path.name for path in unit.parent.iterdir()] == ["vecstream.timer"]
    assert unit.read_text() == "[Timer]\n"


def test_a_crontab_is_made_where_there_is_none(plan: Schedule, crontab: Path) -> None:
    assert make(plan, CRON, install=True).changed
    assert cron_line(plan) in crontab.read_text().splitlines()


def test_installing_again_changes_nothing(plan: Schedule, crontab: Path) -> None:
    make(plan, CRON, install=True)
    before = crontab.read_text()
    assert not make(plan, CRON, install=True).changed
    assert crontab.read_text() == before


def test_other_lines_of_the_crontab_stay_byte_by_byte(plan: Schedule, crontab: Path) -> None:
    theirs = b"MAILTO=me\n\n# caf\xe9\n0 1 * * *\techo 100\\% \n@reboot x"
    crontab.write_bytes(theirs)
    make(plan, CRON, install=True)
    make(plan, CRON, install=True)
    assert crontab.read_bytes().startswith(theirs + b"\n# BEGIN vecstream vecstream\n")


def test_a_crontab_that_cannot_be_read_is_not_replaced(
    plan: Schedule, crontab: Path, tmp_path: Path
) -> None:
    crontab.write_text("0 1 * * * theirs\n")
    program = tmp_path / "bin" / "crontab"
    program.write_text(program.read_text().replace("exec cat", "echo busy >&2; exit 3; cat"))
    with pytest.raises(VecstreamError, match="busy"):
        make(plan, CRON, install=True)
    assert crontab.read_text() == "0 1 * * * theirs\n"


def test_a_block_is_replaced_where_it_stands_and_another_s_is_not() -> None:
    table = merged(merged("a\n", "x", ["# 1", "old"]), "y", ["# 2", "other"]) + "b\n"
    assert merged(table, "x", ["# 1", "new"]) == table.replace("old", "new")


def test_a_block_that_is_for_another_file_is_not_replaced() -> None:
    with pytest.raises(UsageError, match="not written for this") as refusal:
        merged(merged("", "x", ["# 1", "theirs"]), "x", ["# 2", "ours"])
    assert "--name" in refusal.value.hint


@pytest.mark.parametrize(
    "broken",
    [
        "# BEGIN vecstream x\na\n",
        "a\n# END vecstream x\n",
        "# END vecstream x\n# BEGIN vecstream x\n",
        "# BEGIN vecstream x\n# BEGIN vecstream x\n# END vecstream x\n",
    ],
)
def test_marks_that_are_no_pair_are_left_to_a_person(broken: str) -> None:
    with pytest.raises(VecstreamError, match="not a pair"):
        merged(broken, "x", ["new"])
