"""The ring's processes: how each is configured, spawned and ended."""

from collections.abc import Mapping
from dataclasses import dataclass

from vecstream_cli.adapters.registry import adapter_class
from vecstream_cli.core.ceiling import RingPlan
from vecstream_cli.core.ids import Fingerprint
from vecstream_cli.core.record import CollectionRecord
from vecstream_cli.models.spec import ModelSpec
from vecstream_cli.pipeline.arena import MAX_CHILDREN, Arena
from vecstream_cli.pipeline.inference import InferenceConfig
from vecstream_cli.pipeline.lifecycle import Child, DeathWatch, InheritedFd
from vecstream_cli.pipeline.messages import Message
from vecstream_cli.pipeline.parser import ParserConfig
from vecstream_cli.pipeline.slots import SlotLayout
from vecstream_cli.pipeline.writer import WriterConfig

PARSER_NICENESS = 10

WRITER_ROW = MAX_CHILDREN - 1
INFERENCE_ROW = MAX_CHILDREN - 2

# glibc keeps up to eight heaps a core and never returns the memory below a live block.
_LEAN_MALLOC = {"MALLOC_ARENA_MAX": "2", "TOKENIZERS_PARALLELISM": "false"}
# Passive waiting: a spinning OpenMP thread takes the core that a parser or the writer needs.
_PASSIVE = {"OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RingConfig:
    """What one run of the ring is made of; `record` is what a new collection would be named.

    `this_run` is a time that no other run has, ISO 8601 with microseconds.
    """

    adapter: str
    uri: str | None
    collection: str
    record: CollectionRecord
    this_run: str
    spec: ModelSpec
    vector_fingerprint: Fingerprint
    chunk_size: int
    chunk_overlap: int
    device: str
    precision: str
    document_timeout: float
    layout: SlotLayout
    plan: RingPlan
    poison: bool = False


class Crew:
    """Writer and inference, and the making of parsers."""

    def __init__(self, config: RingConfig, arena: Arena, lock_fd: int) -> None:
        self._config = config
        self._arena = arena
        self._lock_fd = lock_fd
        self._watch = DeathWatch()
        self.writer: Child | None = None
        self.inference: Child | None = None

    def start_writer(self) -> None:
        """Spawn the writer, which says at once what the database holds."""
        config = self._config
        self.writer = self._spawn(
            "writer",
            WriterConfig(
                arena=self._arena.handle(),
                layout=config.layout,
                row=WRITER_ROW,
                adapter=config.adapter,
                uri=config.uri,
                collection=config.collection,
                lock=InheritedFd(self._lock_fd),
                hold_slots=max(1, config.plan.slots // 2),
                this_run=config.this_run,
            ),
            _LEAN_MALLOC | dict(adapter_class(config.adapter).environment),
        )

    def start_inference(self) -> None:
        """Spawn inference, which loads the weights while parsing already runs."""
        if self.inference is not None:
            return
        config = self._config
        self.inference = self._spawn(
            "inference",
            InferenceConfig(
                arena=self._arena.handle(),
                layout=config.layout,
                row=INFERENCE_ROW,
                spec=config.spec,
                device=config.device,
                precision=config.precision,
                lanes=config.plan.lanes,
                threads=config.plan.lane_threads,
            ),
            _PASSIVE,
        )

    def spawn_parser(self, row: int) -> Child:
        """Spawn a parser that uses `row` of the arena's control page."""
        config = self._config
        return self._spawn(
            "parser",
            ParserConfig(
                arena=self._arena.handle(),
                layout=config.layout,
                row=row,
                tokenizer_file=config.spec.tokenizer_file,
                max_tokens=config.spec.max_tokens,
                document_prompt=config.spec.document_prompt,
                chunk_size=config.chunk_size,
                chunk_overlap=config.chunk_overlap,
                vector_fingerprint=config.vector_fingerprint,
                data_allowance=config.plan.parser_allowance,
                niceness=PARSER_NICENESS,
            ),
            _LEAN_MALLOC,
        )

    @property
    def children(self) -> list[Child]:
        """Writer and inference, those that are there."""
        return [child for child in (self.writer, self.inference) if child is not None]

    def tell_writer(self, message: Message) -> None:
        """Send to the writer; a dead one is noticed by its sentinel."""
        if self.writer is not None:
            self.writer.outbox.send(message)

    def dismiss(self, child: Child) -> None:
        """Kill the writer or inference, if it still lives, and forget it."""
        child.kill()
        child.close()
        if child is self.writer:
            self.writer = None
        else:
            self.inference = None

    def kill(self) -> None:
        """End both now."""
        for child in self.children:
            self.dismiss(child)
        self._watch.close()

    def _spawn(self, name: str, config: object, environment: Mapping[str, str]) -> Child:
        entry = f"vecstream_cli.pipeline.{name}:run"
        return Child(name, entry, config, self._watch, environment)
