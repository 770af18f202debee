"""Search: the chunks of a collection whose meaning is nearest to a question's."""

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from vecstream_cli.adapters.base import Hit
from vecstream_cli.adapters.registry import adapter_class
from vecstream_cli.api.naming import database_name, no_collection
from vecstream_cli.api.same_model import same_model
from vecstream_cli.errors import UsageError
from vecstream_cli.models.spec import ModelSpec
from vecstream_cli.secret import Secret, joined
from vecstream_cli.settings import DEFAULT_COLLECTION, devices

if TYPE_CHECKING:
    from vecstream_cli.models.encoder import Encoder


def search(
    query: str,
    *,
    k: int = 5,
    db: str = "lance",
    db_uri: str | None = None,
    db_password: Secret | None = None,
    collection: str = DEFAULT_COLLECTION,
    model: str | None = None,
    revision: str | None = None,
    device: str = "auto",
) -> list[Hit]:
    """The `k` chunks that answer `query` best, the best first.

    The query is embedded by the model that made the collection, with that model's own query
    prompt; `model` and `revision` say where to find it should it have moved. The model stays
    loaded for the next call. Raises CollectionNotFound, FingerprintMismatch where `model` is
    another one, UsageError for a query longer than the model reads, and ModelError or
    DatabaseError.
    """
    if not query.strip():
        raise UsageError("The query is empty.", hint="Say what you want to know.")
    kind = adapter_class(db)
    with kind.open(joined(db_uri, db_password), collection, read_only=True) as adapter:
        record = adapter.record()
        if record is None:
            raise no_collection(database_name(kind, db_uri), collection)
        # The question is embedded in fp32 whatever the collection's precision is: that fits all.
        spec = same_model(record, collection, model, revision)
        return adapter.search(_vector(spec, device, query), k)


def _vector(spec: ModelSpec, device: str, query: str) -> Sequence[float]:
    from vecstream_cli.models.tokenizer import Tokenizer

    tokenizer = Tokenizer.load(
        spec.tokenizer_file, max_tokens=spec.max_tokens, prompt=spec.query_prompt
    )
    ids = tokenizer.exact_ids(query)
    if len(ids) > spec.max_tokens:
        raise UsageError(
            f"The query is {len(ids)} tokens long, and model {spec.name} reads {spec.max_tokens}.",
            hint="Ask in fewer words; nothing is ever cut off silently.",
        )
    vector: list[float] = _encoder(spec, device).embed([ids], query=True)[0].tolist()
    return vector


@lru_cache(maxsize=1)
def _encoder(spec: ModelSpec, device: str) -> "Encoder":
    from vecstream_cli.models.encoder import Encoder

    return Encoder.load(spec, device=devices(device)[0])
