"""vecstream: folders of documents into a vector database, under a memory ceiling.

The Python API's names are here. Each is imported when it is first used, so that the command line
and the ring's processes, which import this package too, load nothing for them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vecstream_cli.api.embedding import (
        Database,
        EmbeddingModel,
        embed_directory,
        embed_file,
        embed_image_directory,
    )
    from vecstream_cli.api.index import index
    from vecstream_cli.api.preview import preview
    from vecstream_cli.api.search import search
    from vecstream_cli.errors import VecstreamError
    from vecstream_cli.pipeline.events import Preview, Summary
    from vecstream_cli.secret import Secret
    from vecstream_cli.settings import Settings

    __version__: str

__all__ = [
    "Database",
    "EmbeddingModel",
    "Preview",
    "Secret",
    "Settings",
    "Summary",
    "VecstreamError",
    "embed_directory",
    "embed_file",
    "embed_image_directory",
    "index",
    "preview",
    "search",
]

_HOMES = {
    "Database": "api.embedding",
    "EmbeddingModel": "api.embedding",
    "Preview": "pipeline.events",
    "Secret": "secret",
    "Settings": "settings",
    "Summary": "pipeline.events",
    "VecstreamError": "errors",
    "embed_directory": "api.embedding",
    "embed_file": "api.embedding",
    "embed_image_directory": "api.embedding",
    "index": "api.index",
    "preview": "api.preview",
    "search": "api.search",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("vecstream")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
