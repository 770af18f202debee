"""Where a document lies, as short as it can be said from here."""

from pathlib import Path

from vecstream_cli.report.escape import printable


def place(source: str, path: str, *, here: str | None = None) -> str:
    """The document `path` of `source`, safe to print.

    A source that is a folder gives a path a person can open, relative to `here` (the current
    folder) where it lies below; a source with a name of its own gives ``name:path``.
    """
    if not source.startswith("/"):
        return printable(f"{source}:{path}")
    return folder(f"{source.rstrip('/')}/{path}", here=here)


def folder(path: str, *, here: str | None = None) -> str:
    """A path, relative to `here` (the current folder) where it lies in it, safe to print.

    Where `here` is empty, the whole path.
    """
    here = _current() if here is None else here
    if not here:
        return printable(path)
    if path == here:
        return "."
    return printable(path.removeprefix(here.rstrip("/") + "/"))


def _current() -> str:
    try:
        return str(Path.cwd())
    except OSError:  # the folder this process stands in was removed
        return "/"
