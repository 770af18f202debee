"""A parser process by itself: real documents in, slots out, and nothing heavy inside."""

import os
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from conftest import prose

from vecstream_cli.core.chunk_size import max_chunk_chars
from vecstream_cli.core.ids import ContentHash, Fingerprint, document_id
from vecstream_cli.core.leases import SlotRef
from vecstream_cli.models.spec import ModelSpec, read_spec
from vecstream_cli.pipeline.arena import Arena
from vecstream_cli.pipeline.lifecycle import Child, DeathWatch
from vecstream_cli.pipeline.messages import (
    Failed,
    Filled,
    Grant,
    Job,
    JobId,
    Message,
    Ready,
    Returned,
    Sealed,
    Started,
    Stop,
    Stopped,
    Unchanged,
    Vanished,
)  # fmt: skip
from vecstream_cli.pipeline.parser import ParserConfig
from vecstream_cli.pipeline.slots import Slot, SlotLayout
from vecstream_cli.settings import ReadingOptions

HEAVY = {"torch", "transformers", "lancedb", "lance", "pyarrow", "pandas", "sentence_transformers"}
HANDBOOK = Path(__file__).parents[2] / "examples" / "handbook"


class Parser:
    """A parser under test, with an arena of four slots."""

    def __init__(
        self,
        spec: ModelSpec,
        allowance: int | None = None,
        *,
        gives_way: bool = False,
        probe: str = "parser_probe:run",
    ) -> None:
        self.layout = SlotLayout.of(
            chunk_tokens=spec.max_tokens,
            chunk_chars=max_chunk_chars(spec.max_tokens),
            dimension=spec.dimension,
        )
        self.arena = Arena.create(4 * self.layout.slot_bytes)
        self.watch = DeathWatch()
        config = ParserConfig(
            arena=self.arena.handle(), layout=self.layout, row=0,
            tokenizer_file=spec.tokenizer_file, max_tokens=spec.max_tokens, document_prompt="",
            chunk_size=spec.max_tokens, chunk_overlap=0,
            vector_fingerprint=Fingerprint(b"f" * 16), data_allowance=allowance, niceness=1,
            gives_way=gives_way, reading=ReadingOptions(),
        )  # fmt: skip
        self.child = Child("probe", probe, config, self.watch)
        ready = self.receive()
        assert isinstance(ready, Ready)
        self.facts = ready.facts

    def receive(self) -> Message:
        """The next message, which must come within a minute."""
        assert self.child.inbox.connection.poll(60), self.child.epitaph()
        return self.child.inbox.recv()

    def give(self, number: int, path: Path, known_hash: ContentHash | None = None) -> None:
        """Hand over a document."""
        size = path.stat().st_size if path.exists() else 0
        self.child.outbox.send(
            Job(
                id=JobId(number), document=document_id("s", path.name.encode()), attempt=1,
                source="s", path=path.name, relative=path.name.encode(),
                absolute=bytes(path), size=size, known_hash=known_hash,
            )
        )  # fmt: skip

    def grant(self, slot: int) -> SlotRef:
        """Hand over a slot."""
        ref = SlotRef(slot, slot + 1)
        self.child.outbox.send(Grant(ref))
        return ref

    def texts(self, filled: Filled) -> list[str]:
        """What the slot holds."""
        slot = Slot(self.arena.slots(), self.layout, filled.ref.slot)
        offsets = slot["text_offsets"]
        text = slot["text"].tobytes()
        return [text[offsets[i] : offsets[i + 1]].decode() for i in range(filled.rows)]

    def niceness(self) -> int:
        """How much nicer it is than this process."""
        return int(psutil.Process(self.child.pid).nice()) - os.nice(0)

    def close(self) -> None:
        """End it at once."""
        self.child.kill()
        self.child.close()
        self.watch.close()
        self.arena.close()

    def end(self) -> set[str]:
        """Stop it; the modules it had loaded."""
        self.child.outbox.send(Stop())
        while not isinstance(message := self.receive(), Stopped):
            pass
        message = self.receive()
        assert isinstance(message, Ready)
        return set(message.facts["modules"].split())


@pytest.fixture
def parser(tiny_model: Path) -> Iterator[Parser]:
    parser = Parser(read_spec(tiny_model))
    yield parser
    parser.close()


