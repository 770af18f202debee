"""Whose vector a row may have: that of a row in the database; one that is gone is missed."""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from manifests import KEYS, RECORD, STAMP, committed, pending

from vecstream_cli.adapters.lance.adapter import LanceAdapter
from vecstream_cli.adapters.schema import row_schema
from vecstream_cli.core.ids import ChunkKey, DocumentId, RowId, row_id
from vecstream_cli.core.leases import SlotRef
from vecstream_cli.endpoint import Endpoint
from vecstream_cli.pipeline.events import Event, Notice
from vecstream_cli.pipeline.filling import Filling, Row
from vecstream_cli.pipeline.reuse import Donors, fetch
from vecstream_cli.pipeline.rows import record_batch
from vecstream_cli.pipeline.slots import APPEND, MERGE, SKIP, Slot, SlotLayout
from vecstream_cli.state.entries import AcknowledgedRow
from vecstream_cli.state.manifest import Manifest

DIMENSION = 4
LAYOUT = SlotLayout.of(chunk_tokens=16, chunk_chars=1024, dimension=DIMENSION)
DOCUMENT, OTHER = pending(b"a").id, pending(b"b").id


@pytest.fixture
def manifest(tmp_path: Path) -> Iterator[Manifest]:
    with Manifest.open(tmp_path / "m.sqlite3") as manifest:
        manifest.bind(RECORD, created=True)
        manifest.start_run(scan_started_ns=0)
        yield manifest


def slot_of(*keys: ChunkKey, document: DocumentId = OTHER, index: int = 0) -> tuple[Slot, int]:
    """A slot as a parser fills it, with a row for each key, and how many they are."""
    region = memoryview(bytearray((index + 1) * LAYOUT.slot_bytes))
    slot = Slot(region, LAYOUT, index)
    filling = Filling(SlotRef(index, 1), slot)
    for at, key in enumerate(keys):
        row = Row(
            job=1, row_id=row_id(document, key, 0), document=document, key=key,
            content_hash=b"h" * 16, text=b"text", ids=np.arange(3, dtype=np.int32), attempt=1,
            ordinal=at, occurrence=0, char_start=0, char_end=4, page=None,
            strings=("s", "p", None, None, None),
        )  # fmt: skip
        assert filling.add(row)
    slot["vector"][:] = np.nan
    slot["mode"][: len(keys)] = APPEND
    return slot, len(keys)


def donors_in(slot: Slot, rows: int) -> list[RowId | None]:
    named = [bytes(each) for each in slot["donor"][:rows]]
    return [RowId(bytes.fromhex(each.decode())) if any(each) else None for each in named]


def acknowledge(manifest: Manifest, name: bytes, *keys: ChunkKey) -> int:
    """An attempt at the document whose rows the database has."""
    [attempt] = manifest.reserve_attempts([pending(name)])
    manifest.acknowledge(AcknowledgedRow(pending(name).id, attempt.number, key, 0) for key in keys)
    return attempt.number


# What the supervisor marks


def test_a_slot_is_marked_with_the_rows_that_have_its_texts(manifest: Manifest) -> None:
    acknowledge(manifest, b"a", KEYS[0], KEYS[2])
    slot, rows = slot_of(*KEYS[:4], KEYS[0])

    left = Donors(manifest, [].append, hands_back=True).mark(slot, rows)

    first, third = row_id(DOCUMENT, KEYS[0], 0), row_id(DOCUMENT, KEYS[2], 0)
    assert donors_in(slot, rows) == [first, None, third, None, first]
    assert (left, slot["embed"][:rows].tolist()) == (2, [0, 1, 0, 1, 0])


def test_a_first_run_looks_nothing_up(manifest: Manifest) -> None:
    donors = Donors(manifest, [].append, hands_back=True)
    acknowledge(manifest, b"a", KEYS[0])
    slot, rows = slot_of(KEYS[0])

    assert (donors.likely, donors.mark(slot, rows), donors_in(slot, rows)) == (False, 1, [None])
    assert indexes(manifest) == []


def test_the_index_of_texts_is_made_when_first_wanted_and_goes_with_the_rows(
    manifest: Manifest,
) -> None:
    acknowledge(manifest, b"a", KEYS[0])
    donors = Donors(manifest, [].append, hands_back=True)
    assert indexes(manifest) == []
    for _ in range(2):
        donors.mark(*slot_of(KEYS[0]))
    assert indexes(manifest) == ["chunks_by_key"]
    assert "chunks_by_key" in how(manifest)

    manifest.bind(replace(RECORD, uuid="another"))

    assert (indexes(manifest), manifest.has_rows()) == ([], False)


def test_a_database_that_cannot_hand_vectors_back_is_told_once(manifest: Manifest) -> None:
    acknowledge(manifest, b"a", KEYS[0])
    told: list[Event] = []
    donors = Donors(manifest, told.append, hands_back=False)
    assert (donors.likely, told) == (False, [])

    for _ in range(2):
        slot, rows = slot_of(KEYS[0])
        assert (donors.mark(slot, rows), donors_in(slot, rows)) == (1, [None])

    assert [type(event) for event in told] == [Notice]


