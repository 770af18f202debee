"""A sample of the rows, embedded again: is each vector still the one its text or image gives?"""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from vecstream_cli.adapters.schema import ROW_COLUMNS
from vecstream_cli.api.check_images import Originals
from vecstream_cli.api.mend import Mender
from vecstream_cli.api.opened import Opened
from vecstream_cli.api.same_model import same_model
from vecstream_cli.core.differences import BOUNDS, Findings, Kind, Sampled, Where
from vecstream_cli.core.ids import DocumentId, Fingerprint, RowId, chunk_key
from vecstream_cli.core.sampling import Sample, sample_size
from vecstream_cli.models.spec import ModelSpec
from vecstream_cli.settings import Settings, devices
from vecstream_cli.state.restoring import digest

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]

    from vecstream_cli.models.encoder import Encoder
    from vecstream_cli.models.tokenizer import Tokenizer

_COLUMNS = (
    "id", "document_id", "source", "path", "text", "vector", "chunk_key", "content_hash",
)  # fmt: skip
_ROWS = 16  # embedded at once

Row = dict[str, Any]


def compare_sample(
    collection: Opened,
    settings: Settings,
    share: float,
    findings: Findings,
    mender: Mender | None,
    bases: Mapping[str, bytes],
    *,
    model: str | None,
    revision: str | None,
) -> Sampled:
    """Embed an even share of the rows again; where one is wrong, it is embedded anew in place.

    A row whose text is not the one it was made of is read again with its document. Images are
    not in their rows: they are read from their files, which lie below the `bases` of the sources.
    """
    from vecstream_cli.models.encoder import Encoder

    record = collection.there
    precision = record.facts.get("precision", "fp32")
    spec = same_model(record, settings.collection, model, revision)
    encoder = Encoder.load(spec, device=devices(settings.device)[0], precision=precision)
    tokenizer = _tokenizer(spec)
    fingerprint = Fingerprint(bytes.fromhex(record.vector_fingerprint))
    originals = None
    if spec.image is not None:
        originals = Originals(bases, spec.image, fingerprint, settings.reading)
    total = collection.adapter.count()
    sampled = Sampled(sample_size(share, total), BOUNDS[precision])
    picks = Sample(sampled.rows, total, int.from_bytes(os.urandom(8), "little"))
    columns = ROW_COLUMNS if mender is not None else _COLUMNS
    for batch in collection.adapter.scan(columns):
        for rows in _picked(batch, picks):
            texts = [row for row in rows if row["text"] or originals is None]
            same = [row for row in texts if _same_text(row, fingerprint, findings, mender)]
            found = list(zip(same, _of_texts(same, encoder, tokenizer), strict=True))
            if originals is not None:
                images = [row for row in rows if not row["text"]]
                found += _of_images(images, encoder, originals, sampled, findings, mender)
            wrong = _wrong(found, sampled, findings, mended=mender is not None)
            if wrong and mender is not None:
                mender.note_change()
                collection.adapter.merge(_as_batch(wrong, batch.schema))
    return sampled


def _picked(batch: "pa.RecordBatch", picks: Sample) -> Iterator[list[Row]]:
    places = [place for place in range(len(batch)) if picks.picks()]
    for start in range(0, len(places), _ROWS):
        yield batch.take(places[start : start + _ROWS]).to_pylist()


def _same_text(
    row: Row, fingerprint: Fingerprint, findings: Findings, mender: Mender | None
) -> bool:
    if chunk_key(row["text"].encode(), fingerprint).hex() == row["chunk_key"]:
        return True
    _differs(row, findings, mender)
    return False


def _differs(row: Row, findings: Findings, mender: Mender | None) -> None:
    """The row is not made of what it, or its file, holds now."""
    document, name = digest(row["document_id"]), digest(row["id"])
    mended = mender is not None and document is not None and name is not None
    findings.add(Kind.TEXT_DIFFERS, 1, _where(row), mended=mended)
    if mender is not None and document is not None and name is not None:
        # Forgotten, or the vector of this row would be taken for the text's when it is read again.
        mender.manifest.forget_row(DocumentId(document), RowId(name))
        mender.read_again(DocumentId(document))


def _tokenizer(spec: ModelSpec) -> "Tokenizer | None":
    from vecstream_cli.models.tokenizer import Tokenizer

    if not spec.has_text:
        return None
    return Tokenizer.load(
        spec.tokenizer_file, max_tokens=spec.max_tokens, prompt=spec.document_prompt
    )


def _of_texts(
    rows: list[Row], encoder: "Encoder", tokenizer: "Tokenizer | None"
) -> list[list[float]]:
    if tokenizer is None or not rows:
        return []
    vectors: list[list[float]] = encoder.embed(
        [tokenizer.exact_ids(row["text"]) for row in rows]
    ).tolist()
    return vectors


def _of_images(
    rows: list[Row],
    encoder: "Encoder",
    originals: Originals,
    sampled: Sampled,
    findings: Findings,
    mender: Mender | None,
) -> Iterator[tuple[Row, list[float]]]:
    """The images' rows with their vectors; those whose files are as they were."""
    for row in rows:
        path = originals.file_of(row)
        if path is None:
            sampled.skipped += 1
            continue
        pixels = originals.pixels(path, row)
        if pixels is None:
            _differs(row, findings, mender)
        else:
            yield row, encoder.embed_pixels(pixels[None])[0].tolist()


def _wrong(
    found: list[tuple[Row, list[float]]], sampled: Sampled, findings: Findings, *, mended: bool
) -> list[Row]:
    """The rows whose vectors are not their texts' or images', with those that are."""
    wrong = []
    for row, vector in found:
        cosine = _cosine(row["vector"], vector)
        if sampled.worst_cosine is None or cosine < sampled.worst_cosine:
            sampled.worst_cosine, sampled.worst = cosine, _where(row)
        if cosine < sampled.bound:
            findings.add(Kind.VECTOR_DIFFERS, 1, _where(row), mended=mended)
            wrong.append(row | {"vector": vector})
    return wrong


def _cosine(one: Sequence[float], other: Sequence[float]) -> float:
    """From -1 to 1; -1 where one of them is no vector at all."""
    import numpy as np

    a, b = np.asarray(one, np.float64), np.asarray(other, np.float64)
    length = float(np.linalg.norm(a) * np.linalg.norm(b))
    cosine = float(a @ b) / length if length else -1.0
    return cosine if np.isfinite(cosine) else -1.0


def _as_batch(rows: list[Row], schema: "pa.Schema") -> "pa.RecordBatch":
    import pyarrow as pa

    return pa.RecordBatch.from_pylist(rows, schema=schema)


def _where(row: Row) -> Where:
    return Where(row["source"], row["path"])
