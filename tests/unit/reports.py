"""Hand-made events and consoles for the tests of report/."""

import io
from dataclasses import replace
from typing import Any

from rich.console import Console

from vecstream_cli.pipeline.events import (
    DocumentDone,
    Notice,
    Outcome,
    Progress,
    RunStarted,
    Stage,
    Summary,
)

GIB = 1 << 30
STARTED = RunStarted(
    database="/data/vecstream.lance",
    collection="documents",
    model="minilm",
    dimension=384,
    device="cpu",
    chunk_size=256,
    parsers=2,
    inferences=1,
    slots=16,
    slot_bytes=1 << 20,
    max_memory_bytes=2 * GIB,
)
HALFWAY = Progress(
    seconds=60.0,
    stage=Stage.EMBED,
    waiting_for="embedding 3 batches",
    scanned=1970,
    scan_done=True,
    documents_done=1204,
    documents_pending=766,
    documents_failed=2,
    bytes_done=61_000_000,
    bytes_total=100_000_000,
    chunks_embedded=18_220,
    chunks_written=18_000,
    tokens=2_861_022,
    slots_free=7,
    slots_parsing=2,
    slots_embedding=5,
    slots_writing=2,
    memory_bytes=812 << 20,
    max_memory_bytes=2 * GIB,
    current=("handbook/security/rotating-the-keys.md",),
)
FAILED = DocumentDone(
    source="/data/docs",
    path="secret.pdf",
    outcome=Outcome.FAILED,
    reason="encrypted",
    message="The document is encrypted.",
)
NEW = DocumentDone(source="/data/docs", path="a.md", outcome=Outcome.NEW, chunks=3)
PAGE_LOST = Notice(path="/data/docs/scan.pdf", reason="no-text", message="No text on 3 pages.")
DONE = Summary(
    exit_code=3,
    documents_new=1204,
    documents_changed=12,
    documents_unchanged=750,
    documents_removed=3,
    documents_failed=1,
    chunks_embedded=18_000,
    chunks_reused=220,
    chunks_written=18_220,
    chunks_deleted=130,
    tokens=2_861_022,
    seconds=252.0,
    first_write_seconds=1.2,
    embed_seconds=249.0,
    inference_busy=0.984,
    parsers_busy=0.31,
    writer_busy=0.02,
    limited_by="embed",
    peak_memory_bytes=1288 << 20,
    max_memory_bytes=2 * GIB,
)
HOSTILE = "a\x1b[31mred\x07\x9b2J\u202egnp.exe\udcff\n"


def progress(**changes: Any) -> Progress:
    """`HALFWAY`, changed."""
    return replace(HALFWAY, **changes)


def console(width: int = 100, *, terminal: bool = False) -> Console:
    """A console that writes into memory; read it with `written`."""
    return Console(
        file=io.StringIO(),
        width=width,
        force_terminal=terminal,
        color_system="truecolor" if terminal else None,
        markup=False,
        highlight=False,
        emoji=False,
        legacy_windows=False,
    )


def written(target: Console) -> str:
    """All that was drawn so far."""
    file = target.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()
