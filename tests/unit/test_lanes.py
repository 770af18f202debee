"""Inference by itself: every row gets its own vector once, whichever lane computes it."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import cast

import numpy as np
import pytest
import torch
from tiny_models import WIDTH, sentence_model

from vecstream_cli.core.leases import SlotRef
from vecstream_cli.errors import InternalError
from vecstream_cli.models.encoder import Encoder
from vecstream_cli.models.resolve import resolve
from vecstream_cli.models.spec import ModelSpec
from vecstream_cli.pipeline.arena import Arena, ArenaHandle
from vecstream_cli.pipeline.embedding import Batch, Part, Window
from vecstream_cli.pipeline.inference import InferenceConfig, run
from vecstream_cli.pipeline.lifecycle import Inbox, Outbox, channel
from vecstream_cli.pipeline.messages import Broken, Embed, Embedded, Ready, Stop, Stopped
from vecstream_cli.pipeline.slots import Slot, SlotLayout

SLOTS = 9
LAYOUT = SlotLayout.of(chunk_tokens=32, chunk_chars=512, dimension=WIDTH)


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> ModelSpec:
    return resolve(str(sentence_model(tmp_path_factory.mktemp("lanes") / "tiny")))


@pytest.fixture
def arena() -> Iterator[Arena]:
    arena = Arena.create(SLOTS * LAYOUT.slot_bytes)
    yield arena
    arena.close()


class Here:
    """An arena's handle for the process that made it."""

    def __init__(self, arena: Arena) -> None:
        self._arena = arena

    def open(self) -> Arena:
        return self._arena


def started(arena: Arena, spec: ModelSpec, lanes: int) -> tuple[Outbox, Inbox, threading.Thread]:
    inbox, to_it = channel()
    from_it, outbox = channel()
    config = InferenceConfig(
        arena=cast(ArenaHandle, Here(arena)), layout=LAYOUT, row=0, spec=spec, device="cpu",
        precision="fp32", lanes=lanes, threads=1,
    )  # fmt: skip
    thread = threading.Thread(target=run, args=(inbox, outbox, config))
    thread.start()
    return to_it, from_it, thread


def fill(arena: Arena, index: int, rows: int) -> list[torch.Tensor]:
    """Random sequences in a slot, as a parser leaves them."""
    dice = np.random.default_rng(index)
    slot = Slot(arena.slots(), LAYOUT, index)
    lengths = dice.integers(3, 24, rows)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    slot["token_offsets"][: rows + 1] = offsets
    slot["token_ids"][: offsets[-1]] = dice.integers(5, 12, offsets[-1])
    slot["embed"][:rows] = 1
    slot["vector"][:] = np.nan
    ids = slot["token_ids"][: offsets[-1]].copy()
    return [torch.from_numpy(part) for part in np.split(ids, offsets[1:-1])]


@pytest.mark.parametrize("lanes", [1, 3])
def test_every_row_of_every_slot_gets_the_vector_of_its_own_text(
    arena: Arena, spec: ModelSpec, lanes: int
) -> None:
    rows = [60, 1, 33, 47, 60, 12, 60, 5, 60]
    texts = [fill(arena, index, count) for index, count in enumerate(rows)]
    to_it, from_it, thread = started(arena, spec, lanes)

    for index, count in enumerate(rows):
        to_it.send(Embed(SlotRef(index, 100 + index), count))
    to_it.send(Stop())
    thread.join()

    first, *embedded, last = from_it.drain()
    assert isinstance(first, Ready)
    assert isinstance(last, Stopped)
    assert sorted(
        (m.ref.slot, m.rows, m.embedded, m.tokens) for m in embedded if isinstance(m, Embedded)
    ) == [(index, count, count, sum(map(len, texts[index]))) for index, count in enumerate(rows)]
    encoder = Encoder.load(spec, device="cpu", threads=1)
    for index, count in enumerate(rows):
        made = Slot(arena.slots(), LAYOUT, index)["vector"]
        alone = np.stack([encoder.embed([text])[0].numpy() for text in texts[index]])
        assert np.allclose(made[:count], alone, atol=1e-5)
        assert np.isnan(made[count:]).all()


