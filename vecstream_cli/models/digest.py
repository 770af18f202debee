"""Digests of model files, so that a fingerprint follows their content and not their place."""

import hashlib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from vecstream_cli.models.remembered import Stamp, remember, remembered

_LARGE = 1 << 20  # bytes; what is smaller is read as fast as it is looked up
_SHA256 = re.compile(r"[0-9a-f]{64}")


def digest_of_files(paths: Sequence[Path]) -> str:
    """The SHA-256 of one file, or of the digests of several, as 64 hex digits."""
    digests = []
    for path in paths:
        stat = path.stat()
        stamp = (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)
        digests.append(_digest(path.resolve(), stamp))
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def digest_of_json(facts: Mapping[str, Any], *, without: Collection[str]) -> str:
    """A short digest of a JSON object, independent of its layout, less the keys `without`."""
    kept = {key: value for key, value in facts.items() if key not in without}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:16]


@lru_cache(maxsize=64)
def _digest(path: Path, stamp: Stamp) -> str:
    """Read once a process, a large one once for all: `stamp` tells a changed file from a known."""
    # The hub's cache names a large file by its SHA-256, which its download has checked.
    if path.parent.name == "blobs" and _SHA256.fullmatch(path.name):
        return path.name
    large = stamp[0] >= _LARGE
    if large and (known := remembered(path, stamp)) is not None:
        return known
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if large:
        remember(path, stamp, digest)
    return digest
