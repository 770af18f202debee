"""Inference over slots of texts and pictures: each row gets its own vector, whatever is short."""

from collections.abc import Iterator

import numpy as np
import pytest
import tiny_vision
import torch

from vecstream_cli.core.leases import SlotRef
from vecstream_cli.errors import InternalError
from vecstream_cli.models.encoder import Encoder
from vecstream_cli.models.spec import ModelSpec, read_spec
from vecstream_cli.pipeline.arena import Arena
from vecstream_cli.pipeline.embedding import Batch, Embedding
from vecstream_cli.pipeline.messages import Embed, Embedded
from vecstream_cli.pipeline.slots import NONE, Slot, SlotLayout

SLOTS = 3
ROWS = 24


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> ModelSpec:
    return read_spec(tiny_vision.clip(tmp_path_factory.mktemp("clip")))


@pytest.fixture
def layout(spec: ModelSpec) -> SlotLayout:
    return SlotLayout.of(
        chunk_tokens=77, chunk_chars=512, dimension=spec.dimension, image=spec.image
    )


@pytest.fixture
def arena(layout: SlotLayout) -> Iterator[Arena]:
    arena = Arena.create(SLOTS * layout.slot_bytes)
    yield arena
    arena.close()


@pytest.fixture
def stage(arena: Arena, layout: SlotLayout, spec: ModelSpec) -> Embedding:
    return Embedding(arena, layout, spec, device="cpu", precision="fp32", threads=1)


def fill(arena: Arena, layout: SlotLayout, index: int) -> Slot:
    """Every third row is a text, and one of the pictures has its vector already."""
    dice = np.random.default_rng(index)
    slot = Slot(arena.slots(), layout, index)
    slot["token_offsets"][0] = used = pictures = 0
    for row in range(ROWS):
        if row % 3 == 0:
            slot["picture"][row] = NONE
            slot["token_ids"][used : used + 5] = dice.integers(0, 60, 5)
            used += 5
        else:
            slot["picture"][row] = pictures
            slot["pixels"][pictures] = dice.integers(0, 255, slot["pixels"].shape[1:])
            pictures += 1
        slot["token_offsets"][row + 1] = used
    slot["embed"][:ROWS] = 1
    slot["embed"][7] = 0
    slot["vector"][:] = 7
    return slot


def embedded(stage: Embedding, arena: Arena, layout: SlotLayout, lanes: int) -> list[Batch]:
    """All slots, filled and embedded."""
    for index in range(SLOTS):
        fill(arena, layout, index)
    messages = [Embed(SlotRef(index, 1), ROWS) for index in range(SLOTS)]
    batches = stage.batches(messages, lanes)
    for batch in batches:
        stage.embed(batch)
    return batches


def assert_right(arena: Arena, layout: SlotLayout, spec: ModelSpec) -> None:
    encoder = Encoder.load(spec, device="cpu", threads=1)
    for index in range(SLOTS):
        slot = Slot(arena.slots(), layout, index)
        for row in range(ROWS):
            start, end = slot["token_offsets"][row : row + 2]
            if row == 7:
                assert (slot["vector"][row] == 7).all()
                continue
            if slot["picture"][row] == NONE:
                alone = encoder.embed([slot["token_ids"][start:end].copy()])[0]
            else:
                alone = encoder.embed_pixels(slot["pixels"][slot["picture"][row]][None].copy())[0]
            assert np.allclose(slot["vector"][row], alone, atol=1e-4), (index, row)


@pytest.mark.parametrize("lanes", [1, 2, 5])
def test_texts_and_pictures_of_several_slots_get_their_own_vectors(
    stage: Embedding, arena: Arena, layout: SlotLayout, spec: ModelSpec, lanes: int
) -> None:
    batches = embedded(stage, arena, layout, lanes)

    assert_right(arena, layout, spec)
    assert sum(len(batch.places) for batch in batches if batch.pictures) == SLOTS * 15
    assert sum(len(batch.places) for batch in batches if not batch.pictures) == SLOTS * 8
    assert len([batch for batch in batches if batch.pictures]) >= lanes


def test_what_is_delivered_counts_pictures_apart(
    stage: Embedding, arena: Arena, layout: SlotLayout
) -> None:
    window = embedded(stage, arena, layout, 1)[0].window

    assert window.parts[0].delivered() == Embedded(SlotRef(0, 1), ROWS, 23, 8 * 5, 15)


def test_pictures_that_do_not_fit_into_memory_are_computed_in_halves(
    stage: Embedding, arena: Arena, layout: SlotLayout, spec: ModelSpec,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    theirs, sizes = Encoder.embed_pixels, []

    def short(self: Encoder, pixels: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
        sizes.append(len(pixels))
        if len(pixels) > 6:
            raise torch.OutOfMemoryError("out of memory")
        return theirs(self, pixels, out)

    monkeypatch.setattr(Encoder, "embed_pixels", short)

    embedded(stage, arena, layout, 1)

    assert sizes[0] == SLOTS * 15
    assert sum(size for size in sizes if size <= 6) == SLOTS * 15
    monkeypatch.undo()
    assert_right(arena, layout, spec)


def test_one_picture_that_does_not_fit_is_the_end(
    stage: Embedding, arena: Arena, layout: SlotLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> torch.Tensor:
        raise torch.OutOfMemoryError("out of memory")

    monkeypatch.setattr(Encoder, "embed_pixels", never)

    with pytest.raises(InternalError, match="even one image"):
        embedded(stage, arena, layout, 1)
