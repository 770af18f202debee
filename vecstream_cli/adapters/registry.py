"""From the name after --db to its adapter: built in, or another package's entry point."""

from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec

from vecstream_cli.adapters.base import Adapter
from vecstream_cli.endpoint import Endpoint
from vecstream_cli.errors import DatabaseError, UsageError
from vecstream_cli.settings import nearest

GROUP = "vecstream.adapters"

# Named here as well as in pyproject.toml, so that they work from a source tree, and without
# reading the metadata of every installed package.
_BUILT_IN = {
    "chroma": ("vecstream_cli.adapters.chroma.adapter", "ChromaAdapter"),
    "elasticsearch": ("vecstream_cli.adapters.search_engine.elasticsearch", "ElasticsearchAdapter"),
    "lance": ("vecstream_cli.adapters.lance.adapter", "LanceAdapter"),
    "milvus": ("vecstream_cli.adapters.milvus.adapter", "MilvusAdapter"),
    "opensearch": ("vecstream_cli.adapters.search_engine.opensearch", "OpenSearchAdapter"),
    "pgvector": ("vecstream_cli.adapters.pgvector.adapter", "PgvectorAdapter"),
    "pinecone": ("vecstream_cli.adapters.pinecone.adapter", "PineconeAdapter"),
    "qdrant": ("vecstream_cli.adapters.qdrant.adapter", "QdrantAdapter"),
    "weaviate": ("vecstream_cli.adapters.weaviate.adapter", "WeaviateAdapter"),
}


def connect(database: Endpoint, collection: str, *, read_only: bool) -> Adapter:
    """Open a collection.

    Raises UsageError for a name nobody registered, a client that is not installed, an option or
    a collection's name that the database does not have; and what `Adapter.open` raises.
    """
    kind = adapter_class(database.name)
    for package in missing(kind):
        raise DatabaseError(
            f"The database {kind.name} needs the package {package}, which is not installed.",
            hint=f"Run: {install_command(kind)}",
        )
    _check_options(kind, database)
    names = kind.limits.names
    if names is not None and not names.fullmatch(collection):
        raise UsageError(
            f"{collection!r} cannot name a collection in {kind.name}.", hint=kind.limits.naming
        )
    return kind.open(database, collection, read_only=read_only)


def adapter_class(name: str) -> type[Adapter]:
    """The adapter registered as `name`; its database client is not imported yet.

    Raises UsageError for a name nobody registered, or whose package does not import.
    """
    if name in _BUILT_IN:
        module, attribute = _BUILT_IN[name]
        found = getattr(import_module(module), attribute)
    else:
        found = _registered(name)
    if not (isinstance(found, type) and issubclass(found, Adapter)):
        raise UsageError(f"The entry point {name!r} of {GROUP} is not an Adapter class.")
    return found


def adapter_names() -> list[str]:
    """Every name that `adapter_class` knows."""
    return sorted({*_BUILT_IN, *entry_points(group=GROUP).names})


def missing(kind: type[Adapter]) -> list[str]:
    """The packages that the adapter needs and that are not installed; imports none."""
    return [name for name in kind.packages if find_spec(name) is None]


def install_command(kind: type[Adapter]) -> str:
    """What installs those packages."""
    wanted = f"'vecstream[{kind.extra}]'" if kind.extra else " ".join(kind.packages)
    return f"pip install {wanted}"


def _check_options(kind: type[Adapter], database: Endpoint) -> None:
    for name in database.options:
        if name not in kind.options:
            guess = nearest(name, list(kind.options))
            known = (
                f"Its options are {', '.join(kind.options)}." if kind.options else "It has none."
            )
            raise UsageError(
                f"The database {kind.name} has no option {name!r}.",
                hint=f"Did you mean {guess}?" if guess else known,
            )
        kind.option(database, name)


def _registered(name: str) -> object:
    for entry in entry_points(group=GROUP, name=name):
        try:
            return entry.load()
        except (ImportError, AttributeError) as error:
            raise UsageError(
                f"The database {name!r} cannot be used: {error}.",
                hint=f"Install the package of {entry.value!r} with what it depends on.",
            ) from error
    names = adapter_names()
    guess = nearest(name, names)
    raise UsageError(
        f"There is no database named {name!r}.",
        hint=f"Did you mean --db {guess}?" if guess else f"Known: {', '.join(names)}.",
    )
