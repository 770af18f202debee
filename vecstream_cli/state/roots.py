"""What the command line names, as sources to be listed."""

# ruff: noqa: PTH118, PTH120 (paths are bytes, which pathlib does not take)

import os
import stat
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vecstream_cli.errors import UsageError
from vecstream_cli.state.entries import SourceRecord


@dataclass(frozen=True, slots=True)
class Root:
    """A source to list: a folder, and what was named of it.

    `base` is the folder's real path. `whole`: the folder itself was named, so all of it is
    listed and what is missing is gone. `named` are paths below `base` that were named one by
    one; they are taken whatever the ignore files, the suffix or a leading dot say.
    """

    source: str
    base: bytes
    whole: bool = True
    named: tuple[bytes, ...] = ()


def roots_of(
    paths: Sequence[Path], files_from: str | None = None, source: str | None = None
) -> list[Root]:
    """The roots for the paths of a command line, none inside another, sorted by folder.

    A folder is a source of its own, named by its real path or by `source`. A file belongs to its
    folder, which then is not listed whole. `files_from` is a file of paths or ``-`` for standard
    input, one a line or ended by NUL; they are relative to the one folder in `paths`, or else to
    the current one, and only they are taken.

    Raises UsageError for a path that does not exist or is neither file nor folder.
    """
    if files_from is not None:
        return _listed_roots(paths, files_from, source)
    folders: set[bytes] = set()
    files: set[bytes] = set()
    for path in paths:
        (folders if _is_folder(path) else files).add(_real(path))
    return _grouped(folders, files, source)


def adopted(roots: Sequence[Root], known: Iterable[SourceRecord]) -> list[Root]:
    """The same roots, those inside a folder that was once indexed whole as parts of that source.

    ``index ./docs`` and then ``index ./docs/guide`` speak of the same documents: without this
    they would be stored twice, under two sources.
    """
    folders = {each.base: each.name for each in known if each.base and each.listed_at}
    found: dict[bytes, Root] = {}
    for root in roots:
        above = [base for base in folders if _relative(root.base, base)]
        if root.base not in folders and above:
            base = max(above, key=len)
            inside = _relative(root.base, base) or b""
            named = [inside] if root.whole else [inside + b"/" + name for name in root.named]
            root = Root(folders[base], base, whole=False, named=tuple(named))
        if (before := found.get(root.base)) is not None:
            names = tuple(sorted({*before.named, *root.named}))
            root = replace(before, whole=before.whole or root.whole, named=names)
        found[root.base] = root
    return [found[base] for base in sorted(found)]


def _listed_roots(paths: Sequence[Path], files_from: str, source: str | None) -> list[Root]:
    if len(paths) > 1 or (paths and not _is_folder(paths[0])):
        raise UsageError("With --files-from, name one folder that its paths are relative to.")
    base = _real(paths[0]) if paths else os.path.realpath(b".")
    inside: set[bytes] = set()
    outside: set[bytes] = set()
    for line in _lines(files_from):
        # The folder is made real and the name is not: a listed link keeps the name it has.
        folder, name = os.path.split(os.path.normpath(os.path.join(base, line)))
        path = os.path.join(os.path.realpath(folder), name)
        (outside if _relative(path, base) is None else inside).add(path)
    named = tuple(sorted(relative for path in inside if (relative := _relative(path, base))))
    own = [Root(source or os.fsdecode(base), base, whole=False, named=named)] if named else []
    return sorted([*own, *_grouped(set(), outside, None)], key=lambda root: root.base)


def _grouped(folders: set[bytes], files: set[bytes], source: str | None) -> list[Root]:
    """A root for each outermost folder, and for each folder of the remaining files."""
    outermost: list[bytes] = []
    for folder in sorted(folders, key=_with_slash):
        if not outermost or _relative(folder, outermost[-1]) is None:
            outermost.append(folder)
    named: dict[bytes, set[bytes]] = {}
    for path in (folders | files).difference(outermost):
        holder = next((f for f in outermost if _relative(path, f) is not None), None)
        base = os.path.dirname(path) if holder is None else holder
        named.setdefault(base, set()).add(_relative(path, base) or b"")
    return [
        Root(
            source or os.fsdecode(base),
            base,
            whole=base in outermost,
            named=tuple(sorted(named.get(base, ()))),
        )
        for base in sorted({*outermost, *named})
    ]


def _is_folder(path: Path) -> bool:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise UsageError(
            f"{_shown(path)} cannot be indexed: {error.strerror or error}.",
            hint="Name a folder or a file that exists and that you may read.",
        ) from error
    except ValueError as error:
        raise UsageError(f"{_shown(path)} cannot be a path: {error}.") from error
    if not stat.S_ISDIR(mode) and not stat.S_ISREG(mode):
        raise UsageError(
            f"{_shown(path)} is neither a file nor a folder.", hint="Name a file or a folder."
        )
    return stat.S_ISDIR(mode)


def _lines(files_from: str) -> Iterable[bytes]:
    try:
        content = sys.stdin.buffer.read() if files_from == "-" else Path(files_from).read_bytes()
    except OSError as error:
        raise UsageError(
            f"The list {files_from!r} cannot be read: {error.strerror or error}.",
            hint="Give --files-from a file with one path a line, or - for standard input.",
        ) from error
    end = b"\0" if b"\0" in content else b"\n"
    return (line for line in content.split(end) if line)


def _real(path: Path) -> bytes:
    return os.path.realpath(os.fsencode(path))


def _relative(path: bytes, base: bytes) -> bytes | None:
    """`path` relative to `base`; None where it is not below it, empty where it is the same."""
    if path == base:
        return b""
    start = _with_slash(base)
    return path[len(start) :] if path.startswith(start) else None


def _with_slash(folder: bytes) -> bytes:
    return folder if folder.endswith(b"/") else folder + b"/"


def _shown(path: Path) -> str:
    return os.fsencode(path).decode("utf-8", "backslashreplace")
