"""Proves which files a scan takes, in which order, and what it says of the others."""

import os
import random
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from vecstream_cli.state.roots import Root, roots_of
from vecstream_cli.state.scan import Listing, ScannedFile, ScanProblem, scan

SUFFIXES = frozenset({".md", ".txt"})


def write(root: Path, *names: str | bytes, content: str = "x") -> None:
    for name in names:
        path = root / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def run(*paths: Path, **options: object) -> tuple[list[bytes], list[ScanProblem], Listing]:
    """The relative paths found, the problems, and the listing of the one source."""
    scanned = scan(roots_of(paths), **{"suffixes": SUFFIXES} | options)  # type: ignore[arg-type]
    found = list(scanned)
    [listing] = scanned.listings.values()
    files = [each.relative for each in found if isinstance(each, ScannedFile)]
    return files, [each for each in found if isinstance(each, ScanProblem)], listing


def test_files_come_in_the_same_order_every_time(tmp_path: Path) -> None:
    names = [b"b.md", b"a/z.md", b"a/b/c.md", b"a0.md", b"c.md", b"B.md"]
    write(tmp_path, *random.Random(1).sample(names, len(names)))
    files, _, listing = run(tmp_path)
    assert files == [b"B.md", b"a0.md", b"b.md", b"c.md", b"a/z.md", b"a/b/c.md"]
    assert listing.complete
    assert listing.files == 6


def test_a_file_carries_its_stamp_and_its_source(tmp_path: Path) -> None:
    write(tmp_path, "a.md")
    [file] = scan(roots_of([tmp_path]), suffixes=SUFFIXES)
    assert isinstance(file, ScannedFile)
    status = (tmp_path / "a.md").stat()
    assert file.source == os.path.realpath(tmp_path)
    assert Path(os.fsdecode(file.absolute)).samefile(tmp_path / "a.md")
    assert (file.stamp.size, file.stamp.mtime_ns) == (1, status.st_mtime_ns)
    assert (file.stamp.ctime_ns, file.stamp.inode) == (status.st_ctime_ns, status.st_ino)


def test_a_name_that_is_not_utf8_is_found(tmp_path: Path) -> None:
    write(tmp_path, b"caf\xe9.md")
    assert run(tmp_path)[0] == [b"caf\xe9.md"]


def test_suffixes_count_in_any_case_and_others_are_counted(tmp_path: Path) -> None:
    write(tmp_path, "a.MD", "b.Txt", "c.bin", "README", "d.md.gz")
    files, _, listing = run(tmp_path)
    assert files == [b"a.MD", b"b.Txt"]
    assert listing.skipped == {"suffix": 3}


def test_hidden_names_are_left_out_unless_asked_for(tmp_path: Path) -> None:
    write(tmp_path, ".h.md", ".d/a.md", "b.md", ".git/x.md")
    assert run(tmp_path)[0] == [b"b.md"]
    assert run(tmp_path, hidden=True)[0] == [b".h.md", b"b.md", b".d/a.md"]


def test_include_narrows_the_scan_and_lifts_the_suffix(tmp_path: Path) -> None:
    write(tmp_path, "a.md", "b.log", "deep/c.log", "docs/d.bin")
    files, _, listing = run(tmp_path, include=["*.log", "docs/"])
    assert files == [b"b.log", b"deep/c.log", b"docs/d.bin"]
    assert listing.skipped == {"excluded": 1}


def test_exclude_wins_over_include(tmp_path: Path) -> None:
    write(tmp_path, "a.md", "b.md", "sub/a.md", "out/c.md")
    assert run(tmp_path, include=["*.md"], exclude=["/a.md", "out"])[0] == [b"b.md", b"sub/a.md"]


def test_a_folder_that_is_never_to_be_entered_is_not(tmp_path: Path) -> None:
    write(tmp_path, "a.md", "vecstream.lance/b.md")
    never = [os.fsencode(os.path.realpath(tmp_path / "vecstream.lance"))]
    assert run(tmp_path, never=never)[0] == [b"a.md"]


def test_the_own_ignore_file_has_the_last_word(tmp_path: Path) -> None:
    write(tmp_path, "a.md", "b.md", "c/a.md", "c/b.md", "c/z.md")
    write(tmp_path, ".vecstreamignore", content="b.md\n!a.md\n")
    write(tmp_path, "c/.gitignore", content="*.md\n!b.md\n")
    assert run(tmp_path)[0] == [b"a.md", b"c/a.md"]


