"""What to call a database and a collection that is not in it."""

from vecstream_cli.adapters.base import Adapter
from vecstream_cli.errors import CollectionNotFound
from vecstream_cli.hiding import hidden


def database_name(kind: type[Adapter], uri: str | None) -> str:
    """The folder of an embedded database, the kind and URI of another."""
    folder = kind.local_folder(uri)
    return str(folder) if folder is not None else hidden(f"{kind.name} {uri or ''}").strip()


def no_collection(database: str, collection: str | None = None) -> CollectionNotFound:
    """The error for a collection, or any at all, that `database` does not have."""
    what = "no collection" if collection is None else f"no collection {collection!r}"
    return CollectionNotFound(f"There is {what} in {database}.")
