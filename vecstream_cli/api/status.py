"""Status: what is in a database, from the manifests alone."""

from vecstream_cli.adapters.registry import adapter_class
from vecstream_cli.api.naming import database_name, no_collection
from vecstream_cli.settings import DEFAULT_COLLECTION
from vecstream_cli.state.location import locate
from vecstream_cli.state.overview import CollectionOverview, overviews


def status(
    *, db: str = "lance", db_uri: str | None = None, collection: str | None = None
) -> list[CollectionOverview]:
    """Every collection of the database that this machine has indexed into, or only the one named.

    The database itself is not opened. Raises CollectionNotFound where there is none, and
    ManifestError.
    """
    kind = adapter_class(db)
    database, local = database_name(kind, db_uri), kind.local_folder(db_uri)
    folder = locate(db, db_uri, collection or DEFAULT_COLLECTION, local).manifest.parent
    found = [
        each
        for each in overviews(folder, database=database, local_folder=local)
        if collection in (None, each.name)
    ]
    if not found:
        raise no_collection(database, collection)
    return found
