"""Search: the chunks of a collection whose meaning is nearest to a question's."""

import os
from collections.abc import Sequence

from vecstream_cli.adapters.base import Hit
from vecstream_cli.adapters.registry import adapter_class, connect
from vecstream_cli.api.asking import of_image, of_text
from vecstream_cli.api.naming import database_name, no_collection
from vecstream_cli.api.same_model import same_model
from vecstream_cli.core.filter_text import parsed
from vecstream_cli.errors import UsageError
from vecstream_cli.secret import Secret
from vecstream_cli.settings import DEFAULT_COLLECTION, Settings


def search(
    query: str | None = None,
    *,
    image: str | os.PathLike[str] | None = None,
    k: int = 5,
    where: str | None = None,
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
    is looked at.
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
        return adapter.search(of_text(spec, device, query or ""), k, wanted)
