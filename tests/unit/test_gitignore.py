"""Proves that ignore patterns match as git's do, against `git check-ignore` itself."""

import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vecstream_cli.core.gitignore import Rules

NAMES = [
    b"a",
    b"b",
    b"ab",
    b"a.b",
    b".a",
    b"A",
    b"a b",
    b"-",
    b"]",
    b"b ",
    b"\\",
    b"\xe9a",
    b"a\nb",
]
ATOMS = [b"a", b"b", b"A", b".", b"-", b"*", b"**", b"?", b"/", b"/", b"\\", b"[", b"]", b"!", b"^"]
ATOMS += [b"[ab]", b"[!a]", b"[a-b]", b"[[:alpha:]]", b"[[:punct:]-]", b"[]a]", b" ", b"\xe9", b"#"]
ATOMS += [b"**/", b"/**/", b"/**", b"\\*", b"\\/", b"[\\]a]", b"\n!", b"\n", b"\r"]

lines = st.lists(st.sampled_from(ATOMS), min_size=1, max_size=7).map(b"".join)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A git work tree of three levels, with every name at each, folders at the upper two."""
    root = tmp_path_factory.mktemp("repository")
    subprocess.run(["git", "init", "-q", root], check=True)
    return root


PATHS = [(name,) for name in NAMES]
PATHS += [(upper, name) for upper in NAMES[:5] for name in NAMES]
PATHS += [
    (upper, middle, name) for upper in NAMES[:2] for middle in NAMES[:4] for name in NAMES[:8]
]


def ignored_by_git(root: Path, content: bytes, paths: Iterable[bytes]) -> set[bytes]:
    (root / ".git/info/exclude").write_bytes(content)
    done = subprocess.run(
        ["git", "check-ignore", "--no-index", "--stdin", "-z"],
        cwd=root,
        input=b"".join(path + b"\0" for path in paths),
        capture_output=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    return set(done.stdout.split(b"\0")) - {b""}


def ignored_by_us(content: bytes, paths: Iterable[tuple[bytes, ...]]) -> set[bytes]:
    """As the scan asks: from the top down, nothing below an ignored folder."""
    rules = Rules.parse(content)
    found = set()
    for parts in paths:
        for depth in range(1, len(parts) + 1):
            path = b"/".join(parts[:depth])
            if rules.verdict(parts[depth - 1], path, is_folder=depth < len(parts)):
                found.add(b"/".join(parts))
                break
    return found


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(lines, min_size=1, max_size=4).map(b"\n".join))
def test_the_verdicts_are_git_s(repository: Path, content: bytes) -> None:
    paths = [b"/".join(parts) for parts in PATHS]
    theirs = ignored_by_git(repository, content, paths)
    assert ignored_by_us(content, PATHS) == theirs, content


@pytest.mark.parametrize(
    "content",
    [
        b"/a\n!/a/b\n",  # nothing below an ignored folder comes back
        b"a/**\n!a/b\n",
        b"*\n!*/\n!a.b\n",
        b"**/b/**/a\n",
        b"a**/b\n",
        b"\xef\xbb\xbfa\n",
        b"a\r\nb\r\n",
        b"b \nb\\ \n",
        b"a.b/\n",
    ],
)
def test_what_people_write_is_read_as_git_reads_it(repository: Path, content: bytes) -> None:
    paths = [b"/".join(parts) for parts in PATHS]
    assert ignored_by_us(content, PATHS) == ignored_by_git(repository, content, paths)


def test_a_hostile_pattern_does_not_stall_the_scan() -> None:
    rules = Rules([b"*a" * 60 + b"b", b"/" + b"**/*a*a/" * 40 + b"b"])
    name = b"a" * 250
    path = b"/".join([name] * 15)
    assert rules.verdict(name, path, is_folder=False) is None
