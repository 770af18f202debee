"""The model that a collection was made with, found again."""

from vecstream_cli.core.record import CollectionRecord
from vecstream_cli.errors import FingerprintMismatch
from vecstream_cli.models.resolve import resolve
from vecstream_cli.models.spec import ModelSpec, facts, vector_fingerprint
from vecstream_cli.pipeline.opening import differences


def same_model(
    record: CollectionRecord, collection: str, model: str | None, revision: str | None
) -> ModelSpec:
    """The collection's model; `model` and `revision` say where to find it should it have moved.

    Raises ModelError, and FingerprintMismatch where it is another one.
    """
    spec = resolve(
        model or record.facts["model"], revision=revision or record.facts.get("revision")
    )
    precision = record.facts.get("precision", "fp32")
    if vector_fingerprint(spec, precision).hex() == record.vector_fingerprint:
        return spec
    here = facts(spec, precision)
    there = {name: value for name, value in record.facts.items() if name in here}
    raise FingerprintMismatch(
        f"Collection {collection!r} was made with another model: {differences(there, here)}.",
        hint="Name the model it was made with by --model.",
    )
