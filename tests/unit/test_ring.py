"""Slots and documents in step: nothing is acknowledged twice, nothing of a dead attempt counts."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from vecstream_cli.core.ids import ChunkKey, ContentHash, DocumentId, RowId
from vecstream_cli.core.leases import Holder, Place, SlotRef
from vecstream_cli.core.plan import Stamp
from vecstream_cli.errors import CeilingError
from vecstream_cli.pipeline.arena import Arena
from vecstream_cli.pipeline.documents import Document
from vecstream_cli.pipeline.filling import Filling, Row
from vecstream_cli.pipeline.messages import Job, JobId, Sealed
from vecstream_cli.pipeline.ring import WRITER, Ring
from vecstream_cli.pipeline.slots import APPEND, MERGE, POISON, SKIP, Slot, SlotLayout

LAYOUT = SlotLayout.of(chunk_tokens=16, chunk_chars=1024, dimension=4)
PARSER = Holder(Place.PARSER, 0)
INFERENCE, OTHER_INFERENCE = Holder(Place.INFERENCE, 1), Holder(Place.INFERENCE, 0)
STAMP = Stamp(1, 2, 3, 4)


@pytest.fixture
def arena() -> Iterator[Arena]:
    arena = Arena.create(2 * LAYOUT.slot_bytes)
    yield arena
    arena.close()


def to_be_embedded(slot: Slot, rows: int) -> int:
    """How many rows of the slot no donor was found for."""
    return int(slot["embed"][:rows].sum())


@pytest.fixture
def ring(arena: Arena) -> Ring:
    return Ring(arena, LAYOUT, 2, to_be_embedded, poison=True)


def admit(ring: Ring, number: int, *, fresh: bool = True) -> Document:
    job = Job(
        id=JobId(number), document=DocumentId(bytes([number]) * 16), attempt=number, source="s",
        path="p", relative=b"p", absolute=b"/p", size=1, known_hash=None,
    )  # fmt: skip
    document = Document(job, "s", STAMP, fresh=fresh, good_attempt=None, pending=False)
    ring.documents.add(document)
    return document


def seal(document: Document, chunks: int) -> None:
    document.sealed = Sealed(
        document.job.id, chunks, 5 * chunks, 0, ContentHash(b"h" * 16), STAMP, "text/1", ()
    )


def fill(ring: Ring, arena: Arena, *documents: Document) -> SlotRef:
    """A slot with one row of each document, handed on by the parser."""
    ref = ring.grant(PARSER)
    assert ref is not None
    filling = Filling(ref, Slot(arena.slots(), LAYOUT, ref.slot))
    for at, document in enumerate(documents):
        row = Row(
            job=document.job.id, row_id=RowId(bytes([at]) * 16), document=document.job.document,
            key=ChunkKey(bytes([100 + at]) * 16), content_hash=b"h" * 16, text=b"text",
            ids=np.arange(3, dtype=np.int32), attempt=document.job.attempt, ordinal=at,
            occurrence=at, char_start=0, char_end=4, page=None,
            strings=("s", "p", None, None, None),
        )  # fmt: skip
        assert filling.add(row)
    ring.filled(ref, filling.rows, PARSER)
    return ref


def embed(ring: Ring) -> SlotRef | None:
    handed = ring.next_for(INFERENCE)
    assert handed is not None
    return ring.embedded(*handed, INFERENCE)


def test_an_arena_larger_than_what_is_left_is_refused_before_it_is_allocated() -> None:
    with pytest.raises(CeilingError, match="only 1 MiB are left"):
        Arena.create(1 << 40, left=1 << 20)


def test_a_document_is_complete_when_every_sealed_row_is_acknowledged(
    ring: Ring, arena: Arena
) -> None:
    document = admit(ring, 1)
    seal(document, 2)
    fill(ring, arena, document)
    fill(ring, arena, document)
    first, second = embed(ring), embed(ring)
    assert first is not None
    assert second is not None

    rows, completed = ring.written([(first, 1)])
    assert ([row.attempt for row in rows], completed) == ([1], [])

    rows, completed = ring.written([(second, 1)])
    assert completed == [document]
    assert rows[0].key == ChunkKey(bytes([100]) * 16)
    assert len(ring.documents) == 0


def test_a_document_sealed_after_its_last_row_is_complete_at_once(ring: Ring, arena: Arena) -> None:
    document = admit(ring, 1)
    fill(ring, arena, document)
    ref = embed(ring)
    assert ref is not None
    assert ring.written([(ref, 1)])[1] == []

    seal(document, 1)

    assert document.complete


def test_fresh_documents_are_appended_and_others_merged(ring: Ring, arena: Arena) -> None:
    fresh, known = admit(ring, 1), admit(ring, 2, fresh=False)
    fill(ring, arena, fresh, known, fresh)

    ref = embed(ring)

    assert ref is not None
    slot = Slot(arena.slots(), LAYOUT, ref.slot)
    assert slot["mode"][:3].tolist() == [APPEND, MERGE, APPEND]


def test_rows_of_a_document_tried_again_are_skipped(ring: Ring, arena: Arena) -> None:
    document, other = admit(ring, 1), admit(ring, 2)
    fill(ring, arena, document, other)
    ring.documents.drop(document)
    document.renew(JobId(9), 9, fresh=False)
    ring.documents.add(document)

    ref = embed(ring)

    assert ref is not None
    slot = Slot(arena.slots(), LAYOUT, ref.slot)
    assert slot["mode"][:2].tolist() == [SKIP, APPEND]
    assert [row.document for row in ring.written([(ref, 2)])[0]] == [other.job.document]
    assert document.acknowledged == 0


def test_a_slot_of_dead_documents_alone_is_free_again_without_the_writer(
    ring: Ring, arena: Arena
) -> None:
    document = admit(ring, 1)
    fill(ring, arena, document)
    ring.documents.drop(document)

    assert embed(ring) is None
    assert ring.count(Place.FREE) == 2


def test_messages_with_an_old_lease_change_nothing(ring: Ring, arena: Arena) -> None:
    document = admit(ring, 1)
    ref = fill(ring, arena, document)

    ring.filled(ref, 1, PARSER)  # said twice
    assert ring.count(Place.READY) == 1

    written = embed(ring)
    assert written is not None
    assert ring.embedded(replace(written, lease=ref.lease), 1, INFERENCE) is None
    assert ring.written([(ref, 1)]) == ([], [])
    assert ring.count(Place.WRITER) == 1


def test_a_slot_of_one_inference_process_is_not_taken_from_another(
    ring: Ring, arena: Arena
) -> None:
    document = admit(ring, 1)
    fill(ring, arena, document)
    handed = ring.next_for(INFERENCE)
    assert handed is not None

    assert ring.embedded(*handed, OTHER_INFERENCE) is None
    assert ring.held_by(INFERENCE) == 1
    assert ring.embedded(*handed, INFERENCE) is not None


def test_a_slot_given_back_unused_is_free_for_another_parser(ring: Ring) -> None:
    first, second = ring.grant(PARSER), ring.grant(PARSER)
    assert first is not None
    assert second is not None
    assert ring.grant(Holder(Place.PARSER, 1)) is None

    ring.returned(second, PARSER)
    ring.returned(second, PARSER)  # said twice

    assert ring.grant(Holder(Place.PARSER, 1)) is not None
    assert ring.count(Place.FREE) == 0


def test_a_released_slot_is_poisoned(ring: Ring, arena: Arena) -> None:
    document = admit(ring, 1)
    fill(ring, arena, document)
    ref = embed(ring)
    assert ref is not None

    ring.written([(ref, 1)])

    assert (Slot(arena.slots(), LAYOUT, ref.slot)["text"] == POISON).all()


def test_what_is_not_embedded_is_taken_back_and_what_is_stays_with_the_writer(
    ring: Ring, arena: Arena
) -> None:
    document = admit(ring, 1)
    fill(ring, arena, document)
    embed(ring)
    fill(ring, arena, document)

    ring.drop_unembedded([INFERENCE])

    assert ring.count(Place.FREE) == 1
    assert ring.held_by(WRITER) == 1
    assert ring.held_by(INFERENCE) == 0
    assert ring.next_for(INFERENCE) is None


def test_a_slot_of_which_nothing_is_to_be_embedded_goes_to_the_writer_at_once(
    arena: Arena,
) -> None:
    def every_row_has_a_donor(slot: Slot, rows: int) -> int:
        slot["embed"][:rows] = 0
        return 0

    ring = Ring(arena, LAYOUT, 2, every_row_has_a_donor, poison=True)
    document = admit(ring, 1)
    fill(ring, arena, document)

    whole = ring.next_whole()

    assert whole is not None
    assert (ring.to_embed, ring.held_by(WRITER), ring.next_whole()) == (0, 1, None)
    seal(document, 1)
    assert ring.written([whole])[1] == [document]


def test_a_slot_that_misses_a_donor_goes_back_to_inference_and_is_written_once(
    ring: Ring, arena: Arena
) -> None:
    document = admit(ring, 1)
    seal(document, 1)
    fill(ring, arena, document)
    first = embed(ring)
    assert first is not None

    ring.missed([(first, 1)])
    ring.missed([(first, 1)])  # said twice

    assert (ring.to_embed, ring.held_by(WRITER)) == (1, 0)
    assert ring.written([(first, 1)]) == ([], [])
    second = embed(ring)
    assert second is not None
    assert ring.written([(second, 1)])[1] == [document]


def test_a_slot_that_comes_back_when_its_document_has_failed_is_free(
    ring: Ring, arena: Arena
) -> None:
    document = admit(ring, 1)
    fill(ring, arena, document)
    ref = embed(ring)
    assert ref is not None
    ring.documents.drop(document)

    ring.missed([(ref, 1)])

    assert embed(ring) is None
    assert ring.count(Place.FREE) == 2
