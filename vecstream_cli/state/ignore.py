"""The ignore files that hold in a folder: .gitignore as git reads them, .vecstreamignore above."""

# ruff: noqa: PTH120 (paths are bytes, which pathlib does not take)

import os
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from vecstream_cli.core.gitignore import Rules

GIT_FILE = b".gitignore"
OWN_FILE = b".vecstreamignore"
REPOSITORY = b".git"


@dataclass(frozen=True, slots=True)
class _Layer:
    """The rules of one file, and how a path of the scan looks from where that file lies."""

    rules: Rules
    skip: int  # bytes of the path that lead to the file's folder
    prefix: bytes  # what leads from the file's folder down to the scan's base
    outer: "_Layer | None"


@dataclass(frozen=True, slots=True)
class Ignores:
    """What holds in a folder. A .vecstreamignore, wherever it lies, has the last word."""

    git: _Layer | None = None
    own: _Layer | None = None

    def __bool__(self) -> bool:
        return self.git is not None or self.own is not None

    def ignored(self, name: bytes, path: bytes, *, is_folder: bool) -> bool:
        """Whether the entry is left out; `path` is relative to the scan's base."""
        if self.own is not None:
            verdict = _verdict(self.own, name, path, is_folder)
            if verdict is not None:
                return verdict
        return self.git is not None and bool(_verdict(self.git, name, path, is_folder))

    def inside(self, folder: bytes, relative: bytes, names: Collection[bytes]) -> "Ignores":
        """What holds inside a folder, given what holds where it lies.

        `relative` is the folder's path below the scan's base, with its slash; `names` are those
        of `SPECIAL_NAMES` that it has. A repository within another starts anew, as in git.
        """
        here = self
        if REPOSITORY in names:
            layer = _layer(_exclude_file(folder), relative, b"", None)
            here = replace(here, git=layer)
        if GIT_FILE in names:
            # Git does not follow a .gitignore that is a link.
            layer = _layer(folder + b"/" + GIT_FILE, relative, b"", here.git, follow=False)
            here = replace(here, git=layer)
        if OWN_FILE in names:
            layer = _layer(folder + b"/" + OWN_FILE, relative, b"", here.own)
            here = replace(here, own=layer)
        return here


SPECIAL_NAMES = frozenset({GIT_FILE, OWN_FILE, REPOSITORY})


def ignores_above(folder: bytes, base: bytes) -> Ignores:
    """What the folders above `folder` say, for paths relative to `base` (`folder` or above it).

    They are read down from the repository that `folder` lies in, and from `base`. What they say
    of `folder` itself does not count: the user named it.
    """
    start = base.rstrip(b"/") + b"/"
    parents = _parents(folder)
    repository = None
    if not os.path.lexists(folder + b"/" + REPOSITORY):
        repository = next((p for p in parents if os.path.lexists(p + b"/" + REPOSITORY)), None)
    found = Ignores()
    for parent in reversed(parents):
        above = parent.rstrip(b"/") + b"/"
        in_base = above.startswith(start)
        if not in_base and (repository is None or len(parent) < len(repository)):
            continue
        # From a folder above the base, a path is longer; from one below it, shorter.
        relative, prefix = (above[len(start) :], b"") if in_base else (b"", start[len(above) :])
        git, own = found.git, found.own
        if parent == repository:
            git = _layer(_exclude_file(parent), relative, prefix, None)
        found = Ignores(
            git=_layer(above + GIT_FILE, relative, prefix, git, follow=False),
            own=_layer(above + OWN_FILE, relative, prefix, own),
        )
    return found


def _verdict(layer: _Layer | None, name: bytes, path: bytes, is_folder: bool) -> bool | None:
    while layer is not None:
        rules = layer.rules
        seen = layer.prefix + path[layer.skip :] if rules.has_paths else name
        verdict = rules.verdict(name, seen, is_folder=is_folder)
        if verdict is not None:
            return verdict
        layer = layer.outer
    return None


def _layer(
    file: bytes, relative: bytes, prefix: bytes, outer: _Layer | None, *, follow: bool = True
) -> _Layer | None:
    """`outer` with the rules of `file` over it, or as it is where the file says nothing."""
    rules = Rules.parse(_content(file, follow=follow))
    return _Layer(rules, len(relative), prefix, outer) if rules else outer


def _content(file: bytes, *, follow: bool) -> bytes:
    """A small file's content; nothing where it is not to be had, as in git."""
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | (0 if follow else os.O_NOFOLLOW)
    try:
        with open(os.open(file, flags), "rb") as opened:
            return opened.read()
    except OSError:
        return b""


def _exclude_file(work_tree: bytes) -> bytes:
    """The repository's own list of patterns; `.git` is a file in linked trees and submodules."""
    git = Path(os.fsdecode(work_tree)) / ".git"
    if git.is_file():
        link = _content(os.fsencode(git), follow=True)
        git = git.parent / os.fsdecode(link.removeprefix(b"gitdir:").strip())
        common = _content(os.fsencode(git / "commondir"), follow=True).strip()
        git = git / os.fsdecode(common)
    return os.fsencode(git / "info" / "exclude")


def _parents(folder: bytes) -> list[bytes]:
    """The folders above an absolute one, the nearest first."""
    found = []
    while (parent := os.path.dirname(folder)) != folder:
        found.append(parent)
        folder = parent
    return found
