"""Vectors reused by content: a run embeds the texts that are new, and loads no model for others."""

import contextlib
import os
import shutil
import signal
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Finished, Vecstream, prose, wait_until

from vecstream_cli.adapters.lance.adapter import LanceAdapter
from vecstream_cli.api.bench.pdf_writer import Line, pdf
from vecstream_cli.api.index import index
from vecstream_cli.layers import gather
from vecstream_cli.pipeline.events import Event, Notice
from vecstream_cli.settings import Settings

FACTS = (
    "id", "path", "ordinal", "char_start", "char_end", "page", "heading", "text", "chunk_key",
    "content_hash", "position", "metadata",
)  # fmt: skip
NAMES = ("new", "changed", "unchanged", "removed")
SOURCE = ("--source", "library")
TRAP = """
import os
with open(os.environ["TORCH_TRAP"], "w") as file:
    file.write("sprung")
raise ImportError("torch was imported")
"""


def section(number: int) -> str:
    """A heading with two paragraphs, cut from the others by the heading."""
    return f"## Part {number}\n\n{prose(30, number)}\n{prose(30, 100 + number)}\n"


def write(path: Path, *sections: int, title: str = "A") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    front = f"---\ntitle: {title}\n---\n\n"
    path.write_text(front + "".join(map(section, sections)))


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Vecstream:
    """Six documents of six parts, and their table; no part stands in two of them."""
    vecstream = Vecstream(tmp_path_factory.mktemp("indexed"), tiny_model)
    for number in range(6):
        path = vecstream.folder / "library" / f"doc-{number}.md"
        write(path, *range(10 * number, 10 * number + 6))
    done = vecstream.index("library", *SOURCE)
    assert done.code == 0, done.err
    return vecstream


@pytest.fixture
def library(vecstream: Vecstream, indexed: Vecstream) -> Path:
    """A copy of the documents, with a copy of their table."""
    shutil.copytree(indexed.database, vecstream.database)
    return Path(shutil.copytree(indexed.folder / "library", vecstream.folder / "library"))


