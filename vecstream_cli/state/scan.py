"""The scan: every file under the roots that a run should look at, lazily and in order."""

# ruff: noqa: PTH116 (paths are bytes, which pathlib does not take)

import errno
import os
import stat
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from vecstream_cli.core.gitignore import Rules
from vecstream_cli.core.plan import Stamp
from vecstream_cli.state.ignore import REPOSITORY, SPECIAL_NAMES, Ignores, ignores_above
from vecstream_cli.state.roots import Root


class ScannedFile(NamedTuple):
    """A regular file to be looked at; nothing has opened it yet."""

    source: str
    relative: bytes
    absolute: bytes
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class ScanProblem:
    """Something the scan could not look at: `unreadable`, `vanished`, `loop` or `special`."""

    source: str
    relative: bytes
    reason: str
    message: str


@dataclass(slots=True)
class Listing:
    """What became of a root; final once the scan is exhausted.

    `covered` are the folders, relative to `base`, that were listed to their end: what is below
    them and was not found is gone, except at and below `unreadable` paths. `skipped` counts
    entries by why they were passed over: `hidden`, `ignored`, `excluded`, `suffix`, `link`,
    `special`, `repeated`; a folder counts once.
    """

    source: str
    base: bytes
    covered: list[bytes] = field(default_factory=list)
    files: int = 0
    unreadable: list[bytes] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)

    @property
    def complete(self) -> bool:
        """The whole root was listed."""
        return b"" in self.covered

    def covers(self, relative: bytes) -> bool:
        """Whether a file of this name would have been found."""
        return any(not folder or relative.startswith(folder + b"/") for folder in self.covered)


def scan(
    roots: Sequence[Root],
    *,
    suffixes: Collection[str],
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    hidden: bool = False,
    follow_links: bool = False,
    limit: int | None = None,
    never: Iterable[bytes] = (),
) -> "Scan":
    """A scan of the roots, to be iterated once.

    Files with one of the `suffixes` (lower case, with the dot) are taken; where `include` has
    patterns, those that match it instead, whatever their suffix. `exclude` wins over both. The
    patterns are those of a .gitignore, relative to each root. Ignore files and the rule about
    hidden names hold in any case, except for what was named one by one. After `limit` files the
    scan ends, and what it did not reach is not complete. `never` are folders, by absolute path,
    that are not entered: our own database.
    """
    return Scan(
        roots,
        _Filter(
            suffixes=frozenset(os.fsencode(suffix) for suffix in suffixes),
            include=Rules(map(os.fsencode, include)) if include else None,
            exclude=Rules(map(os.fsencode, exclude)),
            hidden=hidden,
            follow_links=follow_links,
            never=frozenset(never),
        ),
        limit,
    )


class Scan:
    """Iterate it for files and problems; then `listings` says what the scan covered."""

    def __init__(self, roots: Sequence[Root], filters: "_Filter", limit: int | None) -> None:
        self._roots = roots
        self._filters = filters
        self._limit = limit
        self.listings: dict[str, Listing] = {r.source: Listing(r.source, r.base) for r in roots}
        """By source; grows while the scan is iterated."""

    def __iter__(self) -> Iterator[ScannedFile | ScanProblem]:
        left = self._limit
        for root in self._roots:
            listing = self.listings[root.source]
            for found in _Walk(root, listing, self._filters):
                if isinstance(found, ScannedFile):
                    listing.files += 1
                    if left is not None:
                        left -= 1
                yield found
                if left == 0:
                    return
            if root.whole:
                listing.covered.append(b"")


