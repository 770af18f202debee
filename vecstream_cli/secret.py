"""Floor 0: passwords and the like: where they come from, and a type that shows nothing."""

import re
from pathlib import Path
from typing import Self

from vecstream_cli.errors import AuthenticationFailed, UsageError
from vecstream_cli.hiding import HIDDEN, remember

_COMMAND_SECONDS = 120.0


class Secret:
    """A text that shows itself neither by `str` and `repr` nor in a traceback or as JSON.

    It is a value, or the first line of a file, or the first line that a command prints; the
    latter two are read when it is first revealed. A pickle of it holds the value or the way to it.
    """

    __slots__ = ("_command", "_file", "_value")

    def __init__(self, value: str) -> None:
        self._value: str | None = value
        self._file: Path | None = None
        self._command: str | None = None
        remember(value)

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """What stands in the first line of a file."""
        secret = cls("")
        secret._value, secret._file = None, path
        return secret

    @classmethod
    def from_command(cls, command: str) -> Self:
        """What a command prints first; its words are split as a shell does, but no shell runs."""
        secret = cls("")
        secret._value, secret._command = None, command
        return secret

    def reveal(self) -> str:
        """The value. Raises UsageError or AuthenticationFailed where it is not to be had."""
        if self._value is None:
            self._value = _read(self._file) if self._file is not None else _run(self._command or "")
            remember(self._value)
        return self._value

    @property
    def is_plain(self) -> bool:
        """It was given as it is, not as a file or a command to take it from."""
        return self._file is None and self._command is None

    @property
    def origin(self) -> str:
        """What may be said of it: that it is hidden, and where it would be read."""
        if self._file is not None:
            return f"{HIDDEN} (in the file {self._file})"
        return HIDDEN if self._command is None else f"{HIDDEN} (printed by a command)"

    def __repr__(self) -> str:
        return f"Secret({HIDDEN})"

    def __str__(self) -> str:
        return HIDDEN

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return self._ways() == other._ways()

    def __hash__(self) -> int:
        return hash(self._ways())

    def __setstate__(self, state: tuple[None, dict[str, object]]) -> None:
        for name, value in state[1].items():
            object.__setattr__(self, name, value)
        remember(self._value or "")

    def _ways(self) -> tuple[object, ...]:
        return (self._value if self.is_plain else None, self._file, self._command)


def parted(uri: str) -> tuple[str, Secret | None]:
    """A URI without its password, and the password."""
    from urllib.parse import unquote

    match = _URI.match(uri)
    if match is None:
        return uri, None
    scheme, authority, rest = match.groups()
    login, at, host = authority.rpartition("@")
    user, _, password = login.partition(":")
    if password:
        return f"{scheme}{user}{at if user else ''}{host}{rest}", Secret(unquote(password))
    path, mark, query = rest.partition("?")
    pairs = query.split("&")
    found = [pair for pair in pairs if pair.startswith("password=") and pair != "password="]
    if not found:
        return uri, None
    kept = "&".join(pair for pair in pairs if pair not in found)
    bare = f"{scheme}{authority}{path}{mark if kept else ''}{kept}"
    return bare, Secret(unquote(found[0].removeprefix("password=")))


def joined(uri: str | None, password: Secret | None) -> str | None:
    """The URI to connect with. What has no place for a password, such as a folder, stays as is."""
    match = None if uri is None or password is None else _URI.match(uri)
    if match is None or password is None:
        return uri
    from urllib.parse import quote

    scheme, authority, rest = match.groups()
    login, _, host = authority.rpartition("@")
    user = login.partition(":")[0]
    return f"{scheme}{user}:{quote(password.reveal(), safe='')}@{host}{rest}"


_URI = re.compile(r"(?i)([a-z][a-z0-9+.-]*://)([^/?#]*)(.*)", re.S)


def _read(path: Path) -> str:
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8"
        raise UsageError(
            f"The secret in {path} cannot be read: {why}.",
            hint="Check the path and its permissions.",
        ) from None
    if not (line := _first_line(text)):
        raise UsageError(
            f"The first line of {path} is empty.", hint="It should hold a secret and nothing else."
        )
    return line


def _first_line(text: str) -> str:
    return text.split("\n", 1)[0].removesuffix("\r")


def _run(command: str) -> str:
    import shlex
    import subprocess

    hint = "Run it by hand: it has to print the secret as its first line and end with 0."
    name = command.split(maxsplit=1)[0]
    try:
        done = subprocess.run(
            shlex.split(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            timeout=_COMMAND_SECONDS,
            check=False,
        )
        text = done.stdout.decode("utf-8")
    except OSError as error:
        why = error.strerror or type(error).__name__
    except subprocess.TimeoutExpired:
        why = f"it took more than {_COMMAND_SECONDS:.0f} seconds"
    except ValueError as error:  # no UTF-8, or a quotation that does not end
        why = "it prints no UTF-8" if isinstance(error, UnicodeError) else str(error)
    else:
        if done.returncode == 0 and (line := _first_line(text)):
            return line
        why = f"it ended with {done.returncode}" if done.returncode else "its first line is empty"
    raise AuthenticationFailed(f"The command for a secret ({name} …) failed: {why}.", hint=hint)