@pytest.fixture
def without_model(vecstream: Vecstream, tmp_path: Path) -> Callable[..., Finished]:
    """Indexes with a torch that tells when it is imported, in whichever process."""
    fake, sprung = tmp_path / "fake" / "torch", tmp_path / "sprung"
    fake.mkdir(parents=True)
    (fake / "__init__.py").write_text(TRAP)

    def run(*arguments: str | Path) -> Finished:
        paths = [str(fake.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
        path = os.pathsep.join(paths)
        done = vecstream.index(*arguments, PYTHONPATH=path, TORCH_TRAP=str(sprung))
        assert done.code == 0, done.err
        assert not sprung.exists(), "a process imported torch"
        assert done.summary["model_load_seconds"] is None
        assert (done.summary["chunks_embedded"], done.summary["tokens"]) == (0, 0)
        return done

    return run


def counts(done: Finished) -> tuple[int, ...]:
    return tuple(done.summary[f"documents_{name}"] for name in NAMES)


def vectors_by_text(vecstream: Vecstream) -> dict[str, list[float]]:
    return {row["text"]: row["vector"] for row in vecstream.rows("text", "vector")}


def clean_rows(vecstream: Vecstream, library: Path) -> list[dict[str, Any]]:
    """The table of one run in a database of its own."""
    kept, vecstream.database = vecstream.database, vecstream.folder / "clean.lance"
    done = vecstream.index(library, *SOURCE)
    assert (done.code, done.summary["chunks_reused"]) == (0, 0), done.err
    rows = vecstream.rows(*FACTS)
    vecstream.database = kept
    return rows


def test_files_renamed_moved_copied_and_touched_embed_nothing_and_load_no_model(
    vecstream: Vecstream, library: Path, without_model: Callable[..., Finished]
) -> None:
    before = vectors_by_text(vecstream)
    (library / "doc-0.md").rename(library / "renamed.md")
    (library / "deep" / "er").mkdir(parents=True)
    (library / "doc-1.md").rename(library / "deep" / "er" / "doc-1.md")
    shutil.copy(library / "doc-2.md", library / "copy.md")
    os.utime(library / "doc-3.md")

    done = without_model(library, *SOURCE)

    assert counts(done) == (3, 0, 4, 2)
    rows = vecstream.rows()
    moved = [row for row in rows if row["path"] in ("renamed.md", "deep/er/doc-1.md", "copy.md")]
    assert done.summary["chunks_reused"] == done.summary["chunks_written"] == len(moved) > 0
    for row in rows:
        assert row["vector"] == before[row["text"]]  # bit for bit
        text = (library / row["path"]).read_text()
        assert text[row["char_start"] : row["char_end"]] == row["text"]
    assert vecstream.rows(*FACTS) == clean_rows(vecstream, library)


def test_an_edited_document_embeds_the_chunks_whose_text_is_new_and_places_the_others_anew(
    vecstream: Vecstream, library: Path
) -> None:
    before = vectors_by_text(vecstream)
    # two parts in front and one changed; one taken from another document; another title
    write(library / "doc-0.md", 70, 71, 0, 1, 72, 3, 4, 5, 10, title="B")

    done = vecstream.index(library, *SOURCE)

    assert (done.code, counts(done)) == (0, (0, 1, 5, 0)), done.err
    rows = [row for row in vecstream.rows() if row["path"] == "doc-0.md"]
    known = [row for row in rows if row["text"] in before]
    assert done.summary["chunks_embedded"] == len(rows) - len(known) > 0
    assert done.summary["chunks_reused"] == len(known) > 0
    assert done.summary["tokens"] < 64 * done.summary["chunks_embedded"]
    assert all(row["vector"] == before[row["text"]] for row in known)
    text = (library / "doc-0.md").read_text()
    assert all(text[row["char_start"] : row["char_end"]] == row["text"] for row in rows)
    assert [row["ordinal"] for row in rows] == list(range(len(rows)))
    assert {row["metadata"] for row in rows} == {'{"title": "B"}'}


def test_the_pages_of_reused_chunks_are_those_of_the_new_version(
    vecstream: Vecstream, tmp_path: Path, without_model: Callable[..., Finished]
) -> None:
    folder = tmp_path / "pages"
    folder.mkdir()
    manual = folder / "manual.pdf"
    manual.write_bytes(pdf("Manual", [Line(line) for line in prose(1500).splitlines()]))
    vecstream.index(folder)
    before = [row["page"] for row in vecstream.rows("page")]
    with_an_empty_page_in_front(manual)

    done = without_model(folder)

    assert counts(done) == (0, 1, 0, 0)
    assert [row["page"] for row in vecstream.rows("page")] == [page + 1 for page in before]
    assert max(before) > 1


def test_a_changed_reader_reads_its_documents_again_and_reuses_their_vectors(
    vecstream: Vecstream, library: Path, without_model: Callable[..., Finished]
) -> None:
    before = vecstream.rows(*FACTS, "vector")
    with sqlite3.connect(manifest_of(vecstream)) as db:
        db.execute("UPDATE documents SET reader = 'markdown/0'")
    db.close()

    done = without_model(library, *SOURCE)

    assert counts(done) == (0, 6, 0, 0)
    assert done.summary["chunks_reused"] == len(before)
    assert vecstream.rows(*FACTS, "vector") == before


def test_donors_that_are_gone_from_the_database_cost_an_embedding_and_nothing_else(
    vecstream: Vecstream, library: Path
) -> None:
    """As when a donor's document is replaced or removed between the look-up and the writing."""
    import lancedb

    before = vectors_by_text(vecstream)
    table = lancedb.connect(str(vecstream.database)).open_table("documents")
    gone = table.delete("path = 'doc-0.md' OR (path = 'doc-1.md' AND ordinal % 2 = 1)")
    for number in range(3):
        (library / f"doc-{number}.md").rename(library / f"renamed-{number}.md")

    done = vecstream.index(library, *SOURCE)

    assert (done.code, counts(done)) == (0, (3, 0, 3, 3)), done.err
    assert done.summary["chunks_embedded"] == gone.num_deleted_rows > 0
    assert done.summary["chunks_reused"] > 0
    assert (
        done.summary["chunks_embedded"] + done.summary["chunks_reused"]
        == done.summary["chunks_written"]
    )
    for row in vecstream.rows("text", "vector"):
        assert row["vector"] == pytest.approx(before[row["text"]], abs=1e-5)
    assert vecstream.rows(*FACTS) == clean_rows(vecstream, library)


def test_a_huge_document_goes_on_where_it_was_interrupted_or_killed(
    vecstream: Vecstream, tmp_path: Path
) -> None:
    folder = tmp_path / "huge"
    folder.mkdir()
    words = " ".join(f"{word}{seed}" for seed in range(400) for word in prose(200, seed).split())
    (folder / "huge.txt").write_text(words)
    stops: list[tuple[int, int]] = [(signal.SIGINT, 130), (signal.SIGKILL, -9)]
    known = 0
    kept: dict[str, list[float]] = {}
    for number, code in stops:
        run = vecstream.start(folder, "--buffer", "4")
        wait_until(lambda known=known: acknowledged(vecstream) > known)
        run.send(number)
        done = run.finish()
        assert done.code == code, done.err
        rows = vecstream.rows("id", "vector")
        assert all(kept[row["id"]] == row["vector"] for row in rows if row["id"] in kept)
        kept |= {row["id"]: row["vector"] for row in rows}
        known = acknowledged(vecstream)

    done = wait_until(lambda: (last := vecstream.index(folder)).code != 11 and last)

    assert (done.code, counts(done)) == (0, (1, 0, 0, 0)), done.err
    rows = vecstream.rows()
    assert done.summary["chunks_reused"] >= known > 0
    assert done.summary["chunks_embedded"] > 0
    assert done.summary["chunks_embedded"] + done.summary["chunks_reused"] == len(rows)
    by_id = {row["id"]: row["vector"] for row in rows}
    assert all(by_id[each] == vector for each, vector in kept.items())
    assert [row["ordinal"] for row in rows] == list(range(len(rows)))


def test_a_database_that_cannot_hand_vectors_back_is_named_once_and_all_is_embedded(
    vecstream: Vecstream, library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(2):
        (library / f"doc-{number}.md").rename(library / f"renamed-{number}.md")
    monkeypatch.setattr(LanceAdapter, "hands_back_vectors", lambda database: False)
    events: list[Event] = []

    done = index(settings(vecstream, library), events.append)

    assert done.documents_new == 2
    assert (done.chunks_embedded, done.chunks_reused) == (done.chunks_written, 0)
    told = [event for event in events if isinstance(event, Notice)]
    assert [notice.reason for notice in told] == ["no-reuse"]


def with_an_empty_page_in_front(path: Path) -> None:
    import pypdfium2

    document = pypdfium2.PdfDocument(path.read_bytes())
    document.new_page(595, 842, index=0).close()
    document.save(path)
    document.close()


def manifest_of(vecstream: Vecstream) -> Path:
    return vecstream.database / ".vecstream" / "documents.sqlite3"


def acknowledged(vecstream: Vecstream) -> int:
    """The texts of acknowledged rows that the manifest knows of, which may not be made yet."""
    try:
        db = sqlite3.connect(f"file:{manifest_of(vecstream)}?mode=ro", uri=True)
        with contextlib.closing(db):
            (count,) = db.execute("SELECT count(DISTINCT key) FROM chunks").fetchone()
    except sqlite3.OperationalError:
        return 0
    return int(count)


def settings(vecstream: Vecstream, folder: Path) -> Settings:
    flags = {"paths": [str(folder)], "db-uri": str(vecstream.database), "source": "library"}
    return Settings(**gather({**flags, "model": str(vecstream.model)}, environ={}))
