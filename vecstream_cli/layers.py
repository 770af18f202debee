"""Floor 0: the layers that settings come from: defaults < file < its job < environment < flags.

A key is named as its flag without the dashes in front: ``chunk-size`` is ``--chunk-size``,
``chunk-size = 256`` in the configuration file and ``VECSTREAM_CHUNK_SIZE``. A list in the
environment is separated like PATH.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vecstream_cli.config_file import ConfigFile, read_config
from vecstream_cli.hiding import hidden
from vecstream_cli.keys import KEYS, NAMES, SECRET, understood, unknown
from vecstream_cli.secret import Secret, parted
from vecstream_cli.settings import Buffer, Settings, nearest

PREFIX = "VECSTREAM_"

WHAT_TO_INDEX = frozenset({"paths", "files-from"})  # a layer that names one replaces both

_NOT_SETTINGS = frozenset({"VECSTREAM_CONFIG", "VECSTREAM_CORPORA"})  # the latter is the tests'


@dataclass(frozen=True, slots=True)
class Given:
    """A setting's value, and the layer it comes from: file, job, environment or flag."""

    value: Any
    origin: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A setting as it may be shown: as JSON has values, and without what is secret."""

    key: str
    value: Any
    origin: str


def gather(
    flags: Mapping[str, object],
    *,
    environ: Mapping[str, str] = os.environ,
    config: str | None = None,
    job: str | None = None,
) -> dict[str, Any]:
    """What the layers say together, as keyword arguments of `Settings`; defaults are left out.

    `config` is a path and defaults to VECSTREAM_CONFIG. For the rest see `trace`.
    """
    file = config_file(config, environ)
    return arguments(trace(flags, environ=environ, file=file, job=job))


def trace(
    flags: Mapping[str, object],
    *,
    environ: Mapping[str, str],
    file: ConfigFile | None,
    job: str | None,
) -> dict[str, Given]:
    """What the layers say together, by key, with the layer that each value comes from.

    `flags` holds dashed names; None and empty lists mean: not given. `job` names one of the
    file's and may be left out where it has one or none. Raises UsageError for a key or a value
    that cannot be.
    """
    chosen = None if file is None else file.job(job)
    given: dict[str, Given] = {}
    for origin, layer in (
        ("file", {} if file is None else file.common),
        ("job", {} if file is None or chosen is None else file.jobs[chosen]),
        ("environment", _from_environment(environ)),
        ("flag", _from_flags(flags)),
    ):
        if WHAT_TO_INDEX & layer.keys():
            given = {key: each for key, each in given.items() if key not in WHAT_TO_INDEX}
        given |= {key: Given(value, origin) for key, value in layer.items()}
    return given


def arguments(given: Mapping[str, Given]) -> dict[str, Any]:
    """Settings by key, as keyword arguments of `Settings`."""
    return {key.replace("-", "_"): each.value for key, each in given.items()}


def config_file(config: str | None, environ: Mapping[str, str] = os.environ) -> ConfigFile | None:
    """The configuration file at `config` or VECSTREAM_CONFIG; None where neither names one."""
    path = config or environ.get(f"{PREFIX}CONFIG")
    return read_config(Path(path)) if path else None


def take_secrets(environ: dict[str, str] | os._Environ[str]) -> dict[str, str]:
    """A copy of the environment; what is secret in it is gone from `environ` itself.

    No child, and no command that a child runs, then finds it there.
    """
    before = dict(environ)
    for name in before:
        key, kind = NAMES.get(_key(name), (None, None))
        if name.startswith(PREFIX) and (kind is SECRET or key == "db-uri"):
            del environ[name]
    return before


def shown(settings: Settings, given: Mapping[str, Given]) -> Iterator[Shown]:
    """Every setting with its value and where it comes from, in the order of the keys."""
    for key in KEYS:
        origin = given[key].origin if key in given else "default"
        if key == "db-password" and origin == "default" and settings.db_password is not None:
            origin = given["db-uri"].origin  # where it stood
        yield Shown(key, _plain(getattr(settings, key.replace("-", "_"))), origin)


def variables(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The variables that give settings, each with the key to give it by in a file."""
    for name, value in environ.items():
        key = _key(name)
        if name.startswith(PREFIX) and key in NAMES and value:
            yield name, f"{key}-file" if NAMES[key][1] is SECRET else key


def warnings(given: Mapping[str, Given], file: ConfigFile | None) -> Iterator[tuple[str, str]]:
    """What is allowed but unwise in how these settings were given: a short code, and a sentence."""
    uri = given.get("db-uri")
    if uri is not None and parted(uri.value)[1] is not None:
        seen = "the list of processes shows it" if uri.origin == "flag" else "it is easily shown"
        yield (
            "password-in-uri",
            f"The database's password stands in its URI, where {seen}; give it by "
            "db-password-file, db-password-command or VECSTREAM_DB_PASSWORD instead.",
        )
    if file is not None and file.exposes_secrets:
        yield (
            "readable-secret",
            f"{file.path} holds a secret, and others can read it: run `chmod 600` on it.",
        )


def _plain(value: Any) -> Any:
    match value:
        case Secret():
            return value.origin
        case Path():
            return str(value)
        case tuple():
            return [_plain(each) for each in value]
        case Buffer():
            return value.slots or value.bytes
        case str():
            return hidden(value)
    return value


def _from_flags(flags: Mapping[str, object]) -> dict[str, Any]:
    layer: dict[str, Any] = {}
    for name, raw in flags.items():
        if raw is not None and raw != [] and raw != ():
            understood(layer, name, raw, "--" + name)
    return layer


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    layer: dict[str, Any] = {}
    for name, raw in environ.items():
        if not name.startswith(PREFIX) or name in _NOT_SETTINGS or not raw:
            continue
        if _key(name) not in NAMES:
            close = nearest(_key(name), list(NAMES))
            right = close and PREFIX + close.upper().replace("-", "_")
            raise unknown(name, "in the environment", _key(name), right)
        understood(layer, _key(name), raw, name)
    return layer


def _key(variable: str) -> str:
    return variable.removeprefix(PREFIX).lower().replace("_", "-")
