"""Search: the chunks of a collection whose meaning is nearest to a question's."""

import os
from collections.abc import Sequence
from dataclasses import replace

from vecstream_cli.adapters.base import Adapter, Hit
from vecstream_cli.adapters.registry import adapter_class, connect
from vecstream_cli.api.asking import of_image, of_text
from vecstream_cli.api.naming import database_name, no_collection
from vecstream_cli.api.same_model import same_model
from vecstream_cli.core.filter_text import parsed
from vecstream_cli.core.filters import Filter
from vecstream_cli.core.fusion import by_words, fused
from vecstream_cli.errors import UsageError
from vecstream_cli.secret import Secret
from vecstream_cli.settings import DEFAULT_COLLECTION, Settings

_FUSED_DEPTH = 100  # hits of each ranking


def search(
    query: str | None = None,
    *,
    image: str | os.PathLike[str] | None = None,
    k: int = 5,
    where: str | None = None,
    hybrid: bool = False,
    db: str = "lance",
    db_uri: str | None = None,
    db_password: Secret | None = None,
    db_option: Sequence[str] = (),
    collection: str = DEFAULT_COLLECTION,
    model: str | None = None,
    revision: str | None = None,
    device: str = "auto",
) -> list[Hit]:
    """The `k` chunks and images that answer `query` best, or are most like `image`, best first.

    `where` is a filter such as ``author = "Ann" and page >= 3`` (docs/search.md): no other chunk
    is looked at. `hybrid` looks for the query's words as well as for its meaning, and joins the
    two rankings; a hit's score is then 1 where it is first in both (see `core.fusion`).
    The query is embedded by the model that made the collection, with that model's own query
    prompt; `model` and `revision` say where to find it should it have moved. The model stays
    loaded for the next call. Raises CollectionNotFound, FingerprintMismatch where `model` is
    another one, UsageError for a query longer than the model reads, or of a kind that it does not
    read, for an image or a filter that cannot be read, and ModelError or DatabaseError.
    """
    if (query is None) == (image is None):
        raise UsageError("A search is by a query or by an image, and by one of them.")
    if query is not None and not query.strip():
        raise UsageError("The query is empty.", hint="Say what you want to know.")
    if hybrid and query is None:
        raise UsageError("A hybrid search needs words.", hint="Leave --image or --hybrid out.")
    wanted = None if where is None else parsed(where)
    database = Settings(
        db=db, db_uri=db_uri, db_password=db_password, db_option=tuple(db_option)
    ).endpoint
    with connect(database, collection, read_only=True) as adapter:
        record = adapter.record()
        if record is None:
            raise no_collection(database_name(adapter_class(db), database.uri), collection)
        # The question is embedded in fp32 whatever the collection's precision is: that fits all.
        spec = same_model(record, collection, model, revision)
        if image is not None:
            return adapter.search(of_image(spec, device, image), k, wanted)
        vector = of_text(spec, device, query or "")
        if hybrid:
            return _by_both(adapter, vector, query or "", k, wanted)
        return adapter.search(vector, k, wanted)


def _by_both(
    adapter: Adapter, vector: Sequence[float], query: str, k: int, where: Filter | None
) -> list[Hit]:
    """The hits nearest in meaning and those with the words, fused.

    Where the database does not search for words, those of the nearest are ranked here.
    """
    depth = max(_FUSED_DEPTH, 2 * k)
    nearest = adapter.search(vector, depth, where)
    try:
        with_words = adapter.search_text(query, depth, where)
    except NotImplementedError:
        with_words = [nearest[place] for place in by_words(query, [hit.text for hit in nearest])]
    hits = {hit.id: hit for hit in (*with_words, *nearest)}
    ranking = fused([[hit.id for hit in nearest], [hit.id for hit in with_words]])
    return [replace(hits[name], score=score) for name, score in ranking[:k]]
