"""What there is to index: the scan that a command's settings ask for, and what is read of it."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from vecstream_cli.errors import UsageError
from vecstream_cli.models.spec import ModelSpec
from vecstream_cli.readers.formats import suffixes
from vecstream_cli.settings import ReadingOptions, Settings
from vecstream_cli.state.roots import Root
from vecstream_cli.state.scan import Scan, scan


def reading_of(settings: Settings, spec: ModelSpec) -> ReadingOptions:
    """What the readers are told: what the settings say, and what the model has a use for.

    Raises UsageError where images are asked for that it cannot read.
    """
    if settings.embedded_images and spec.image is None:
        raise UsageError(
            f"--embedded-images needs a model that reads images, which {spec.name} is not.",
            hint="Leave it out, or use such a model, as in --model clip.",
        )
    return replace(settings.reading, text=spec.has_text, image=spec.image)


def scan_of(
    settings: Settings, roots: Sequence[Root], database: Path | None, reading: ReadingOptions
) -> Scan:
    """A scan of the roots by the settings' rules; `database`, a folder, is not entered."""
    return scan(
        roots,
        suffixes=suffixes(reading),
        include=settings.include,
        exclude=settings.exclude,
        hidden=settings.hidden,
        follow_links=settings.follow_links,
        limit=settings.limit,
        never=() if database is None else (os.path.realpath(os.fsencode(database)),),
    )
