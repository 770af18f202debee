"""Digests of large files, kept in the user's cache folder: a nightly run reads no weights."""

import contextlib
import json
import os
import time
from pathlib import Path

Stamp = tuple[int, int, int, int]
"""Size, time of modification and of status change in nanoseconds, inode."""

MOST = 64
RACY_NS = 2_000_000_000  # a file changed so shortly before may change again without a new time


def remembered(path: Path, stamp: Stamp) -> str | None:
    """The digest that the file had when it had this very stamp."""
    found = _read(_file()).get(str(path))
    return str(found[-1]) if isinstance(found, list) and found[:-1] == list(stamp) else None


def remember(path: Path, stamp: Stamp, digest: str) -> None:
    """Keep a digest, if the file rests and there is a place to keep it; the newest are kept."""
    if max(stamp[1:3]) >= time.time_ns() - RACY_NS:
        return
    file = _file()
    known = _read(file)
    known.pop(str(path), None)
    known[str(path)] = [*stamp, digest]
    # It only saves time: without a home that can be written to, the file is read each time.
    with contextlib.suppress(OSError):
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = file.with_name(f"{file.name}.{os.getpid()}")
        new.write_text(json.dumps(dict(list(known.items())[-MOST:])))
        new.replace(file)


def _file() -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("vecstream", appauthor=False) / "digests.json"


def _read(file: Path) -> dict[str, object]:
    try:
        known = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}
