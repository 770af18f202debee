"""A manifest made from rows knows what the lost one knew, and owns up to what it does not."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from manifests import RECORD, STAMP

from vecstream_cli.core.ids import ChunkKey, DocumentId, document_id, row_id
from vecstream_cli.core.plan import Decision, decide
from vecstream_cli.core.stored import position
from vecstream_cli.state.manifest import Manifest
from vecstream_cli.state.restoring import Restored, StoredRow, restore

READERS = {"text": "text/1", "pdf": "pdf/2"}
READER = "pdf/2 text/1"


def rows(
    path: bytes = b"a.md", source: str = "/docs", *, count: int = 3, attempt: int = 7, of: int = 3
) -> list[StoredRow]:
    """The first `count` rows of a document that has `of`; the first two have the same text."""
    document = document_id(source, path)
    keys = [ChunkKey(bytes([max(0, n - 1)]) * 16) for n in range(of)]
    return [
        StoredRow(
            id=row_id(document, keys[n], keys[:n].count(keys[n])).hex(),
            document_id=document.hex(),
            source=source,
            path=path.decode("utf-8", "backslashreplace"),
            ordinal=n,
            chunk_key=keys[n].hex(),
            content_hash="cc" * 16,
            attempt=attempt,
            position=position({}, last=n == of - 1),
        )
        for n in range(count)
    ]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "documents.sqlite3"


def ids(manifest: Manifest, found: list[StoredRow]) -> set[str]:
    document = DocumentId(bytes.fromhex(found[0].document_id))
    return {row.hex() for row in manifest.chunk_ids(document, found[0].attempt)}


def test_every_document_is_known_again_with_its_rows(path: Path) -> None:
    one, other = rows(b"a.md"), rows(b"caf\xe9/b.md", "handbook", attempt=9)

    restored = restore(path, [*one, *other], RECORD, reader=READER)

    assert restored == Restored(documents=2, rows=6, unfinished=0, unknown=0)
    with Manifest.open(path) as manifest:
        assert manifest.knows(RECORD)
        known = manifest.known("handbook", b"caf\xe9/b.md")
        assert known is not None
        assert known.good is not None
        assert (known.good.attempt, known.good.content_hash.hex()) == (9, "cc" * 16)
        assert not known.pending
        assert ids(manifest, other) == {row.id for row in other}
        assert manifest.counts().chunks == 6
        assert [(each.name, each.base) for each in manifest.sources()] == [
            ("/docs", b"/docs"),
            ("handbook", None),
        ]


def test_a_file_is_then_judged_by_its_content_until_a_reader_changes(path: Path) -> None:
    restore(path, rows(), RECORD, reader=READER)
    with Manifest.open(path) as manifest:
        known = manifest.known("/docs", b"a.md")
    assert decide(STAMP, known, reader_versions=READERS) is Decision.VERIFY
    assert decide(STAMP, known, reader_versions={**READERS, "pdf": "pdf/3"}) is Decision.CHANGED


@pytest.mark.parametrize(
    "found",
    [
        rows(count=2),  # the run was killed before the last
        rows()[1:],
        [*rows()[:1], *rows(attempt=8)[1:]],  # two versions, partly
    ],
)
def test_a_document_that_may_lack_rows_is_read_again_and_keeps_what_it_has(
    path: Path, found: list[StoredRow]
) -> None:
    restored = restore(path, found, RECORD, reader=READER)

    assert (restored.documents, restored.unfinished) == (1, 1)
    with Manifest.open(path) as manifest:
        known = manifest.known("/docs", b"a.md")
        assert decide(STAMP, known, reader_versions=READERS) is Decision.CHANGED
        assert known is not None
        assert known.good is not None
        kept = manifest.chunk_ids(known.id, known.good.attempt)
        assert {row.hex() for row in kept} == {row.id for row in found}


def test_rows_of_a_document_need_not_come_together(path: Path) -> None:
    one, other = rows(b"a.md"), rows(b"b.md")
    mixed = [row for pair in zip(one, other, strict=True) for row in pair]

    restored = restore(path, mixed, RECORD, reader=READER)

    assert restored == Restored(documents=2, rows=6, unfinished=0, unknown=0)
    with Manifest.open(path) as manifest:
        assert ids(manifest, one) == {row.id for row in one}


@pytest.mark.parametrize(
    "strange",
    [
        {"document_id": "somebody's"},
        {"path": "another.md"},
        {"id": "00" * 16},
        {"chunk_key": "FF" * 16},
        {"content_hash": ""},
    ],
)
def test_rows_of_nobody_are_counted_and_make_no_document(
    path: Path, strange: dict[str, str]
) -> None:
    foreign = rows(b"x.md", count=1, of=1)[0]._replace(**strange)

    restored = restore(path, [foreign, *rows()], RECORD, reader=READER)

    assert restored == Restored(documents=1, rows=3, unfinished=0, unknown=1)
    with Manifest.open(path) as manifest:
        assert [each.relative for each in manifest.documents_under()] == [b"a.md"]


def test_no_attempt_that_a_row_carries_is_drawn_again(path: Path) -> None:
    far = 1 << 60
    restore(path, rows(attempt=far), RECORD, reader=READER)
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT next FROM attempts").fetchone() == (far + 1,)
    db.close()


def test_indexes_are_made_again_as_a_new_manifest_has_them(path: Path) -> None:
    fresh = path.with_name("fresh.sqlite3")
    Manifest.open(fresh).close()
    restore(path, rows(), RECORD, reader=READER)

    def schema(file: Path) -> list[str]:
        with sqlite3.connect(file) as db:
            found = [row[0] for row in db.execute("SELECT name FROM sqlite_master ORDER BY name")]
        db.close()
        return found

    assert schema(path) == schema(fresh)


def test_until_the_end_the_manifest_that_is_there_stays(path: Path) -> None:
    restore(path, rows(b"old.md"), RECORD, reader=READER)

    def breaks_off() -> Iterator[StoredRow]:
        yield from rows(b"new.md")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        restore(path, breaks_off(), RECORD, reader=READER)

    with Manifest.open(path) as manifest:
        assert [each.relative for each in manifest.documents_under()] == [b"old.md"]
    restore(path, rows(b"new.md"), RECORD, reader=READER)  # what is left of it does not matter
    with Manifest.open(path) as manifest:
        assert [each.relative for each in manifest.documents_under()] == [b"new.md"]
    assert {each.name for each in path.parent.iterdir()} == {path.name}
