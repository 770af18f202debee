"""A nightly run as text: a systemd service with its timer, or a line of a crontab."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from vecstream_cli.errors import ExitCode, UsageError
from vecstream_cli.settings import parse_duration

SYSTEMD, CRON = KINDS = ("systemd", "cron")
NICENESS = 10

_DAY = 86_400
_UNSAFE = re.compile(r"[^A-Za-z0-9_@+=:,./-]")


@dataclass(frozen=True, slots=True)
class When:
    """The same times in the words of systemd (OnCalendar) and of cron (five fields)."""

    calendar: str
    cron: str


def daily(at: str) -> When:
    """Once a day at ``HH:MM``, by the machine's clock. Raises UsageError."""
    match = re.fullmatch(r"([01]?[0-9]|2[0-3]):([0-5][0-9])", at.strip())
    if match is None:
        raise UsageError(f"--at {at!r} is not a time of day.", hint="Write it as in --at 02:30.")
    hour, minute = int(match[1]), int(match[2])
    return When(f"*-*-* {hour:02}:{minute:02}:00", f"{minute} {hour} * * *")


def repeated(every: str) -> When:
    """Every so often, counted from midnight. Raises UsageError for what divides no day evenly."""
    seconds = parse_duration(every)
    minutes, rest = divmod(seconds, 60)
    if seconds == _DAY:
        return daily("00:00")
    if not rest and minutes and 60 % minutes == 0:
        step = int(minutes) % 60
        return When(
            f"*-*-* *:0/{step}:00" if step else "*-*-* *:00:00",
            f"*/{step} * * * *" if step else "0 * * * *",
        )
    if not seconds % 3600 and seconds and _DAY % seconds == 0:
        hours = int(seconds // 3600)
        return When(f"*-*-* 0/{hours}:00:00", f"0 */{hours} * * *")
    raise UsageError(
        f"--every {every!r} does not divide an hour or a day evenly.",
        hint="Use minutes such as 15m or 30m, hours such as 1h, 6h or 12h, or 1d.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """What is to run, and when. `command` names everything by absolute paths.

    `folder` is where it runs. `max_memory`: the largest ceiling of its jobs, in bytes (None:
    they choose it themselves). `niceness` is the least of theirs. `strict`: documents that failed
    are to be a failure.
    """

    name: str
    command: tuple[str, ...]
    folder: str
    when: When
    max_memory: int | None = None
    niceness: int = NICENESS
    strict: bool = False

    def __post_init__(self) -> None:
        if re.search(r"[\x00-\x1f\x7f]", "".join(self.command) + self.folder):
            raise UsageError(
                "A path with a line break or another control character cannot be scheduled.",
                hint="Rename the configuration file, or its folder.",
            )


@dataclass(frozen=True, slots=True)
class Made:
    """A schedule as text: by the file each part belongs into, and the commands that start it.

    Of a crontab it is the block that is ours. `changed`: installing it changed something.
    """

    kind: str
    name: str
    texts: Mapping[str, str]
    commands: tuple[str, ...]
    changed: bool = False


def heading(schedule: Schedule) -> str:
    """The first line of everything that is written, by which it is known again."""
    return f"# Written by `vecstream schedule`, to run: {shlex.join(schedule.command[1:])}"


def service(schedule: Schedule) -> str:
    """The service unit."""
    program, *arguments = map(_word, schedule.command)
    command = " ".join((program, *(word.replace("$", "$$") for word in arguments)))
    # A stop while it runs (143) is what the service manager wanted.
    fine = [int(code) for code in ExitCode if code.succeeded and code and not schedule.strict]
    lines = [
        heading(schedule),
        "[Unit]",
        f"Description=vecstream: index by {_plain(schedule.name)}",
        "",
        "[Service]",
        "Type=oneshot",
        f"WorkingDirectory={_plain(schedule.folder)}",
        f"ExecStart={command}",
        f"SuccessExitStatus={' '.join(map(str, [*fine, int(ExitCode.TERMINATED)]))}",
        "# The supervisor alone is told to stop; it ends the others when their work is written.",
        "KillMode=mixed",
        "TimeoutStopSec=5min",
        f"Nice={schedule.niceness}",
        "IOSchedulingClass=best-effort",
        "IOSchedulingPriority=7",
        *([] if schedule.max_memory is None else [f"MemoryMax={schedule.max_memory}"]),
    ]
    return "\n".join(lines) + "\n"


def timer(schedule: Schedule) -> str:
    """The timer unit that starts the service; a time that the machine slept through is made up."""
    return (
        f"{heading(schedule)}\n"
        f"[Unit]\nDescription=vecstream: index by {_plain(schedule.name)}, in time\n\n"
        f"[Timer]\nOnCalendar={schedule.when.calendar}\nPersistent=true\n\n"
        "[Install]\nWantedBy=timers.target\n"
    )


def cron_line(schedule: Schedule) -> str:
    """The crontab's line. Silent on success, so that cron sends mail about failures alone.

    Raises UsageError for a backslash, which crons read in different ways.
    """
    command = shlex.join(("nice", "-n", str(schedule.niceness), *schedule.command, "--quiet"))
    line = f"cd {shlex.quote(schedule.folder)} && exec {command}"
    if "\\" in line:
        raise UsageError(
            "A path with a backslash cannot stand in a crontab.",
            hint="Move the configuration file, or use --kind systemd.",
        )
    return f"{schedule.when.cron} " + line.replace("%", r"\%")


def _word(text: str) -> str:
    """A word of ExecStart."""
    text = _plain(text)
    if text and not _UNSAFE.search(text.replace("%%", "")):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _plain(text: str) -> str:
    """The rest of a line; only the specifiers that begin with % are to be kept from it."""
    return text.replace("%", "%%")