@dataclass(frozen=True, slots=True)
class _Filter:
    suffixes: frozenset[bytes]
    include: Rules | None
    exclude: Rules
    hidden: bool
    follow_links: bool
    never: frozenset[bytes]


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder still to be listed. `relative` has its slash, or is empty for the base."""

    absolute: bytes
    relative: bytes
    ignores: Ignores
    included: bool  # a pattern of --include matched it or a folder above
    above: tuple[tuple[int, int], ...] = ()  # its (device, inode) and those of the folders above


@dataclass(slots=True)
class _Names:
    """What a folder holds. Only names are kept: a million of them are a few dozen megabytes."""

    files: list[bytes] = field(default_factory=list)
    folders: list[bytes] = field(default_factory=list)
    special: set[bytes] = field(default_factory=set)  # ignore files, and whether it is a repository
    problems: list[tuple[bytes, OSError]] = field(default_factory=list)


class _Walk:
    """One root, from the top down."""

    def __init__(self, root: Root, listing: Listing, filters: _Filter) -> None:
        self._root = root
        self._base = root.base.rstrip(b"/")
        self._listing = listing
        self._skipped = listing.skipped
        self._filters = filters
        self._named = frozenset(root.named)
        self._entered: set[tuple[int, int]] = set()

    def __iter__(self) -> Iterator[ScannedFile | ScanProblem]:
        for relative in self._root.named:
            yield from self._named_entry(relative)
        if self._root.whole:
            yield from self._tree(b"")

    def _named_entry(self, relative: bytes) -> Iterator[ScannedFile | ScanProblem]:
        absolute = self._base + b"/" + relative
        try:
            found = os.stat(absolute)  # what is named is followed
        except (OSError, ValueError) as error:
            yield self._problem(relative, error)
            return
        if stat.S_ISDIR(found.st_mode):
            yield from self._tree(relative + b"/")
            self._listing.covered.append(relative)
        elif stat.S_ISREG(found.st_mode):
            yield ScannedFile(self._root.source, relative, absolute, _stamp(found))
        else:
            yield ScanProblem(
                self._root.source, relative, "special", "It is neither a file nor a folder."
            )

    def _tree(self, start: bytes) -> Iterator[ScannedFile | ScanProblem]:
        absolute = (self._base + b"/" + start).rstrip(b"/") or b"/"
        ignores = ignores_above(absolute, self._root.base)
        stack = [_Folder(absolute, start, ignores, included=False)]
        while stack:
            folder = stack.pop()
            if self._filters.follow_links:
                entered = self._enter(folder)
                if not isinstance(entered, _Folder):
                    if entered is not None:
                        yield entered
                    continue
                folder = entered
            names = self._list(folder)
            for path, error in names.problems:
                yield self._problem(path, error)
            if names.special:
                ignores = folder.ignores.inside(folder.absolute, folder.relative, names.special)
                folder = replace(folder, ignores=ignores)
            yield from self._files(folder, sorted(names.files))
            stack.extend(self._folders(folder, sorted(names.folders, reverse=True)))

    def _enter(self, folder: _Folder) -> _Folder | ScanProblem | None:
        """Where links are followed: the folder, or a problem, or None where it was listed before.

        Each folder is listed once, or a few links among siblings would make endless paths.
        """
        path = folder.relative.rstrip(b"/")
        try:
            found = os.stat(folder.absolute)
        except OSError as error:
            return self._problem(path, error)
        identity = (found.st_dev, found.st_ino)
        if identity in folder.above:
            return ScanProblem(
                self._root.source, path, "loop", "The link leads to a folder that it lies in."
            )
        if identity in self._entered:
            self._skipped["repeated"] += 1
            return None
        self._entered.add(identity)
        return replace(folder, above=(*folder.above, identity))

    def _list(self, folder: _Folder) -> "_Names":
        names = _Names()
        hidden, follow = self._filters.hidden, self._filters.follow_links
        try:
            with os.scandir(folder.absolute) as entries:
                for entry in entries:
                    name = entry.name
                    if name.startswith(b"."):
                        if name in SPECIAL_NAMES:
                            names.special.add(name)
                        if name == REPOSITORY:
                            continue
                        if not hidden and folder.relative + name not in self._named:
                            self._skipped["hidden"] += 1
                            continue
                    try:
                        if entry.is_file(follow_symlinks=follow):
                            names.files.append(name)
                        elif entry.is_dir(follow_symlinks=follow):
                            names.folders.append(name)
                        else:
                            self._skipped["link" if entry.is_symlink() else "special"] += 1
                    except OSError as error:
                        names.problems.append((folder.relative + name, error))
        except OSError as error:
            names.problems.append((folder.relative.rstrip(b"/"), error))
        return names

    def _files(
        self, folder: _Folder, names: Iterable[bytes]
    ) -> Iterator[ScannedFile | ScanProblem]:
        # Once for every file there is: what says nothing in this folder is not asked.
        source, relative, filters = self._root.source, folder.relative, self._filters
        above = folder.absolute.rstrip(b"/") + b"/"
        suffixes, follow, named = filters.suffixes, filters.follow_links, self._named
        ignored = folder.ignores.ignored if folder.ignores else None
        excluded = filters.exclude.verdict if filters.exclude else None
        by_suffix = filters.include is None
        for name in names:
            path = relative + name
            if named and path in named:
                continue  # it was taken already
            if by_suffix:
                dot = name.rfind(b".")
                if dot <= 0 or name[dot:].lower() not in suffixes:
                    self._skipped["suffix"] += 1
                    continue
            elif not self._included(folder, name, path, is_folder=False):
                self._skipped["excluded"] += 1
                continue
            if excluded is not None and excluded(name, path, is_folder=False):
                self._skipped["excluded"] += 1
                continue
            if ignored is not None and ignored(name, path, is_folder=False):
                self._skipped["ignored"] += 1
                continue
            absolute = above + name
            try:
                found = os.stat(absolute, follow_symlinks=follow)
            except FileNotFoundError:
                continue  # removed since it was listed: gone, as if a moment earlier
            except OSError as error:
                yield self._problem(path, error)
                continue
            if stat.S_ISREG(found.st_mode):
                yield ScannedFile(source, path, absolute, _stamp(found))
            else:
                self._skipped["special"] += 1

    def _folders(self, folder: _Folder, names: Iterable[bytes]) -> Iterator[_Folder]:
        above = folder.absolute.rstrip(b"/") + b"/"
        for name in names:
            path = folder.relative + name
            absolute = above + name
            if path in self._named or absolute in self._filters.never:
                continue
            if self._filters.exclude.verdict(name, path, is_folder=True):
                self._skipped["excluded"] += 1
            elif folder.ignores.ignored(name, path, is_folder=True):
                self._skipped["ignored"] += 1
            else:
                included = self._included(folder, name, path, is_folder=True)
                yield _Folder(absolute, path + b"/", folder.ignores, included, folder.above)

    def _included(self, folder: _Folder, name: bytes, path: bytes, *, is_folder: bool) -> bool:
        if self._filters.include is None:
            return False
        verdict = self._filters.include.verdict(name, path, is_folder=is_folder)
        return folder.included if verdict is None else verdict

    def _problem(self, relative: bytes, error: OSError | ValueError) -> ScanProblem:
        """What cannot be looked at may still be there, so it is not gone."""
        self._listing.unreadable.append(relative)
        number = error.errno if isinstance(error, OSError) else None
        reason = {errno.ENOENT: "vanished", errno.ELOOP: "loop"}.get(number or 0, "unreadable")
        message = (error.strerror if isinstance(error, OSError) else None) or str(error)
        return ScanProblem(self._root.source, relative, reason, f"{message}.")


def _stamp(found: os.stat_result) -> Stamp:
    return Stamp(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)
