"""Where a collection's manifest and lock lie."""

import os
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

# A URI such as postgresql:///?host=/run/pg&dbname=base names its database in the query.
_IDENTIFYING = frozenset(
    {
        "control",
        "database",
        "db",
        "dbname",
        "host",
        "hostaddr",
        "port",
        "schema",
        "service",
        "tenant",
    }
)


@dataclass(frozen=True, slots=True)
class Place:
    """The files that vecstream keeps about a collection; neither needs to exist."""

    manifest: Path
    lock: Path


def locate(database: str, uri: str | None, collection: str, local: Path | None) -> Place:
    """Where the files of a collection lie; nothing is made.

    `local` is the folder of an embedded database: they lie beside its data and move with it.
    For a server or an object store they lie in the user's state directory, in a folder for this
    `database` (the adapter's name) at this `uri`. All collections of a database share a folder.
    """
    folder = _server_folder(database, uri or "") if local is None else _absolute(local)
    return Place(folder / f"{collection}.sqlite3", folder / f"{collection}.lock")


def _absolute(local: Path) -> Path:
    # Not resolved: where the database's folder is a link, what it leads to may be replaced.
    return Path.cwd() / local / ".vecstream"


def _server_folder(database: str, uri: str) -> Path:
    from platformdirs import user_state_path

    place = blake2b(os.fsencode(_without_secrets(uri)), digest_size=8).hexdigest()
    return user_state_path("vecstream", appauthor=False) / f"{database}-{place}"


def _without_secrets(uri: str) -> str:
    """The URI without what may change while the database stays the same: users, passwords, TLS."""
    parts = urlsplit(uri)
    kept = sorted(pair for pair in parse_qsl(parts.query) if pair[0] in _IDENTIFYING)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path.rstrip("/"), urlencode(kept), ""))
