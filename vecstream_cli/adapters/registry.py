"""From the name after --db to its adapter class: built in, or another package's entry point."""

from importlib import import_module
from importlib.metadata import entry_points

from vecstream_cli.adapters.base import Adapter
from vecstream_cli.errors import UsageError
from vecstream_cli.settings import nearest

GROUP = "vecstream.adapters"

# Named here as well as in pyproject.toml, so that they work from a source tree, and without
# reading the metadata of every installed package.
_BUILT_IN = {"lance": ("vecstream_cli.adapters.lance", "LanceAdapter")}


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
