"""The databases that vecstream knows: which can be used here, and what each of them takes."""

from collections.abc import Mapping
from dataclasses import dataclass

from vecstream_cli.adapters.base import Limits, Option
from vecstream_cli.adapters.registry import adapter_class, adapter_names, install_command, missing
from vecstream_cli.errors import VecstreamError


@dataclass(frozen=True, slots=True)
class AdapterFacts:
    """An adapter. `missing` are the packages that it lacks, `install` the command that adds them;
    `trouble` says why it could not even be looked at, and the rest is then None."""

    name: str
    summary: str
    missing: tuple[str, ...] = ()
    install: str | None = None
    options: Mapping[str, Option] | None = None
    limits: Limits | None = None
    keeps_locks: bool | None = None
    trouble: str | None = None


def adapters() -> list[AdapterFacts]:
    """Every adapter, by its name; no database client is imported."""
    return [_looked_at(name) for name in adapter_names()]


def adapter(name: str) -> AdapterFacts:
    """One of them. Raises UsageError for a name that nobody registered."""
    kind = adapter_class(name)
    lacking = tuple(missing(kind))
    return AdapterFacts(
        name,
        (kind.__doc__ or "").strip().split("\n")[0],
        lacking,
        install_command(kind) if lacking else None,
        kind.options,
        kind.limits,
        kind.keeps_locks,
    )


def _looked_at(name: str) -> AdapterFacts:
    try:
        return adapter(name)
    except VecstreamError as error:
        return AdapterFacts(name, "", trouble=error.message)