def test_a_running_parser_holds_neither_torch_nor_transformers_nor_lancedb(parser: Parser) -> None:
    documents = sorted(path for path in HANDBOOK.rglob("*") if path.is_file())
    assert {".md", ".html", ".pdf"} <= {path.suffix for path in documents}
    for number, path in enumerate(documents):
        parser.give(number, path)
    for slot in range(4):
        parser.grant(slot)
    sealed = 0
    while sealed < len(documents):
        message = parser.receive()
        assert not isinstance(message, Failed), message
        sealed += isinstance(message, Sealed)
        if isinstance(message, Filled):
            parser.grant(message.ref.slot)

    maps = Path(f"/proc/{parser.child.pid}/maps").read_text()
    assert "pdfium" in maps  # it has really read them
    assert not any(name in maps for name in ("libtorch", "lancedb", "libarrow"))
    modules = parser.end()
    assert "pypdfium2" in modules
    assert {name.partition(".")[0] for name in modules} & HEAVY == set()


def test_it_gives_way_once_a_slot_is_filled(parser: Parser, tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text("# One\n\ntext of it\n")
    assert parser.niceness() == 0
    parser.give(1, path)
    parser.grant(0)
    while not isinstance(parser.receive(), Filled):
        pass
    parser.give(2, tmp_path / "gone.md")  # what it says of this one comes after
    while parser.receive() != Vanished(JobId(2)):
        pass
    assert parser.niceness() == 1


def test_one_spawned_when_inference_is_at_work_gives_way_from_its_start(tiny_model: Path) -> None:
    parser = Parser(read_spec(tiny_model), gives_way=True)
    try:
        assert parser.niceness() == 1
    finally:
        parser.close()


def test_it_names_a_document_before_it_opens_it(parser: Parser, tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text("# One\n\ntext of it\n")
    parser.give(7, path)
    ref = parser.grant(0)

    started, sealed, filled = parser.receive(), parser.receive(), parser.receive()

    assert started == Started(JobId(7))
    assert isinstance(sealed, Sealed)
    assert isinstance(filled, Filled)
    assert (sealed.chunks, filled.ref, filled.rows) == (1, ref, 1)
    assert parser.texts(filled) == ["# One\n\ntext of it"]


def test_known_content_is_told_apart_without_parsing(parser: Parser, tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text("# One\n")
    parser.give(1, path)
    parser.grant(0)
    sealed = [parser.receive() for _ in range(3)][1]
    assert isinstance(sealed, Sealed)

    parser.give(2, path, known_hash=sealed.content_hash)

    assert [type(parser.receive()) for _ in range(2)] == [Started, Unchanged]


def test_a_file_that_is_gone_is_no_failure(parser: Parser, tmp_path: Path) -> None:
    parser.give(1, tmp_path / "gone.md")
    assert [parser.receive(), parser.receive()] == [Started(JobId(1)), Vanished(JobId(1))]


@pytest.mark.parametrize("suffix", [".md", ".txt", ".html", ".pdf"])
def test_an_empty_file_has_no_chunks_or_a_reason(
    parser: Parser, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"empty{suffix}"
    path.touch()
    parser.give(1, path)
    parser.receive()
    message = parser.receive()
    assert isinstance(message, Sealed | Failed)
    if isinstance(message, Sealed):
        assert message.chunks == 0


def test_an_idle_parser_gives_its_slots_back(parser: Parser) -> None:
    refs = [parser.grant(0), parser.grant(1)]
    assert [parser.receive(), parser.receive()] == [Returned(ref) for ref in refs]


def test_many_small_documents_share_a_slot(parser: Parser, tmp_path: Path) -> None:
    for number in range(40):
        path = tmp_path / f"{number:02}.txt"
        path.write_text(f"small document {number}")
        parser.give(number, path)
    parser.grant(0)
    parser.grant(1)

    filled: list[Filled] = []
    while sum(message.rows for message in filled) < 40:
        message = parser.receive()
        if isinstance(message, Filled):
            filled.append(message)

    assert len(filled) <= 2
    assert [text for message in filled for text in parser.texts(message)] == [
        f"small document {number}" for number in range(40)
    ]


def test_a_parser_waits_for_a_slot_and_keeps_its_place(parser: Parser, tmp_path: Path) -> None:
    path = tmp_path / "long.txt"
    path.write_text(prose(30_000))
    parser.give(1, path)
    texts: list[str] = []
    while True:
        slot = len(texts) % 4
        parser.grant(slot)
        message = parser.receive()
        while not isinstance(message, Filled | Sealed):
            message = parser.receive()
        if isinstance(message, Sealed):
            assert message.chunks >= len(texts)
            break
        texts += parser.texts(message)

    assert len(texts) > 400
    document = path.read_text()
    assert all(text in document for text in texts)