# Of all that can become of documents, the manifest keeps no donor whose row is gone


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["write", "commit", "fail", "remove"]),
            st.sampled_from([b"a", b"b", b"c"]),
            st.lists(st.sampled_from(KEYS), max_size=4, unique=True),
        ),
        max_size=12,
    )
)
@settings(max_examples=60)
def test_donors_are_rows_that_the_database_holds(
    story: list[tuple[str, bytes, list[ChunkKey]]],
) -> None:
    good: dict[bytes, set[ChunkKey]] = {}
    partial: dict[bytes, set[ChunkKey]] = {}  # of attempts that never ended
    with tempfile.TemporaryDirectory() as folder, Manifest.open(Path(folder) / "m") as manifest:
        manifest.bind(RECORD, created=True)
        manifest.start_run(scan_started_ns=0)
        manifest.index_keys()
        for action, name, keys in story:
            if action == "remove":
                manifest.remove([pending(name).id])
                good.pop(name, None)
                partial.pop(name, None)
                continue
            attempt = acknowledge(manifest, name, *keys)
            partial.setdefault(name, set()).update(keys)
            if action == "commit":
                manifest.commit([committed(pending(name).id, attempt)])
                good[name] = set(keys)
            elif action == "fail":
                facts = {"reason": "r", "message": "m", "stamp": STAMP, "reader": None}
                manifest.fail(pending(name).id, **facts)  # type: ignore[arg-type]
            if action != "write":
                partial.pop(name)
        held: dict[ChunkKey, set[RowId]] = {}
        for name, found in (*good.items(), *partial.items()):
            for key in found:
                held.setdefault(key, set()).add(row_id(pending(name).id, key, 0))

        donors = manifest.donors(KEYS)

    assert donors.keys() == held.keys()
    for key, donor in donors.items():
        assert donor.id in held[key]
        assert donor.id == row_id(donor.document, key, 0)


# What the writer fetches


class Counting(LanceAdapter):
    """Counts what it is asked for."""

    def fetch_vectors(self, ids: Sequence[str], documents: Sequence[str] | None = None) -> Any:
        asked.append(list(ids))
        return super().fetch_vectors(ids, documents)


asked: list[list[str]] = []


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Counting]:
    """It has rows of the first two texts, with vectors that no rounding leaves as they are."""
    with Counting.open(
        Endpoint(name="lance", uri=str(tmp_path / "db")), "documents", read_only=False
    ) as adapter:
        adapter.create(replace(RECORD, dimension=DIMENSION))
        slot, rows = slot_of(*KEYS[:2], document=DOCUMENT)
        slot["vector"][:rows] = stored(rows)
        adapter.append(record_batch(slot, rows, row_schema(DIMENSION)))
        asked.clear()
        yield adapter


def stored(rows: int) -> "np.ndarray[Any, np.dtype[np.float32]]":
    return np.random.default_rng(5).standard_normal((rows, DIMENSION), dtype=np.float32)


def name_donors(slot: Slot, *keys: ChunkKey) -> None:
    """Rows of the first document with these texts, whether there are such rows or not."""
    for at, key in enumerate(keys):
        slot["donor"][at] = list(row_id(DOCUMENT, key, 0).hex().encode())
        slot["donor_document"][at] = list(DOCUMENT.hex().encode())
        slot["embed"][at] = 0


def test_vectors_of_donors_come_into_their_slots_bit_for_bit_with_one_question(
    database: Counting,
) -> None:
    first, second = slot_of(KEYS[1], KEYS[0]), slot_of(KEYS[1], index=1)
    name_donors(first[0], KEYS[1], KEYS[0])
    name_donors(second[0], KEYS[1])

    assert fetch(database, [first, second]) == (3, set())

    assert len(asked) == 1
    assert len(asked[0]) == 2
    expected = stored(2)
    assert first[0]["vector"][:2].tobytes() == expected[::-1].tobytes()
    assert second[0]["vector"][0].tobytes() == expected[1].tobytes()


def test_a_slot_whose_donor_is_gone_is_to_be_embedded_in_that_row_alone(
    database: Counting,
) -> None:
    short, rows = slot_of(KEYS[0], KEYS[3], KEYS[4])
    name_donors(short, KEYS[0], KEYS[3])  # of the last one inference has made the vector
    short["vector"][2] = 7
    whole, _ = slot_of(KEYS[1], index=1)
    name_donors(whole, KEYS[1])

    assert fetch(database, [(short, rows), (whole, 1)]) == (2, {0})

    assert short["embed"][:rows].tolist() == [0, 1, 0]
    assert donors_in(short, rows) == [None, None, None]  # nobody is asked twice
    assert short["vector"][0].tobytes() == stored(2)[0].tobytes()
    assert np.isnan(short["vector"][1]).all()
    assert (short["vector"][2] == 7).all()


def test_rows_of_dead_documents_are_not_asked_for(database: Counting) -> None:
    slot, rows = slot_of(KEYS[0], KEYS[3])
    name_donors(slot, KEYS[0], KEYS[3])
    slot["mode"][:rows] = [MERGE, SKIP]

    assert fetch(database, [(slot, rows)]) == (1, set())
    assert asked == [[row_id(DOCUMENT, KEYS[0], 0).hex()]]


def test_without_donors_the_database_is_not_asked(database: Counting) -> None:
    assert fetch(database, [slot_of(KEYS[0])]) == (0, set())
    assert asked == []


def indexes(manifest: Manifest) -> list[str]:
    rows = manifest._db.execute(
        "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = 'chunks' AND sql <> ''"
    )
    return [name for (name,) in rows]


def how(manifest: Manifest) -> str:
    """What SQLite says of the way it takes to a chunk's rows."""
    rows = manifest._db.execute("EXPLAIN QUERY PLAN SELECT document FROM chunks WHERE key = x'00'")
    return " ".join(str(row) for row in rows)
