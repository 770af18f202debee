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
    b"\xc3\xa0",
]
# What people write: no classes, backslashes or slashes in brackets, no `**` next to letters.
LETTERS = [
    b"a",
    b"b",
    b"A",
    b".",
    b"-",
    b"]",
    b"!",
    b"^",
    b" ",
    b"#",
    b"\t",
    b"\r",
    b"\xe9",
    b"\xc3\xa0",
]
GLOBS = [b"*", b"?", b"[ab]", b"[!a]", b"[^b]", b"[a-b]", b"[]a]", b"[!]a-]", b"[!-a]"]
ESCAPES = [b"\\*", b"\\ ", b"\\#", b"\\[", b"\\a"]
ATOMS = LETTERS + GLOBS + ESCAPES

parts = st.lists(st.sampled_from(ATOMS), min_size=1, max_size=4).map(b"".join)
parts = parts.filter(lambda part: b"**" not in part)
lines = st.builds(
    lambda start, segments, end: start + b"/".join(segments) + end,
    st.sampled_from([b"", b"", b"!", b"!/", b"/", b"\\!", b"#"]),
    st.lists(parts | st.just(b"**"), min_size=1, max_size=4),
    st.sampled_from([b"", b"", b"/", b" ", b"/ ", b"\\ ", b"\\  ", b"\\\\ ", b"\\"]),
)


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


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
        b"a/**/\n",
        b"/**/b\n",
        b"*/\n!a/\n",
        b"/*\n!/a\n",  # what is kept is so itself, not all below it
        b"*[!.b]\n",
        b"\xef\xbb\xbfa\n",
        b"a\r\nb\r\n",
        b"b \nb\\ \n",
        b"b /\n",
        b"[[a]b\n[[a]\n",  # an expression that Python warns of
        b"[a\n!\n/\n\\\n",
        b"\xc3\xa0\n",  # its last byte alone would be a space
        b"a.b/\n",
    ],
)
def test_what_people_write_is_read_as_git_reads_it(repository: Path, content: bytes) -> None:
    paths = [b"/".join(parts) for parts in PATHS]
    assert ignored_by_us(content, PATHS) == ignored_by_git(repository, content, paths)


def test_what_a_rule_keeps_is_kept_itself_and_not_all_below_it() -> None:
    rules = Rules([b"/a/*", b"!/a/b"])
    assert rules.verdict(b"b", b"a/b", is_folder=True) is False
    assert rules.verdict(b"c", b"a/b/c", is_folder=False) is None


def test_a_hostile_pattern_does_not_stall_the_scan() -> None:
    rules = Rules([b"*a" * 60 + b"b", b"/" + b"**/*a*a/" * 40 + b"b"])
    name = b"a" * 250
    path = b"/".join([name] * 15)
    assert rules.verdict(name, path, is_folder=False) is None
