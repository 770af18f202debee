"""Floor 0: the configuration file: keys that hold for all, and named jobs that have their own.

`paths` and every file it names are relative to its own folder, and so are a `db-uri` or a
`model` that begin with ``./``, ``../`` or ``~/``.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vecstream_cli.errors import UsageError
from vecstream_cli.keys import FILE, KEYS, NAMES, PATHS, SECRET_FILE, TEXTS, understood, unknown
from vecstream_cli.secret import Secret, parted
from vecstream_cli.settings import nearest

JOBS = "jobs"


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """What a configuration file says, by key: `common` to all jobs, and each job's own."""

    path: Path
    common: Mapping[str, Any]
    jobs: Mapping[str, Mapping[str, Any]]
    exposes_secrets: bool = False  # it holds one, and users other than its owner can read it

    def job(self, name: str | None) -> str | None:
        """The job that `name` means; where it is None, the only one, or none if there are none.

        Raises UsageError where there is no such job, or more than one to choose from.
        """
        if name is None and len(self.jobs) > 1:
            raise UsageError(
                f"{self.path} has several jobs: {', '.join(self.jobs)}.",
                hint="Name one of them by --job.",
            )
        if name is None or name in self.jobs:
            return name or next(iter(self.jobs), None)
        close = nearest(name, list(self.jobs))
        known = f"The jobs are {', '.join(self.jobs)}." if self.jobs else "It has no jobs."
        raise UsageError(
            f"{self.path} has no job {name!r}.", hint=f"Did you mean {close}?" if close else known
        )


def read_config(path: Path) -> ConfigFile:
    """Read a configuration file. Raises UsageError for a key, a value or a file that cannot be."""
    table = _load(path)
    jobs = table.pop(JOBS, {})
    if not isinstance(jobs, dict) or not all(isinstance(job, dict) for job in jobs.values()):
        raise UsageError(
            f"{JOBS} in {path} is no table of jobs.", hint="A job begins with a line: [jobs.NAME]"
        )
    for name in jobs:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", name):
            raise UsageError(
                f"{name!r} in {path} cannot name a job.",
                hint="Use letters, digits, '.', '_' and '-', starting with a letter or digit.",
            )
    common = _layer(table, path, f"in {path}")
    own = {name: _layer(job, path, f"in [{JOBS}.{name}] of {path}") for name, job in jobs.items()}
    exposed = path.stat().st_mode & 0o077 and any(map(_has_a_secret, (common, *own.values())))
    return ConfigFile(path, common, own, bool(exposed))


def _load(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except FileNotFoundError:
        raise UsageError(
            f"There is no configuration file {path}.", hint="Check the path given to --config."
        ) from None
    except OSError as error:
        raise UsageError(
            f"The configuration file {path} cannot be read: {error.strerror}.",
            hint="Check the path given to --config.",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(
            f"The configuration file {path} is not valid TOML: {error}.",
            hint='A line reads like: chunk-size = 256, or collection = "handbook".',
        ) from error


def _layer(table: Mapping[str, object], path: Path, where: str) -> dict[str, Any]:
    layer: dict[str, Any] = {}
    for name, raw in table.items():
        if name not in NAMES:
            if isinstance(raw, dict):
                raise unknown(name, where, "", nearest(name, [JOBS]))
            raise unknown(name, where, name, nearest(name, [*NAMES]))
        key, kind = NAMES[name]
        if isinstance(raw, str) and kind in (TEXTS, PATHS):
            raw = [raw]
        if isinstance(raw, str) and kind in (FILE, SECRET_FILE):
            raw = str(path.parent / Path(raw).expanduser())
        understood(layer, name, raw, f"{name} {where}")
        layer[key] = _beside(path.parent, key, layer[key])
    return layer


def _has_a_secret(layer: Mapping[str, Any]) -> bool:
    return parted(layer.get("db-uri", ""))[1] is not None or any(
        isinstance(value, Secret) and value.is_plain for value in layer.values()
    )


def _beside(folder: Path, key: str, value: Any) -> Any:
    """A value of the configuration file, with its relative paths seen from the file's folder."""
    if KEYS[key] is PATHS:
        return tuple(folder / path.expanduser() for path in value)
    if key == "files-from":
        return value if value == "-" else str(folder / Path(value).expanduser())
    if key in ("db-uri", "model") and value.startswith(("./", "../", "~/")):
        return str(folder / Path(value).expanduser())
    return value
