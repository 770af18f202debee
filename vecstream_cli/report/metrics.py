"""``--metrics-file``: a run's figures in Prometheus' text format, for node_exporter to collect.

The file holds the last run of every job and collection that writes to it. It is replaced in one
step, so that a reader, or a crash, finds the old figures or the new ones.
"""

import fcntl
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from vecstream_cli.errors import ExitCode, UsageError
from vecstream_cli.pipeline.events import Summary

_LAST_SUCCESS = "vecstream_last_success_timestamp_seconds"
_HELP: Mapping[str, str] = {
    _LAST_SUCCESS: "When a run last ended with exit code 0 or 3; 0 if never.",
    "vecstream_run_started_timestamp_seconds": "When the last run started.",
    "vecstream_run_ended_timestamp_seconds": "When the last run ended.",
    "vecstream_run_duration_seconds": "How long the last run took.",
    "vecstream_run_exit_code": "The exit code of the last run.",
    "vecstream_run_documents": "Documents of the last run, by what became of them.",
    "vecstream_run_chunks": "Chunks of the last run, by what was done with them.",
    "vecstream_run_tokens": "Tokens that the last run embedded.",
    "vecstream_run_deletions_held": "Deletions that the last run held back.",
    "vecstream_run_scan_problems": "Files and folders that the last run could not look at.",
    "vecstream_run_peak_memory_bytes": "The most memory that all its processes used together.",
    "vecstream_run_max_memory_bytes": "The memory ceiling of the last run.",
}
_DOCUMENTS = (
    "new", "changed", "unchanged", "removed", "failed", "quarantined", "skipped", "empty",
)  # fmt: skip
_CHUNKS = ("embedded", "reused", "written", "deleted")
_SAMPLE = re.compile(r"(?P<name>vecstream_\w+)\{(?P<labels>.*)\} (?P<value>\S+)")


@dataclass(frozen=True, slots=True)
class Ended:
    """A run that has ended; the times are seconds since 1970."""

    started: float
    ended: float
    code: ExitCode
    summary: Summary


class MetricsFile:
    """The file, and the labels under which this job stands in it.

    Raises UsageError where the folder is not to be written to, or the file is something else.
    """

    def __init__(self, path: Path, *, job: str | None, collection: str) -> None:
        self._path = path
        self._mine = f'collection="{_quoted(collection)}",job="{_quoted(job or "")}"'
        folder = path.parent
        if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
            raise UsageError(
                f"The metrics file {path} cannot be written: {folder} is not a folder to write to.",
                hint="Name a file in a folder that exists and can be written to.",
            )
        try:
            self._lines()
        except (OSError, UnicodeDecodeError, ValueError) as error:
            raise UsageError(
                f"{path} is there, but is not a metrics file of vecstream.",
                hint="It is left as it is; name another --metrics-file.",
            ) from error

    def write(self, run: Ended) -> None:
        """Put the run's figures in the place of the job's old ones. Raises OSError."""
        with _alone(self._path.parent):
            samples = self._of_others()
            for name, labels, value in self._mine_now(run):
                samples[name].append(f"{name}{{{labels}}} {value}")
            text = "".join(
                f"# HELP {name} {_HELP[name]}\n# TYPE {name} gauge\n" + "\n".join(lines) + "\n"
                for name, lines in samples.items()
            )
            _replace(self._path, text)

    def _mine_now(self, run: Ended) -> Iterator[tuple[str, str, float]]:
        summary, mine = run.summary, self._mine
        success = round(run.ended, 3) if run.code.succeeded else self._last_success()
        yield _LAST_SUCCESS, mine, success
        yield "vecstream_run_started_timestamp_seconds", mine, round(run.started, 3)
        yield "vecstream_run_ended_timestamp_seconds", mine, round(run.ended, 3)
        yield "vecstream_run_duration_seconds", mine, round(summary.seconds, 3)
        yield "vecstream_run_exit_code", mine, int(run.code)
        for word in _DOCUMENTS:
            number = getattr(summary, f"documents_{word}")
            yield "vecstream_run_documents", f'{mine},outcome="{word}"', number
        for word in _CHUNKS:
            number = getattr(summary, f"chunks_{word}")
            yield "vecstream_run_chunks", f'{mine},what="{word}"', number
        yield "vecstream_run_tokens", mine, summary.tokens
        yield "vecstream_run_deletions_held", mine, summary.deletions_held
        yield "vecstream_run_scan_problems", mine, summary.scan_problems
        yield "vecstream_run_peak_memory_bytes", mine, summary.peak_memory_bytes
        yield "vecstream_run_max_memory_bytes", mine, summary.max_memory_bytes

    def _of_others(self) -> dict[str, list[str]]:
        """What other jobs and collections have in the file, by metric."""
        samples: dict[str, list[str]] = {name: [] for name in _HELP}
        for line in self._lines():
            sample = _SAMPLE.fullmatch(line)
            if sample and sample["name"] in samples and not self._is_mine(sample["labels"]):
                samples[sample["name"]].append(line)
        return samples

    def _last_success(self) -> float:
        for line in self._lines():
            sample = _SAMPLE.fullmatch(line)
            if sample and sample["name"] == _LAST_SUCCESS and self._is_mine(sample["labels"]):
                return float(sample["value"])
        return 0

    def _is_mine(self, labels: str) -> bool:
        return labels == self._mine or labels.startswith(self._mine + ",")

    def _lines(self) -> Sequence[str]:
        """The lines of the file as it is; none where it is not there or empty.

        Raises ValueError where it is not one of ours.
        """
        try:
            lines = self._path.read_text("utf-8").split("\n")
        except FileNotFoundError:
            return ()
        if lines[0] and not lines[0].startswith("# HELP vecstream_"):
            raise ValueError
        return lines


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let no other vecstream replace a metrics file of the folder meanwhile."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with suppress(OSError):  # a network file system may have no locks; then the last one wins
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _replace(path: Path, text: str) -> None:
    """The whole file or none of it; node_exporter reads only what ends in ``.prom``."""
    new = path.with_name(f".{path.name}.new")
    try:
        with new.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError:
        new.unlink(missing_ok=True)
        raise
