"""Floor 0: every setting's key, and the kind of value that stands under it.

A new setting is a line in `KEYS` and a field of `Settings`; its flag is defined in
`cli/options.py`. A secret may also be given as ``KEY-file`` or ``KEY-command``.
"""

import math
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vecstream_cli.errors import UsageError
from vecstream_cli.hiding import hidden
from vecstream_cli.secret import Secret
from vecstream_cli.settings import Buffer, parse_duration, parse_size


@dataclass(frozen=True, slots=True)
class Kind:
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


def _number(raw: object) -> float:
    number = float(raw) if type(raw) in (int, float) else float(_text(raw))  # type: ignore[arg-type]
    if not math.isfinite(number) or number < 0:
        raise ValueError
    return number


def _seconds(raw: object) -> float:
    return parse_duration(raw) if isinstance(raw, str) else _number(raw)


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


def _file(raw: object) -> Path:
    return Path(_text(raw))


def _languages(raw: object) -> str | None:
    try:
        return DEFAULT_OCR if _switch(raw) else None
    except ValueError:
        pass
    if not _LANGUAGES.fullmatch(_text(raw)):
        raise ValueError
    return str(raw)


def _secret(raw: object) -> Secret:
    return raw if isinstance(raw, Secret) else Secret(_text(raw))


def _secret_file(raw: object) -> Secret:
    return Secret.from_file(_file(raw).expanduser())


def _secret_command(raw: object) -> Secret:
    return Secret.from_command(_text(raw))


DEFAULT_OCR = "eng"
# As Tesseract names its data: ``eng``, ``chi_sim``, ``script/Latin``.
_LANGUAGES = re.compile(r"[A-Za-z][A-Za-z0-9_/]*(?:\+[A-Za-z][A-Za-z0-9_/]*)*")

_SWITCH = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off"), False),
}

TEXT = Kind("a text that is not empty", _text)
SWITCH = Kind("true or false", _switch)
WHOLE = Kind("a whole number", _whole)
NUMBER = Kind("a number, 0 or more", _number)
SECONDS = Kind("a number of seconds, or a time such as 90s, 30m or 2h", _seconds)
SIZE = Kind("a size such as 512M or 2G", _size)
LANGUAGES = Kind("true, false, or Tesseract's languages such as eng+deu", _languages)
BUFFER = Kind("at least 2 slots, or a size such as 64M", _buffer)
PARSERS = Kind("a whole number or auto", _parsers)
TEXTS = Kind("a list of texts", _texts)
FILE = Kind("the path of a file", _file)
PATHS = Kind("a list of paths", _paths)
SECRET = Kind("a text that is not empty", _secret)
SECRET_FILE = Kind("the path of a file", _secret_file)
SECRET_COMMAND = Kind("a command that prints the secret", _secret_command)

KEYS: Mapping[str, Kind] = {
    "paths": PATHS,
    "files-from": TEXT,
    "include": TEXTS,
    "exclude": TEXTS,
    "hidden": SWITCH,
    "follow-links": SWITCH,
    "limit": WHOLE,
    "source": TEXT,
    "require": PATHS,
    "ocr": LANGUAGES,
    "pdf-password": SECRET,
    "json-text": TEXT,
    "archives": SWITCH,
    "db": TEXT,
    "db-uri": TEXT,
    "db-password": SECRET,
    "db-option": TEXTS,
    "collection": TEXT,
    "model": TEXT,
    "revision": TEXT,
    "device": TEXT,
    "precision": TEXT,
    "chunk-size": WHOLE,
    "chunk-overlap": WHOLE,
    "embedded-images": SWITCH,
    "max-memory": SIZE,
    "buffer": BUFFER,
    "parsers": PARSERS,
    "document-timeout": SECONDS,
    "max-duration": SECONDS,
    "max-load": NUMBER,
    "nice": WHOLE,
    "checksum": SWITCH,
    "strict": SWITCH,
    "allow-mass-delete": SWITCH,
    "rebuild": SWITCH,
    "lock-wait": SECONDS,
    "debug": SWITCH,
    "log-file": FILE,
    "metrics-file": FILE,
    "ping-url": SECRET,
}

# The names that settings are given under, each with the key it is for. The file that a secret
# stands in and the command that prints it are two more ways to give the same setting.
NAMES: Mapping[str, tuple[str, Kind]] = (
    {key: (key, kind) for key, kind in KEYS.items()}
    | {f"{key}-file": (key, SECRET_FILE) for key, kind in KEYS.items() if kind is SECRET}
    | {f"{key}-command": (key, SECRET_COMMAND) for key, kind in KEYS.items() if kind is SECRET}
)

# Anybody on the machine can read a process's arguments.
NEVER_FLAGS = frozenset({"db-password", "pdf-password"})

# What is no setting: how a command speaks, and where its settings come from.
ON_THE_COMMAND_LINE = frozenset({"json", "quiet", "yes", "config", "job", "dry-run"})


def understood(layer: dict[str, Any], name: str, raw: object, label: str) -> None:
    """Put what `raw` means under `name` into a layer; `label` is what the user called it.

    Raises UsageError where the value is of another kind, or the layer has the setting already.
    """
    key, kind = NAMES[name]
    if key in layer:
        raise UsageError(
            f"{label} gives {key} for a second time.",
            hint=f"Keep one of {', '.join(other for other in NAMES if NAMES[other][0] == key)}.",
        )
    try:
        layer[key] = kind.read(raw)
    except (ValueError, UsageError):
        given = "another value" if kind is SECRET else hidden(repr(raw))
        raise UsageError(f"{label} must be {kind.expects}, not {given}.") from None


def unknown(name: str, where: str, key: str, right: str | None) -> UsageError:
    """The error for a name that is no setting, with the one that was meant."""
    if key in ON_THE_COMMAND_LINE:
        hint = f"Pass --{key} on the command line."
    elif right is not None:
        hint = f"Did you mean {right}?"
    else:
        hint = f"The settings are {', '.join(sorted(NAMES))}."
    return UsageError(f"{name!r} {where} is not a setting.", hint=hint)