def test_rows_that_have_their_vector_keep_it_and_cost_nothing(
    arena: Arena, spec: ModelSpec
) -> None:
    texts = fill(arena, 0, 40), fill(arena, 1, 8)
    slot, other = (Slot(arena.slots(), LAYOUT, index) for index in range(2))
    slot["embed"][:40] = [row % 3 == 0 for row in range(40)]
    slot["vector"][:] = 7
    to_it, from_it, thread = started(arena, spec, 2)

    to_it.send(Embed(SlotRef(0, 1), 40))
    to_it.send(Embed(SlotRef(1, 2), 8))
    to_it.send(Stop())
    thread.join()

    said = {m.ref.slot: m for m in from_it.drain() if isinstance(m, Embedded)}
    lengths = [len(text) for row, text in enumerate(texts[0]) if row % 3 == 0]
    assert said[0] == Embedded(SlotRef(0, 1), 40, len(lengths), sum(lengths))
    assert said[1].embedded == 8
    encoder = Encoder.load(spec, device="cpu", threads=1)
    for row in range(40):
        made = slot["vector"][row]
        if row % 3:
            assert (made == 7).all()
        else:
            assert np.allclose(made, encoder.embed([texts[0][row]])[0].numpy(), atol=1e-5)
    assert not np.isnan(other["vector"][:8]).any()


@pytest.mark.parametrize("rows", [[0, 1, 2, 3], [1, 3]])
def test_vectors_computed_elsewhere_are_put_beside_those_that_are_there(rows: list[int]) -> None:
    """As on a GPU, whose vectors lie in its own memory."""
    column, made = torch.zeros(6, 2), torch.arange(8.0).reshape(4, 2)
    part = Part(
        Embed(SlotRef(0, 1), 4), np.array(rows), [0, 3, 5, 6, 10], torch.empty(0), made, column
    )

    said = part.delivered()

    assert (said.rows, said.embedded, said.tokens) == (4, len(rows), [10, 6][len(rows) == 2])
    assert column[rows].equal(made[rows])
    assert (column.sum(dim=1) != 0).sum() == len(rows)


def test_a_slot_too_few_for_all_lanes_is_still_shared_among_them(
    arena: Arena, spec: ModelSpec
) -> None:
    """No lane rests while another computes the only slot."""
    texts = fill(arena, 0, 60)
    assert sum(map(len, texts)) > 512
    to_it, from_it, thread = started(arena, spec, 2)

    to_it.send(Embed(SlotRef(0, 1), 60))
    to_it.send(Stop())
    thread.join()

    *_, last = from_it.drain()
    assert isinstance(last, Stopped)
    assert last.counters["batches"] >= 2


def test_a_lane_that_fails_says_why_and_nothing_is_called_embedded(
    arena: Arena, spec: ModelSpec
) -> None:
    fill(arena, 0, 10)
    Slot(arena.slots(), LAYOUT, 0)["token_ids"][3] = 1 << 20
    to_it, from_it, thread = started(arena, spec, 2)

    to_it.send(Embed(SlotRef(0, 1), 10))
    to_it.send(Stop())
    thread.join()

    said = list(from_it.drain())
    assert [type(message) for message in said] == [Ready, Broken]


def completed(of: Window, *places: int) -> list[int]:
    """The places in the window of the slots that the batch completes."""
    return [of.parts.index(part) for part in of.count(batch(of, *places))]


def window(*rows: int) -> Window:
    parts_of = np.repeat(np.arange(len(rows)), rows)
    return Window(
        parts=list(range(len(rows))),  # type: ignore[arg-type]
        parts_of=parts_of,
        rows=np.concatenate([np.arange(count) for count in rows]),
        lengths=np.ones(len(parts_of), dtype=np.int64),
        left=np.array(rows),
    )


def batch(of: Window, *places: int) -> Batch:
    return Batch(of, np.array(places, dtype=np.intp))


def test_a_slot_goes_on_with_the_batch_that_completes_it() -> None:
    two = replace(window(2, 3), batches_left=3)

    assert completed(two, 0, 3) == []
    assert completed(two, 1) == [0]
    assert completed(two, 2, 4) == [1]


@pytest.mark.parametrize("places", [[(0, 1), (1,)], [(0, 1), ()]])
def test_rows_in_are_rows_out_or_the_run_fails(places: list[tuple[int, ...]]) -> None:
    one = replace(window(3), batches_left=2)
    first, second = (batch(one, *each) for each in places)
    one.count(first)

    with pytest.raises(InternalError, match="twice or not at all"):
        one.count(second)
