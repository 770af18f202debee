"""What one run of the ring is made of, as plain facts that no heavy import comes with."""

from dataclasses import dataclass

from vecstream_cli.core.ceiling import RingPlan
from vecstream_cli.core.ids import Fingerprint
from vecstream_cli.core.plan import any_reader
from vecstream_cli.core.record import CollectionRecord
from vecstream_cli.endpoint import Endpoint
from vecstream_cli.models.spec import ModelSpec
from vecstream_cli.pipeline.replacing import Replacement
from vecstream_cli.pipeline.slots import SlotLayout
from vecstream_cli.readers.formats import versions
from vecstream_cli.settings import ReadingOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class RingConfig:
    """What one run of the ring is made of; `record` is what a new collection would be named.

    `this_run` is a time that no other run has, ISO 8601 with microseconds.
    """

    database: Endpoint
    collection: str
    record: CollectionRecord
    this_run: str
    spec: ModelSpec
    vector_fingerprint: Fingerprint
    chunk_size: int
    chunk_overlap: int
    device: str  # or several, separated by commas: an inference process for each
    precision: str
    reading: ReadingOptions
    document_timeout: float
    layout: SlotLayout
    plan: RingPlan
    lock_wait: float = 0.0
    poison: bool = False
    replaces: Replacement | None = None  # what this run rebuilds in `collection`

    @property
    def any_reader(self) -> str:
        """Names all readers at once, as this run is told to read."""
        return any_reader(versions(self.reading))
