"""The end of documents, in step between the writer and the manifest: a kill costs only work."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from manifests import RECORD, SOURCE, store

from vecstream_cli.pipeline.commits import REMOVE_BATCH, Commits
from vecstream_cli.pipeline.events import Summary, silent
from vecstream_cli.pipeline.messages import Message, Remove, Removed
from vecstream_cli.state.manifest import Manifest

COUNT = REMOVE_BATCH + 1


@pytest.fixture
def manifest(tmp_path: Path) -> Iterator[Manifest]:
    """It knows one document more than one message removes."""
    with Manifest.open(tmp_path / "m.sqlite3") as manifest:
        manifest.bind(RECORD, created=True)
        manifest.start_run(scan_started_ns=0)
        store(manifest, *(b"%04d.md" % number for number in range(COUNT)))
        yield manifest


@pytest.fixture
def sent() -> list[Message]:
    """What the writer was asked for."""
    return []


@pytest.fixture
def commits(manifest: Manifest, sent: list[Message]) -> Commits:
    """Told that every document's file is gone."""
    commits = Commits(manifest, "text/1", sent.append, Summary(), silent)
    commits.remove(manifest.documents_under(SOURCE))
    return commits


def heard(commits: Commits, asked: Message) -> None:
    """The writer did as it was asked."""
    assert isinstance(asked, Remove)
    commits.heard(Removed(asked.documents, len(asked.documents)))


def test_documents_that_are_being_removed_are_read_again_should_the_run_be_killed(
    manifest: Manifest, commits: Commits, sent: list[Message]
) -> None:
    """Their files may be back, as they were, before the manifest has heard of the removal."""
    assert len(sent) == 1

    known = [manifest.known(SOURCE, each.relative) for each in manifest.documents_under(SOURCE)]

    assert [each is not None and each.pending for each in known] == [True] * REMOVE_BATCH + [False]


def test_removed_documents_are_forgotten_batch_by_batch(
    manifest: Manifest, commits: Commits, sent: list[Message]
) -> None:
    for number in range(2):
        heard(commits, sent[number])

    assert len(sent) == 2
    assert commits.idle
    assert list(manifest.documents_under(SOURCE)) == []


def test_a_run_that_is_interrupted_removes_no_more_than_it_asked_for(
    manifest: Manifest, commits: Commits, sent: list[Message]
) -> None:
    commits.remove_no_more()
    heard(commits, sent[0])

    assert len(sent) == 1
    assert commits.idle
    (left,) = islice(manifest.documents_under(SOURCE), 2)
    assert left.relative == b"%04d.md" % REMOVE_BATCH
