"""Floor 0: the layers that settings come from: defaults < TOML < environment < flags.

A key is named as its flag without the dashes in front: ``chunk-size`` is ``--chunk-size``,
``chunk-size = 256`` in the configuration file and ``VECSTREAM_CHUNK_SIZE``. In the file,
`paths` and `files-from` are relative to its own folder, and so are a `db-uri` or a `model`
that begin with ``./``, ``../`` or ``~/``. A list in the environment is separated like PATH.
"""

import math
import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vecstream_cli.errors import UsageError
from vecstream_cli.settings import Buffer, nearest, parse_size

PREFIX = "VECSTREAM_"

_HOW_IT_IS_SHOWN = frozenset({"json", "quiet", "yes", "config"})
_NOT_SETTINGS = frozenset({"VECSTREAM_CONFIG", "VECSTREAM_CORPORA"})  # the latter is the tests'
_WHAT_TO_INDEX = frozenset({"paths", "files-from"})  # a layer that names one replaces both


def gather(
    flags: Mapping[str, object],
    *,
    environ: Mapping[str, str] = os.environ,
    config: str | None = None,
) -> dict[str, Any]:
    """What the layers say together, as keyword arguments of `Settings`; defaults are left out.

    `flags` holds dashed names; None and empty lists mean: not given. `config` is a path and
    defaults to VECSTREAM_CONFIG. Raises UsageError for a key or a value that cannot be.
    """
    config = config or environ.get(f"{PREFIX}CONFIG") or None
    values: dict[str, Any] = {}
    for layer in (
        _from_file(Path(config)) if config else {},
        _from_environment(environ),
        _from_flags(flags),
    ):
        if _WHAT_TO_INDEX & layer.keys():
            values = {key: value for key, value in values.items() if key not in _WHAT_TO_INDEX}
        values |= layer
    return {key.replace("-", "_"): value for key, value in values.items()}


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of value: what to call it, and how it is read from text or a TOML value.

    `read` raises ValueError or UsageError where the value is of another kind.
    """

    expects: str
    read: Callable[[object], object]


def _text(raw: object) -> str:
    if not isinstance(raw, str) or not raw:
        raise ValueError
    return raw


def _switch(raw: object) -> bool:
    if isinstance(raw, bool):
        return raw
    try:
        return _SWITCH[_text(raw).lower()]
    except KeyError:
        raise ValueError from None


def _whole(raw: object) -> int:
    return raw if type(raw) is int else int(_text(raw))


def _seconds(raw: object) -> float:
    seconds = float(raw) if type(raw) in (int, float) else float(_text(raw))  # type: ignore[arg-type]
    if not math.isfinite(seconds) or seconds < 0:
        raise ValueError
    return seconds


def _number_or_text(raw: object) -> str:
    return str(raw) if type(raw) is int else _text(raw)


def _size(raw: object) -> int:
    return parse_size(_number_or_text(raw))


def _buffer(raw: object) -> Buffer:
    return Buffer.parse(_number_or_text(raw))


def _parsers(raw: object) -> int | None:
    return None if raw == "auto" else _whole(raw)


def _texts(raw: object) -> tuple[str, ...]:
    if isinstance(raw, str):
        return tuple(part for part in raw.split(os.pathsep) if part)
    if isinstance(raw, list | tuple):
        return tuple(_text(part) for part in raw)
    raise ValueError


def _paths(raw: object) -> tuple[Path, ...]:
    return tuple(Path(part) for part in _texts(raw))


_SWITCH = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off"), False),
}

TEXT = _Kind("a text that is not empty", _text)
SWITCH = _Kind("true or false", _switch)
WHOLE = _Kind("a whole number", _whole)
SECONDS = _Kind("a number of seconds", _seconds)
SIZE = _Kind("a size such as 512M or 2G", _size)
BUFFER = _Kind("at least 2 slots, or a size such as 64M", _buffer)
PARSERS = _Kind("a whole number or auto", _parsers)
TEXTS = _Kind("a list of texts", _texts)
PATHS = _Kind("a list of paths", _paths)

KEYS: Mapping[str, _Kind] = {
    "paths": PATHS,
    "files-from": TEXT,
    "include": TEXTS,
    "exclude": TEXTS,
    "hidden": SWITCH,
    "follow-links": SWITCH,
    "limit": WHOLE,
    "source": TEXT,
    "db": TEXT,
    "db-uri": TEXT,
    "collection": TEXT,
    "model": TEXT,
    "revision": TEXT,
    "device": TEXT,
    "precision": TEXT,
    "chunk-size": WHOLE,
    "chunk-overlap": WHOLE,
    "max-memory": SIZE,
    "buffer": BUFFER,
    "parsers": PARSERS,
    "document-timeout": SECONDS,
    "checksum": SWITCH,
    "strict": SWITCH,
    "allow-mass-delete": SWITCH,
    "lock-wait": SECONDS,
    "debug": SWITCH,
}


def _from_flags(flags: Mapping[str, object]) -> dict[str, Any]:
    return {
        key: _read(key, raw, "--" + key)
        for key, raw in flags.items()
        if raw is not None and raw != [] and raw != ()
    }


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    layer = {}
    for name, raw in environ.items():
        if not name.startswith(PREFIX) or name in _NOT_SETTINGS or not raw:
            continue
        key = name.removeprefix(PREFIX).lower().replace("_", "-")
        if key not in KEYS:
            close = nearest(key, list(KEYS))
            right = close and PREFIX + close.upper().replace("-", "_")
            raise _unknown(name, "in the environment", key, right)
        layer[key] = _read(key, raw, name)
    return layer


def _from_file(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            table = tomllib.load(file)
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
    layer = {}
    for key, raw in table.items():
        if key not in KEYS:
            raise _unknown(key, f"in {path}", key, nearest(key, list(KEYS)))
        if isinstance(raw, str) and KEYS[key] in (TEXTS, PATHS):
            raw = [raw]
        layer[key] = _beside(path.parent, key, _read(key, raw, f"{key} in {path}"))
    return layer


def _beside(folder: Path, key: str, value: Any) -> Any:
    """A value of the configuration file, with its relative paths seen from the file's folder."""
    if key == "paths":
        return tuple(folder / path.expanduser() for path in value)
    if key == "files-from":
        return value if value == "-" else str(folder / Path(value).expanduser())
    if key in ("db-uri", "model") and value.startswith(("./", "../", "~/")):
        return str(folder / Path(value).expanduser())
    return value


def _read(key: str, raw: object, label: str) -> Any:
    kind = KEYS[key]
    try:
        return kind.read(raw)
    except (ValueError, UsageError):
        raise UsageError(f"{label} must be {kind.expects}, not {raw!r}.") from None


def _unknown(name: str, where: str, key: str, right: str | None) -> UsageError:
    if key in _HOW_IT_IS_SHOWN:
        hint = f"Pass --{key} on the command line."
    elif right is not None:
        hint = f"Did you mean {right}?"
    else:
        hint = f"The settings are {', '.join(sorted(KEYS))}."
    return UsageError(f"{name!r} {where} is not a setting.", hint=hint)
