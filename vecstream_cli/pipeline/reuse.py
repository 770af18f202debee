"""Vectors reused by content: the supervisor names a row's donor, the writer fetches its vector.

A donor is a row with the same chunk key, which is a hash of the exact model input and of all that
decides a vector; that the manifest knows it means that the database has acknowledged it. Should it
be gone when its vector is wanted, the chunk is embedded after all.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vecstream_cli.core.ids import HEX_CHARS, ChunkKey
from vecstream_cli.pipeline.events import Listener, Notice
from vecstream_cli.pipeline.slots import SKIP, Slot
from vecstream_cli.state.manifest import Manifest

if TYPE_CHECKING:
    import numpy.typing as npt

    from vecstream_cli.adapters.base import Adapter


class Donors:
    """Looks the chunks of each filled slot up, unless no row was there when the run began.

    So a first run pays nothing, and embeds a text once for each of the documents that it stands in.
    """

    def __init__(self, manifest: Manifest, listener: Listener, *, hands_back: bool) -> None:
        """`hands_back`: the database can give the vectors of its rows."""
        self._manifest = manifest
        self._listener = listener
        self._hands_back = hands_back
        self._rows_known = manifest.has_rows()
        self._began = False

    @property
    def likely(self) -> bool:
        """Some chunks may need no model; else it is sure to be needed for any."""
        return self._rows_known and self._hands_back

    def mark(self, slot: Slot, rows: int) -> int:
        """Name each row's donor, where there is one; how many rows are to be embedded."""
        if not self._rows_known:
            return rows
        if not self._began:
            self._begin()
        if not self._hands_back:
            return rows
        keys = [ChunkKey(bytes.fromhex(text)) for text in _texts(slot, "chunk_key", range(rows))]
        found = self._manifest.donors(keys)
        for at, key in enumerate(keys):
            if key in found:
                slot["donor"][at] = list(found[key].id.hex().encode())
                slot["donor_document"][at] = list(found[key].document.hex().encode())
                slot["embed"][at] = 0
        return int(slot["embed"][:rows].sum())

    def _begin(self) -> None:
        self._began = True
        if self._hands_back:
            self._manifest.index_keys()
        else:
            words = "It cannot hand vectors back: what is read again is embedded again."
            self._listener(Notice(None, "no-reuse", words))


def fetch(adapter: "Adapter", slots: Sequence[tuple[Slot, int]]) -> tuple[int, set[int]]:
    """Give every row that has a donor its vector: (how many got one, the slots with rows left).

    Those rows are then marked to be embedded, and no others; the slots are told by their numbers.
    What the database handed over is let go of on return.
    """
    import numpy as np

    asked: dict[int, list[tuple[int, str]]] = {}
    documents: set[str] = set()
    for slot, rows in slots:
        living = slot["mode"][:rows] != SKIP
        places = np.flatnonzero(living & slot["donor"][:rows].any(axis=1)).tolist()
        if places:
            asked[slot.index] = list(zip(places, _texts(slot, "donor", places), strict=True))
            documents.update(_texts(slot, "donor_document", places))
    if not asked:
        return 0, set()
    ids = {donor for pairs in asked.values() for _, donor in pairs}
    vectors: dict[str, npt.NDArray[np.float32]] = {}
    for batch in adapter.fetch_vectors(sorted(ids), sorted(documents)).to_batches():
        matrix = batch.column("vector").flatten().to_numpy().reshape(batch.num_rows, -1)
        vectors.update(zip(batch.column("id").to_pylist(), matrix, strict=True))
    fetched, short = 0, set()
    for slot, rows in slots:
        missing = []
        for at, donor in asked.get(slot.index, ()):
            if donor in vectors:
                slot["vector"][at] = vectors[donor]
                fetched += 1
            else:
                missing.append(at)
        slot["donor"][:rows] = 0  # a row asks once
        if missing:
            slot["embed"][:rows] = 0
            slot["embed"][missing] = 1
            short.add(slot.index)
    return fetched, short


def _texts(slot: Slot, column: str, places: Sequence[int]) -> list[str]:
    """The digests of these rows, as their hex digits."""
    data = slot[column][places].tobytes().decode("ascii")
    return [data[at : at + HEX_CHARS] for at in range(0, len(data), HEX_CHARS)]
