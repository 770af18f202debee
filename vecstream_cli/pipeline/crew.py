"""The ring's processes: how each is configured, spawned and ended."""

from collections.abc import Mapping

from vecstream_cli.adapters.registry import adapter_class
from vecstream_cli.core.ceiling import spare_at_the_end
from vecstream_cli.pipeline.arena import MAX_CHILDREN, Arena
from vecstream_cli.pipeline.config import RingConfig as RingConfig
from vecstream_cli.pipeline.inference import InferenceConfig
from vecstream_cli.pipeline.lifecycle import Child, DeathWatch, InheritedFd
from vecstream_cli.pipeline.messages import Message
from vecstream_cli.pipeline.parser import ParserConfig
from vecstream_cli.pipeline.writer import WriterConfig
from vecstream_cli.settings import devices

# A parser takes what inference leaves: two of them beside it cost it 14 % at nice 10, 2 % at 19.
PARSER_NICENESS = 19

WRITER_ROW = MAX_CHILDREN - 1

# glibc keeps up to eight heaps a core and never returns the memory below a live block.
_LEAN_MALLOC = {"MALLOC_ARENA_MAX": "2", "TOKENIZERS_PARALLELISM": "false"}
# Passive waiting: a spinning OpenMP thread takes the core that a parser or the writer needs.
_PASSIVE = {"OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0"}


def inference_rows(count: int) -> list[int]:
    """The rows of the control page that so many inference processes use, by their numbers."""
    return [WRITER_ROW - 1 - number for number in range(count)]


class Crew:
    """Writer and inference processes, and the making of parsers."""

    def __init__(self, config: RingConfig, arena: Arena, lock_fd: int) -> None:
        self._config = config
        self._arena = arena
        self._lock_fd = lock_fd
        self._watch = DeathWatch()
        self.writer: Child | None = None
        self.inferences: dict[int, Child] = {}
        self._started = False
        self.model_loaded = False

    def start_writer(self) -> None:
        """Spawn the writer, which says at once what the database holds."""
        if self.writer is not None:
            return
        config = self._config
        config.database.reveal()
        self.writer = self._spawn(
            "writer",
            WriterConfig(
                arena=self._arena.handle(),
                layout=config.layout,
                row=WRITER_ROW,
                database=config.database,
                collection=config.collection,
                lock=InheritedFd(self._lock_fd),
                lock_wait=config.lock_wait,
                hold_slots=max(1, config.plan.slots // 2),
                this_run=config.this_run,
                spare_bytes=spare_at_the_end(config.plan, config.layout.slot_bytes),
            ),
            _LEAN_MALLOC | dict(adapter_class(config.database.name).environment),
        )

    def start_inference(self) -> None:
        """Spawn inference, which loads the weights while parsing already runs.

        There is a process for each device.
        """
        if self._started:
            return
        self._started = True
        config = self._config
        rows = inference_rows(config.plan.inferences)
        for number, (row, device) in enumerate(zip(rows, devices(config.device), strict=True)):
            self.inferences[number] = self._spawn(
                "inference",
                InferenceConfig(
                    arena=self._arena.handle(),
                    layout=config.layout,
                    row=row,
                    spec=config.spec,
                    device=device,
                    precision=config.precision,
                    lanes=config.plan.lanes,
                    threads=config.plan.lane_threads,
                ),
                _PASSIVE,
            )

    def spawn_parser(self, row: int) -> Child:
        """Spawn a parser that uses `row` of the arena's control page.

        Once the model is loaded it takes only what inference leaves from its start.
        """
        config = self._config
        if config.reading.pdf_password is not None:
            config.reading.pdf_password.reveal()  # here; a parser could not
        return self._spawn(
            "parser",
            ParserConfig(
                arena=self._arena.handle(),
                layout=config.layout,
                row=row,
                tokenizer_file=config.spec.tokenizer_file if config.spec.has_text else None,
                max_tokens=config.spec.max_tokens,
                document_prompt=config.spec.document_prompt,
                chunk_size=config.chunk_size,
                chunk_overlap=config.chunk_overlap,
                vector_fingerprint=config.vector_fingerprint,
                reading=config.reading,
                data_allowance=config.plan.parser_allowance,
                niceness=PARSER_NICENESS,
                gives_way=self.model_loaded,
            ),
            _LEAN_MALLOC,
        )

    @property
    def children(self) -> list[Child]:
        """Writer and inference, those that are there."""
        return [*([] if self.writer is None else [self.writer]), *self.inferences.values()]

    @property
    def nothing_there(self) -> bool:
        """The database is a folder of this machine with nothing in it: there is no collection.

        Known before its client is loaded, which takes as long as the model. Our own files there
        are hidden ones.
        """
        database = self._config.database
        folder = adapter_class(database.name).local_folder(database.uri)
        if folder is None:
            return False
        try:
            return all(entry.name.startswith(".") for entry in folder.iterdir())
        except FileNotFoundError:
            return True
        except OSError:
            return False  # the writer will say what is wrong with it

    def tell_writer(self, message: Message) -> None:
        """Send to the writer; a dead one is noticed by its sentinel."""
        if self.writer is not None:
            self.writer.outbox.send(message)

    def dismiss(self, child: Child) -> None:
        """Kill the writer or an inference, if it still lives, and forget it."""
        child.kill()
        child.close()
        if child is self.writer:
            self.writer = None
        self.inferences = {n: other for n, other in self.inferences.items() if other is not child}

    def kill(self) -> None:
        """End them all now."""
        for child in self.children:
            self.dismiss(child)
        self._watch.close()

    def _spawn(self, name: str, config: object, environment: Mapping[str, str]) -> Child:
        entry = f"vecstream_cli.pipeline.{name}:run"
        return Child(name, entry, config, self._watch, environment)