def test_a_gitignore_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    write(tmp_path, "a.md")
    write(tmp_path, "rules", content="*.md\n")
    (tmp_path / ".gitignore").symlink_to("rules")
    assert run(tmp_path)[0] == [b"a.md"]


def test_the_rules_of_the_repository_around_the_folder_hold(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    write(tmp_path, *[f"docs/in/{n}.md" for n in "abcd"])
    write(tmp_path, ".gitignore", content="/docs/in/a.md\n")
    write(tmp_path, "docs/.gitignore", content="in/b.md\n")
    write(tmp_path, ".git/info/exclude", content="c.md\n")
    assert run(tmp_path / "docs" / "in")[0] == [b"d.md"]


def test_a_folder_that_was_named_is_taken_although_it_is_ignored(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    write(tmp_path, ".gitignore", content="build/\n*.txt\n")
    write(tmp_path, "build/a.md", "build/b.txt", "c.md")
    assert run(tmp_path / "build")[0] == [b"a.md"]
    assert run(tmp_path, tmp_path / "build")[0] == [b"build/a.md", b"c.md"]


def test_a_linked_work_tree_uses_the_repository_s_own_patterns(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        subprocess.run(["git", *identity, *arguments], cwd=tmp_path / "one", check=True)

    (tmp_path / "one").mkdir()
    git("init", "-q")
    git("commit", "-q", "--allow-empty", "-m", "start")
    git("worktree", "add", "-q", "../two")
    write(tmp_path, "one/.git/info/exclude", content="a.md\n")
    write(tmp_path, "two/a.md", "two/b.md")
    assert run(tmp_path / "two")[0] == [b"b.md"]


@pytest.mark.parametrize("seed", range(6))
def test_exactly_what_git_ignores_is_left_out(tmp_path: Path, seed: int) -> None:
    choose = random.Random(seed)
    roots = ["", "inner/", "a/b/nested/"] if seed % 2 else [""]
    for root in roots:
        subprocess.run(["git", "init", "-q", tmp_path / root], check=True)
    names = ["a", "b", "ab", "a.log", "build", "x.y"]
    for _ in range(300):
        parts = choose.choices(names, k=choose.randint(0, 4))
        write(tmp_path, choose.choice(roots) + "/".join([*parts, f"{choose.choice(names)}.md"]))
    patterns = [
        "a",
        "/a",
        "b/",
        "a/b",
        "a/**",
        "**/ab",
        "*.log",
        "!a",
        "!b/",
        "!*.md",
        "/*",
        "a*.md",
    ]
    patterns += ["!/a/b", "build/*", "x.[xy]*", "# a", "", "**/build/**/a.md", "!ab.md", "?/?.md"]
    folders = [folder for folder, _, _ in os.walk(tmp_path) if "/.git" not in folder]
    for folder in [str(tmp_path), *choose.sample(folders, min(12, len(folders)))]:
        lines = choose.choices(patterns, k=choose.randint(1, 4))
        write(Path(folder), ".gitignore", content="\n".join(lines))
    write(tmp_path, ".git/info/exclude", content=choose.choice(patterns))

    files, _, _ = run(tmp_path)
    assert sorted(files) == sorted(kept_by_git(tmp_path, roots))


def kept_by_git(tmp_path: Path, roots: Iterable[str]) -> list[bytes]:
    """What git would add, asked of each repository about what is its own."""
    kept = []
    for root in roots:
        base = tmp_path / root
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--others", "--exclude-standard"],
            cwd=base,
            check=True,
            capture_output=True,
        ).stdout.split(b"\0")
        above = (
            subprocess.run(
                ["git", "check-ignore", "-q", "--no-index", root], cwd=tmp_path, check=False
            )
            if root
            else None
        )
        if above is None or above.returncode:
            kept += [os.fsencode(root) + name for name in listed if name.endswith(b".md")]
    return kept


def test_links_are_passed_over_unless_they_are_followed(tmp_path: Path) -> None:
    write(tmp_path, "in/a.md", "elsewhere/b.md", "elsewhere/c.md")
    (tmp_path / "in/folder").symlink_to("../elsewhere")
    (tmp_path / "in/file.md").symlink_to("../elsewhere/b.md")
    (tmp_path / "in/broken.md").symlink_to("nowhere")
    files, problems, listing = run(tmp_path / "in")
    assert files == [b"a.md"]
    assert listing.skipped == {"link": 3}
    files, problems, listing = run(tmp_path / "in", follow_links=True)
    assert files == [b"a.md", b"file.md", b"folder/b.md", b"folder/c.md"]
    assert (problems, listing.skipped) == ([], {"link": 1})


def test_a_loop_of_links_is_reported_and_ends(tmp_path: Path) -> None:
    write(tmp_path, "a/b/c.md")
    (tmp_path / "a/b/up").symlink_to("../..")
    (tmp_path / "self").symlink_to("self")
    files, problems, _ = run(tmp_path, follow_links=True)
    assert files == [b"a/b/c.md"]
    assert sorted((p.relative, p.reason) for p in problems) == [
        (b"a/b/up", "loop"),
        (b"self", "loop"),
    ]


def test_links_among_siblings_do_not_multiply(tmp_path: Path) -> None:
    for level in range(20):
        (tmp_path / f"{level}").mkdir()
        (tmp_path / f"{level}/x").symlink_to(f"../{level + 1}")
        (tmp_path / f"{level}/y").symlink_to(f"../{level + 1}")
    write(tmp_path, "20/end.md")
    files, problems, listing = run(tmp_path, follow_links=True)
    assert (len(files), problems) == (1, [])
    assert listing.skipped["repeated"] > 0


def test_pipes_and_sockets_are_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.md")
    os.mkfifo(tmp_path / ".gitignore")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket.md"))
        files, problems, listing = run(tmp_path, hidden=True)
    assert (files, problems) == ([], [])
    assert listing.skipped == {"special": 3}


@contextmanager
def powerless() -> Iterator[None]:
    """Without root's right to read everything."""
    root = os.geteuid() == 0
    try:
        if root:
            os.seteuid(65534)
        yield
    finally:
        if root:
            os.seteuid(0)


def test_an_unreadable_folder_is_reported_and_nothing_below_it_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "a.md", "closed/b.md", "open/c.md")
    tmp_path.chmod(0o755)
    (tmp_path / "closed").chmod(0)
    monkeypatch.chdir(tmp_path)  # the folders above may be closed as well
    with powerless():
        scanned = scan([Root("here", b".")], suffixes=SUFFIXES)
        files = [f for f in scanned if isinstance(f, ScannedFile)]
    (tmp_path / "closed").chmod(0o700)
    listing = scanned.listings["here"]
    assert [file.relative for file in files] == [b"a.md", b"open/c.md"]
    assert (listing.complete, listing.unreadable) == (True, [b"closed"])


def test_a_folder_that_vanishes_while_the_scan_runs_is_not_taken_for_empty(tmp_path: Path) -> None:
    write(tmp_path, "a.md", "later/b.md")
    scanned = scan(roots_of([tmp_path]), suffixes=SUFFIXES)
    results = iter(scanned)
    next(results)
    (tmp_path / "later").rename(tmp_path / "moved")
    [problem] = results
    assert isinstance(problem, ScanProblem)
    assert (problem.relative, problem.reason) == (b"later", "vanished")
    [listing] = scanned.listings.values()
    assert listing.unreadable == [b"later"]


def test_a_limited_scan_is_not_complete(tmp_path: Path) -> None:
    write(tmp_path, "a.md", "b.md", "c.md")
    files, _, listing = run(tmp_path, limit=2)
    assert files == [b"a.md", b"b.md"]
    assert not listing.complete


def test_a_scan_that_was_left_early_is_not_complete(tmp_path: Path) -> None:
    write(tmp_path, "a.md", "b.md")
    scanned = scan(roots_of([tmp_path]), suffixes=SUFFIXES)
    next(iter(scanned))
    assert not any(listing.complete for listing in scanned.listings.values())


@pytest.fixture
def deep(tmp_path: Path) -> Iterator[bytes]:
    """The path, below `tmp_path`, of a file deeper than Python can recurse."""
    depth = sys.getrecursionlimit() + 200
    here = os.open(tmp_path, os.O_RDONLY)
    try:
        for _ in range(depth):
            os.mkdir("d", dir_fd=here)
            below = os.open("d", os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = below
        os.close(os.open("a.md", os.O_CREAT | os.O_WRONLY, dir_fd=here))
        yield b"d/" * depth + b"a.md"
    finally:
        os.close(here)
        # Left to pytest, it would be there for good: shutil.rmtree recurses.
        subprocess.run(["rm", "-rf", tmp_path / "d"], check=True)


def test_a_tree_deeper_than_python_can_recurse_is_walked(tmp_path: Path, deep: bytes) -> None:
    assert run(tmp_path)[0] == [deep]
