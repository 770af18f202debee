"""A slot: what a parser puts in is what the database is handed, without a copy."""

import json
from dataclasses import replace

import numpy as np
import pytest

from vecstream_cli.adapters.schema import row_schema
from vecstream_cli.core.ids import ChunkKey, DocumentId, RowId
from vecstream_cli.core.leases import SlotRef
from vecstream_cli.pipeline.filling import Filling, Row
from vecstream_cli.pipeline.rows import record_batch, runs, without_duplicates
from vecstream_cli.pipeline.slots import APPEND, MERGE, NONE, POISON, SKIP, Slot, SlotLayout
from vecstream_cli.pixels import ImageInput

DIMENSION = 4
LAYOUT = SlotLayout.of(chunk_tokens=16, chunk_chars=1024, dimension=DIMENSION)
SCHEMA = row_schema(DIMENSION)


def a_slot(layout: SlotLayout = LAYOUT) -> Slot:
    return Slot(memoryview(bytearray(2 * layout.slot_bytes)), layout, 1)


def a_row(text: str = "naïve text", *, seed: int = 0, page: int | None = None) -> Row:
    data = text.encode()
    return Row(
        job=3,
        row_id=RowId(bytes([seed]) * 16),
        document=DocumentId(b"d" * 16),
        key=ChunkKey(b"k" * 16),
        content_hash=b"h" * 16,
        text=data,
        ids=np.arange(5, dtype=np.int32),
        attempt=7,
        ordinal=seed,
        occurrence=0,
        char_start=10,
        char_end=10 + len(text),
        page=page,
        strings=("source", "a/päth.md", "A > B", None, json.dumps({"title": "T"})),
    )


def test_rows_read_back_as_they_were_filled() -> None:
    slot = a_slot()
    filling = Filling(SlotRef(1, 1), slot)
    assert filling.add(a_row("erste Zeile 🌍", seed=1, page=4))
    assert filling.add(a_row("", seed=2))
    slot["vector"][:2] = [[1, 2, 3, 4], [5, 6, 7, 8]]

    first, second = record_batch(slot, filling.rows, SCHEMA).to_pylist()

    assert first == {
        "id": "01" * 16,
        "document_id": b"d".hex() * 16,
        "source": "source",
        "path": "a/päth.md",
        "ordinal": 1,
        "char_start": 10,
        "char_end": 23,
        "page": 4,
        "heading": "A > B",
        "text": "erste Zeile 🌍",
        "vector": [1.0, 2.0, 3.0, 4.0],
        "chunk_key": b"k".hex() * 16,
        "content_hash": b"h".hex() * 16,
        "attempt": 7,
        "position": None,
        "metadata": '{"title": "T"}',
    }
    assert (second["text"], second["page"], second["vector"]) == ("", None, [5.0, 6.0, 7.0, 8.0])


def test_text_and_vectors_are_views_of_the_slot_itself() -> None:
    slot = a_slot()
    filling = Filling(SlotRef(1, 1), slot)
    filling.add(a_row("before"))
    batch = record_batch(slot, 1, SCHEMA)

    slot["text"][:6] = np.frombuffer(b"after!", np.uint8)
    slot["vector"][0] = 9

    assert batch.column("text").to_pylist() == ["after!"]
    assert batch.column("vector").to_pylist() == [[9.0] * DIMENSION]


@pytest.mark.parametrize("what", ["rows", "tokens", "text", "pool"])
def test_a_row_that_does_not_fit_leaves_the_slot_as_it_was(what: str) -> None:
    sizes = {"rows": 1, "tokens": 9, "text_bytes": 25, "pool_bytes": 45}
    roomy = {"rows": 8, "tokens": 99, "text_bytes": 999, "pool_bytes": 999}
    key = what if what in sizes else f"{what}_bytes"
    layout = SlotLayout(**{**roomy, key: sizes[key]}, dimension=DIMENSION)
    slot = a_slot(layout)
    filling = Filling(SlotRef(1, 1), slot)
    assert filling.add(a_row("twelve bytes"))

    strings = ("source", "another/path.md", "C", None, None)
    assert not filling.add(replace(a_row("and fourteen b", seed=2), strings=strings))

    assert filling.rows == 1
    assert record_batch(slot, 1, SCHEMA).column("text").to_pylist() == ["twelve bytes"]


def test_runs_leave_out_what_is_to_be_skipped() -> None:
    modes = np.array([APPEND, APPEND, SKIP, MERGE, MERGE, MERGE, APPEND, SKIP], np.uint8)
    assert list(runs(modes)) == [(APPEND, 0, 2), (MERGE, 3, 3), (APPEND, 6, 1)]
    assert list(runs(modes[:0])) == []


def test_a_duplicate_id_is_handed_over_once_the_last_one_winning() -> None:
    batches = []
    for texts in (("old", "kept"), ("new",)):
        slot = a_slot()
        filling = Filling(SlotRef(1, 1), slot)
        for text in texts:
            filling.add(a_row(text, seed=2 if text == "kept" else 1))
        batches.append(record_batch(slot, filling.rows, SCHEMA))

    rows = [row for batch in without_duplicates(batches) for row in batch.to_pylist()]

    assert [(row["id"][:2], row["text"]) for row in rows] == [("02", "kept"), ("01", "new")]


def test_slots_of_an_arena_do_not_overlap() -> None:
    region = memoryview(bytearray(2 * LAYOUT.slot_bytes))
    first, second = Slot(region, LAYOUT, 0), Slot(region, LAYOUT, 1)

    first.poison()

    assert (first["text"] == POISON).all()
    for name in LAYOUT.columns:
        if name:
            assert not second[name].view(np.uint8).any()


def test_a_model_for_text_pays_no_byte_for_pictures() -> None:
    assert not {"picture", "pixels"} & LAYOUT.columns.keys()


def test_pictures_lie_in_their_slot_beside_text_and_fill_it_when_there_is_no_more_room() -> None:
    image = ImageInput(height=512, width=512)
    layout = SlotLayout.of(chunk_tokens=16, chunk_chars=1024, dimension=DIMENSION, image=image)
    assert layout.pictures == 2
    slot = a_slot(layout)
    filling = Filling(SlotRef(1, 1), slot)
    pixels = np.arange(image.pixel_bytes, dtype=np.uint8).reshape(512, 512, 3)
    no_text = replace(a_row(""), ids=np.empty(0, np.int32))

    assert filling.add(replace(no_text, pixels=pixels))
    assert filling.add(a_row("a text between"))
    assert filling.add(replace(no_text, pixels=255 - pixels))
    assert not filling.add(replace(no_text, pixels=pixels))
    assert filling.add(a_row("a text after"))

    assert slot["picture"][: filling.rows].tolist() == [0, NONE, 1, NONE]
    assert (slot["pixels"][0] == pixels).all()
    assert (slot["pixels"][1] == 255 - pixels).all()
    texts = record_batch(slot, filling.rows, SCHEMA).column("text").to_pylist()
    assert texts == ["", "a text between", "", "a text after"]
