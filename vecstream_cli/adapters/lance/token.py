"""Whether a Lance table has been changed since: a few stats of its newest manifest file."""

import json
import os
from pathlib import Path

_HINT = "latest_version_hint.json"
_LAST_VERSION = 2**64 - 1  # Lance names a manifest by what is left to here: the newest sorts first


def table_token(table: Path) -> str | None:
    """A text that is equal only while the table's newest version, and its files, are the same.

    Every commit, its record's too, makes a new manifest with the next number. Lance notes the
    latest beside them, at its leisure, so the rest is counted up; none are listed, since there
    may be tens of thousands. None where that is not how the table lies there.
    """
    versions = table / "_versions"
    try:
        version = int(json.loads((versions / _HINT).read_bytes())["version"])
        newest = _stat(versions, version)
        while (next_one := _stat_if_there(versions, version + 1)) is not None:
            version, newest = version + 1, next_one
        # A copy put in its place keeps names, sizes and times, and has other inodes.
        folders = [path.stat().st_ino for path in (table, versions)]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    parts = [version, newest.st_ino, newest.st_size, newest.st_mtime_ns, *folders]
    return "lance " + " ".join(map(str, parts))


def _stat(versions: Path, version: int) -> os.stat_result:
    return (versions / f"{_LAST_VERSION - version:020d}.manifest").stat()


def _stat_if_there(versions: Path, version: int) -> os.stat_result | None:
    try:
        return _stat(versions, version)
    except FileNotFoundError:
        return None
