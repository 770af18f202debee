"""A small collection made by hand: a real LanceDB table with the manifest that belongs to it."""

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa

from vecstream_cli.adapters.lance.adapter import LanceAdapter
from vecstream_cli.adapters.schema import row_schema
from vecstream_cli.core.ids import ChunkKey, ContentHash, DocumentId, document_id, row_id
from vecstream_cli.core.plan import Stamp
from vecstream_cli.core.record import CollectionRecord
from vecstream_cli.endpoint import Endpoint
from vecstream_cli.settings import Settings
from vecstream_cli.state.entries import AcknowledgedRow, CommittedDocument, PendingDocument
from vecstream_cli.state.location import locate
from vecstream_cli.state.manifest import Manifest

STAMP = Stamp(size=1, mtime_ns=1, ctime_ns=1, inode=1)
CHUNKS = 3  # of every document
RECORD = CollectionRecord(
    uuid="0b8f",
    vector_fingerprint="aa" * 16,
    chunk_fingerprint="bb" * 16,
    facts={"model": "minilm", "chunk size": "256"},
    dimension=4,
    created_at="2026-01-01T00:00:00+00:00",
)


def make(settings: Settings, sources: Mapping[Path, list[bytes]]) -> None:
    """A collection of these sources: a folder and the documents below it, of `CHUNKS` rows."""
    folder = LanceAdapter.local_folder(settings.db_uri)
    place = locate(settings.db, settings.db_uri, settings.collection, folder)
    with (
        LanceAdapter.open(
            Endpoint(name="lance", uri=settings.db_uri), settings.collection, read_only=False
        ) as adapter,
        Manifest.open(place.manifest) as manifest,
    ):
        manifest.bind(RECORD, created=True)
        adapter.create(RECORD)
        run = manifest.start_run(scan_started_ns=10)
        for base, names in sources.items():
            source = str(base)
            pending = [PendingDocument(document_id(source, n), source, n) for n in names]
            attempts = manifest.reserve_attempts(pending)
            for each, attempt in zip(pending, attempts, strict=True):
                adapter.append(rows(each.id, source, each.relative, attempt.number))
                keys = [(each.id, attempt.number, key(n), 0) for n in range(CHUNKS)]
                manifest.acknowledge([AcknowledgedRow(*row) for row in keys])
            manifest.commit(
                [
                    CommittedDocument(
                        id=each.id,
                        attempt=attempt.number,
                        stamp=STAMP,
                        content_hash=ContentHash(bytes(16)),
                        reader="text/1",
                        chunks=CHUNKS,
                        tokens=CHUNKS * 10,
                    )
                    for each, attempt in zip(pending, attempts, strict=True)
                ]
            )
            manifest.listed(source, bytes(base), complete=True)
        manifest.finish_run(run, {"seconds": 2.0, "documents_new": 3}, 0)


def fail(settings: Settings, base: Path, name: bytes, message: str) -> None:
    """Let a document of the collection fail, as a run would."""
    folder = LanceAdapter.local_folder(settings.db_uri)
    place = locate(settings.db, settings.db_uri, settings.collection, folder)
    document = document_id(str(base), name)
    with Manifest.open(place.manifest) as manifest:
        manifest.reserve_attempts([PendingDocument(document, str(base), name)])
        manifest.fail(document, reason="malformed", message=message, stamp=STAMP, reader=None)


def key(number: int) -> ChunkKey:
    """The chunk key of the n-th chunk."""
    return ChunkKey(bytes([number]) * 16)


def rows(document: DocumentId, source: str, name: bytes, attempt: int) -> pa.RecordBatch:
    """The rows of a document."""
    return pa.RecordBatch.from_pylist(
        [
            {
                "id": row_id(document, key(number), 0).hex(),
                "document_id": document.hex(),
                "source": source,
                "path": name.decode("utf-8", "backslashreplace"),
                "ordinal": number,
                "char_start": 0,
                "char_end": 4,
                "page": None,
                "heading": None,
                "text": "text",
                "vector": [1.0, 0.0, 0.0, float(number)],
                "chunk_key": key(number).hex(),
                "content_hash": "00" * 16,
                "attempt": attempt,
                "position": None,
                "metadata": None,
            }
            for number in range(CHUNKS)
        ],
        schema=row_schema(RECORD.dimension),
    )


def paths_in(settings: Settings) -> list[str]:
    """The paths whose rows are in the database."""
    with LanceAdapter.open(
        Endpoint(name="lance", uri=settings.db_uri), settings.collection, read_only=True
    ) as adapter:
        return sorted({p for batch in adapter.scan(["path"]) for p in batch.column(0).to_pylist()})


def remembered(settings: Settings) -> list[bytes]:
    """The paths that the manifest knows."""
    folder = LanceAdapter.local_folder(settings.db_uri)
    place = locate(settings.db, settings.db_uri, settings.collection, folder)
    with Manifest.open(place.manifest, read_only=True) as manifest:
        return sorted(each.relative for each in manifest.documents_under())
