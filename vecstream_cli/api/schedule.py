"""Schedule: what makes systemd or cron run a configuration file, checked, and put in its place."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from vecstream_cli.config_file import ConfigFile
from vecstream_cli.core.crontab import merged
from vecstream_cli.core.schedule import (
    CRON,
    NICENESS,
    SYSTEMD,
    Made,
    Schedule,
    When,
    cron_line,
    heading,
    service,
    timer,
)
from vecstream_cli.errors import UsageError, VecstreamError
from vecstream_cli.layers import arguments, trace
from vecstream_cli.settings import Settings

_SECONDS = 30  # for crontab and systemd-analyze, which take a fraction of one


def usual_kind() -> str:
    """What runs things by the clock on this machine."""
    return SYSTEMD if Path("/run/systemd/system").is_dir() else CRON


def planned(file: ConfigFile, job: str | None, when: When, name: str | None = None) -> Schedule:
    """The schedule of a configuration file's jobs, or the one named.

    Only the file counts: flags and variables of now are not there at night. Raises UsageError
    where it could not be run.
    """
    one = job is not None or len(file.jobs) < 2
    jobs = [file.job(job)] if one else list(file.jobs)
    settings = [Settings(**arguments(trace({}, environ={}, file=file, job=each))) for each in jobs]
    for each, its in zip(jobs, settings, strict=True):
        if not its.paths and its.files_from in (None, "-"):
            raise UsageError(
                f"{file.path if each is None else f'Job {each} of {file.path}'} names no paths.",
                hint='Say what to index, as in paths = ["/srv/docs"].',
            )
    path = file.path.absolute()
    ceilings = [its.max_memory for its in settings]
    chosen = None if job is None else file.job(job)
    return Schedule(
        name=_name(name, path, chosen),
        command=(
            *_program(),
            *("index", "--config", str(path)),
            *(() if chosen is None else ("--job", chosen)),
        ),
        folder=str(path.parent),
        when=when,
        max_memory=None if None in ceilings else max(filter(None, ceilings)),
        niceness=min(NICENESS if its.nice is None else its.nice for its in settings),
        strict=any(its.strict for its in settings),
    )


def make(schedule: Schedule, kind: str, *, install: bool = False) -> Made:
    """The schedule's texts; with `install` they are written where they belong.

    Nobody else's unit is replaced and no other line of a crontab is touched. Raises UsageError,
    or VecstreamError where systemd objects to the units, or a file cannot be written.
    """
    if kind == CRON:
        block = [heading(schedule), cron_line(schedule)]
        changed = install and _install_block(schedule.name, block)
        return Made(CRON, schedule.name, {"crontab": "\n".join(block) + "\n"}, (), changed)
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    folder = Path(base) / "systemd" / "user"
    texts = {
        folder / f"{schedule.name}.service": service(schedule),
        folder / f"{schedule.name}.timer": timer(schedule),
    }
    if objections := verified({path.name: text for path, text in texts.items()}):
        raise VecstreamError(
            f"systemd does not take the units: {objections}", hint="Use --kind cron instead."
        )
    if install:
        for path in texts:
            _must_be_ours(path, schedule)
        for path, text in texts.items():
            _write(path, text)
    commands = (
        "systemctl --user daemon-reload",
        f"systemctl --user enable --now {schedule.name}.timer",
        "loginctl enable-linger",  # or nothing runs while its user is not logged in
    )
    shown = {str(path): text for path, text in texts.items()}
    return Made(SYSTEMD, schedule.name, shown, commands, install)


def verified(texts: Mapping[str, str]) -> str:
    """What `systemd-analyze verify` has against these units; nothing where it is not there."""
    program = shutil.which("systemd-analyze")
    if program is None:
        return ""
    with TemporaryDirectory() as folder:
        for name, text in texts.items():
            (Path(folder) / name).write_text(text, "utf-8", "surrogateescape")
        done = subprocess.run(
            [program, "--user", "verify", "--man=no", *texts],
            cwd=folder,
            env={**os.environ, "XDG_RUNTIME_DIR": folder},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )
    # For an unknown key it only warns and ends with 0, and it may warn of others' units.
    return " ".join(
        line for line in done.stderr.splitlines() if any(name in line for name in texts)
    )


def _name(given: str | None, path: Path, job: str | None) -> str:
    if given is None:
        parts = dict.fromkeys(part for part in ("vecstream", path.stem, job) if part)
        return re.sub(r"[^A-Za-z0-9_.-]", "-", "-".join(parts))
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}", given):
        raise UsageError(
            f"{given!r} cannot name a schedule.", hint="Use letters, digits, '.', '_' and '-'."
        )
    return given


def _program() -> tuple[str, ...]:
    """The installed command by its absolute path: neither systemd nor cron has our PATH."""
    script = Path(sys.executable).with_name("vecstream")
    if os.access(script, os.X_OK):
        return (str(script),)
    return (sys.executable, "-m", "vecstream_cli")


def _must_be_ours(path: Path, schedule: Schedule) -> None:
    try:
        first = path.read_text("utf-8", "surrogateescape").split("\n", 1)[0]
    except FileNotFoundError:
        return
    except OSError as error:
        raise VecstreamError(f"{path} cannot be read: {error.strerror}.") from error
    if first != heading(schedule):
        raise UsageError(
            f"{path} is there already, and was not written for this configuration file.",
            hint="Give this schedule another name by --name.",
        )


def _write(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(text, "utf-8", "surrogateescape")
        draft.replace(path)
    except OSError as error:
        raise VecstreamError(
            f"{path} cannot be written: {error.strerror}.", hint="Check its folder."
        ) from error


def _install_block(name: str, block: list[str]) -> bool:
    """Put the block into the user's crontab; False where it stands there already."""
    before = _crontab("-l")
    after = merged(before, name, block)
    if after != before:
        _crontab("-", after)
    return after != before


def _crontab(argument: str, text: str = "") -> str:
    try:
        done = subprocess.run(
            ["crontab", argument],
            input=os.fsencode(text),
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except FileNotFoundError:
        raise VecstreamError(
            "There is no crontab on this machine.", hint="Install cron, or use --kind systemd."
        ) from None
    if done.returncode == 0:
        return os.fsdecode(done.stdout)
    said = os.fsdecode(done.stderr).strip()
    if argument == "-l" and said.startswith("no crontab for"):
        return ""
    raise VecstreamError(
        f"`crontab {argument}` failed: {said or done.returncode}.",
        hint="Try it by hand; the crontab is as it was.",
    )
