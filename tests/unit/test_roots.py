"""Proves what the paths of a command line stand for."""

import os
from pathlib import Path

import pytest

from vecstream_cli.errors import UsageError
from vecstream_cli.state.entries import SourceRecord
from vecstream_cli.state.roots import Root, adopted, roots_of
from vecstream_cli.state.scan import ScannedFile, scan


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """A folder with files of every kind, by its real path."""
    docs = Path(os.path.realpath(tmp_path)) / "docs"
    (docs / "sub").mkdir(parents=True)
    for name in ("a.md", "b.md", "c.log", ".hidden.md", "sub/d.md"):
        (docs / name).write_text("x")
    return docs


def found(roots: list[Root]) -> list[tuple[str, bytes]]:
    scanned = scan(roots, suffixes={".md"})
    return [(each.source, each.relative) for each in scanned if isinstance(each, ScannedFile)]


def test_a_folder_is_a_source_named_by_its_real_path(docs: Path) -> None:
    link = docs.parent / "link"
    link.symlink_to(docs)
    assert roots_of([link]) == [Root(str(docs), bytes(docs))]


def test_a_source_can_be_named(docs: Path) -> None:
    assert roots_of([docs], source="handbook") == [Root("handbook", bytes(docs))]


def test_a_file_belongs_to_its_folder_which_is_not_listed_whole(docs: Path) -> None:
    roots = roots_of([docs / "a.md", docs / "c.log"])
    assert roots == [Root(str(docs), bytes(docs), whole=False, named=(b"a.md", b"c.log"))]
    assert found(roots) == [(str(docs), b"a.md"), (str(docs), b"c.log")]


def test_what_is_named_twice_is_found_once(docs: Path) -> None:
    paths = [docs / "sub", docs, docs / "a.md", docs, docs / "sub" / ".." / "a.md"]
    roots = roots_of(paths)
    assert [root.source for root in roots] == [str(docs)]
    assert sorted(found(roots)) == [(str(docs), n) for n in (b"a.md", b"b.md", b"sub/d.md")]


def test_what_is_named_is_taken_whatever_its_name(docs: Path) -> None:
    roots = roots_of([docs, docs / "c.log", docs / ".hidden.md"])
    names = {relative for _, relative in found(roots)}
    assert names == {b"a.md", b"b.md", b"sub/d.md", b"c.log", b".hidden.md"}


def test_folders_with_a_common_beginning_are_apart(docs: Path) -> None:
    for name in ("docs2", "docs!", "doc"):
        (docs.parent / name).mkdir()
    roots = roots_of([docs.parent / name for name in ("docs", "docs2", "docs!", "doc")])
    assert [root.source for root in roots] == [
        str(docs.parent / name) for name in ("doc", "docs", "docs!", "docs2")
    ]


@pytest.mark.parametrize("name", ["missing", "a.md/x", "x" * 300, "nul\0"])
def test_a_path_that_is_not_there_is_one_sentence(docs: Path, name: str) -> None:
    with pytest.raises(UsageError) as caught:
        roots_of([docs / name])
    assert "\n" not in caught.value.message


def test_a_pipe_cannot_be_indexed(docs: Path) -> None:
    os.mkfifo(docs / "pipe")
    with pytest.raises(UsageError, match="neither a file nor a folder"):
        roots_of([docs / "pipe"])


@pytest.mark.parametrize("end", ["\n", "\0"])
def test_a_list_of_files_is_all_that_is_taken(docs: Path, end: str) -> None:
    listing = docs.parent / "list"
    listing.write_text(end.join(["c.log", "sub/d.md", "./c.log", f"{docs}/a.md", ""]))
    roots = roots_of([docs], files_from=str(listing))
    assert found(roots) == [(str(docs), name) for name in (b"a.md", b"c.log", b"sub/d.md")]
    assert not roots[0].whole


def test_a_list_without_a_folder_is_relative_to_the_current_one(
    docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = docs.parent / "other.md"
    outside.write_text("x")
    listing = docs.parent / "list"
    listing.write_text("sub/d.md\n../other.md\n")
    monkeypatch.chdir(docs)
    roots = roots_of([], files_from=str(listing))
    assert sorted(found(roots)) == sorted(
        [(str(docs), b"sub/d.md"), (str(docs.parent), b"other.md")]
    )


def test_a_listed_file_that_is_gone_is_a_problem_and_not_an_end(docs: Path) -> None:
    listing = docs.parent / "list"
    listing.write_text("gone.md\na.md\n")
    scanned = scan(roots_of([docs], files_from=str(listing)), suffixes={".md"})
    results = list(scanned)
    assert [getattr(each, "reason", None) for each in results] == [None, "vanished"]
    assert not scanned.listings[str(docs)].complete


def test_a_missing_list_is_one_sentence(docs: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        roots_of([docs], files_from=str(docs / "nowhere"))


DOCS = SourceRecord("docs", b"/home/docs", "2026-01-01")
UNLISTED = SourceRecord("/home", b"/home", None)


@pytest.mark.parametrize(
    ("root", "expected"),
    [
        (Root("x", b"/home/docs/a/b"), Root("docs", b"/home/docs", False, (b"a/b",))),
        (
            Root("x", b"/home/docs/a", False, (b"1.md", b"2.md")),
            Root("docs", b"/home/docs", False, (b"a/1.md", b"a/2.md")),
        ),
        (Root("docs", b"/home/docs"), Root("docs", b"/home/docs")),
        (Root("other", b"/home/docs2"), Root("other", b"/home/docs2")),
    ],
)
def test_only_what_lies_inside_a_folder_indexed_whole_becomes_part_of_it(
    root: Root, expected: Root
) -> None:
    assert adopted([root], [DOCS, UNLISTED]) == [expected]


def test_two_folders_inside_one_source_become_one_root() -> None:
    roots = [Root("x", b"/home/docs/a"), Root("y", b"/home/docs/b")]
    assert adopted(roots, [DOCS]) == [Root("docs", b"/home/docs", False, (b"a", b"b"))]
