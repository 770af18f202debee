"""The terms a run begins on: what has to be there, and how much it leaves to other programs."""

import os
from collections.abc import Sequence
from pathlib import Path

from vecstream_cli.errors import RequirementMissing
from vecstream_cli.settings import ReadingOptions


def insist_on(files: Sequence[Path]) -> None:
    """Raise RequirementMissing, naming the first of these that is not there."""
    for file in files:
        try:
            file.stat()
        except (OSError, ValueError) as error:
            shown = os.fsencode(file).decode("utf-8", "backslashreplace")
            why = getattr(error, "strerror", None) or str(error)
            message = f"{shown}, which --require names, is not there: {why}."
            raise RequirementMissing(message) from None


def insist_on_ocr(reading: ReadingOptions) -> None:
    """Raise UsageError where --ocr is given and Tesseract, or a language's data, is not here."""
    if reading.ocr:
        from vecstream_cli.readers.ocr import must_be_installed

        must_be_installed(reading.ocr)


def be_nice(niceness: int | None) -> None:
    """Give way to other programs: this thread, and every process that it starts from now on.

    Never raises a priority that is lower already, which only the superuser could.
    """
    if niceness is not None and os.getpriority(os.PRIO_PROCESS, 0) < niceness:
        os.setpriority(os.PRIO_PROCESS, 0, niceness)
