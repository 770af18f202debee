"""What there is to index: the scan that a command's settings ask for."""

import os
from collections.abc import Sequence
from pathlib import Path

from vecstream_cli.readers.formats import suffixes
from vecstream_cli.settings import Settings
from vecstream_cli.state.roots import Root
from vecstream_cli.state.scan import Scan, scan


def scan_of(settings: Settings, roots: Sequence[Root], database: Path | None) -> Scan:
    """A scan of the roots by the settings' rules; `database`, a folder, is not entered."""
    return scan(
        roots,
        suffixes=suffixes(settings.reading),
        include=settings.include,
        exclude=settings.exclude,
        hidden=settings.hidden,
        follow_links=settings.follow_links,
        limit=settings.limit,
        never=() if database is None else (os.path.realpath(os.fsencode(database)),),
    )
